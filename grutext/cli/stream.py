"""`grutext classify --stream`: answers about a text, or lines of text, while they are still coming."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from grutext.errors import DataError

if TYPE_CHECKING:
    from grutext.inference import Classifier
    from grutext.inference.sessions import Session, SessionAnswer

STDIN = "-"
_NOT_STREAMED = {
    "top_k",
    "abstain_below",
    "familiar_above",
    "familiarity",
    "explain",
    "explain_label",
    "encoding",
    "as_json",
}
PIECE = 1 << 16  # bytes that are read at a time; no more are read before their answers are written


class AnswerLines:
    """Prints an answer as a line of JSON if it differs from the one before.

    Args:
        model: The model that answers.
        gap: As for `Classifier.session`.
    """

    def __init__(self, model: Classifier, gap: float | None) -> None:
        self._model, self._gap = model, gap
        self._shown: dict[str, Any] = {}

    def begin(self) -> Session:
        """Begin the next text."""
        self._shown = {}
        return self._model.session(self._gap)

    def show(self, source: str, answer: SessionAnswer, *, is_last: bool = False) -> None:
        """Print an answer if its label, or whether it is decided, is new; the last one of a text always."""
        from grutext.inference.answers import DECIMALS

        label = list(answer.label) if isinstance(answer.label, tuple) else answer.label
        shown = {"source": source, "label": label, "is_decided": answer.is_decided}
        if shown == self._shown and not is_last:
            return
        self._shown = shown
        confidence = float(self._model.confidence(answer.probabilities[None])[0])
        click.echo(json.dumps(shown | {"confidence": round(confidence, DECIMALS)}, ensure_ascii=False))


def check_stream_options(ctx: click.Context) -> None:
    """Raise a UsageError if options of `grutext classify` are given that do not go together with or without --stream."""
    given = {name for name, value in ctx.params.items() if value not in (None, False, ())}
    if "stream" not in given and "early" in given:
        raise click.UsageError(
            "--early is for --stream; `grutext predict` has it for texts that are complete.", ctx
        )
    if "stream" in given and (given & _NOT_STREAMED or len(ctx.params["files"]) > 1):
        raise click.UsageError(
            "--stream reads one FILE or stdin, in UTF-8, and has no option but --lines and --early.", ctx
        )


def classify_stream(folder: Path, name: str, gap: float | None, *, lines: bool) -> None:
    """Print answers while a file is read: a line of JSON whenever an answer changes or is decided.

    Args:
        folder: The model that answers.
        name: The file, in UTF-8; `-` is stdin.
        gap: As for `Classifier.session`.
        lines: Whether each line is a text, instead of all of the file.

    Raises:
        DataError: The file cannot be read.
        SessionError: The model cannot answer before the end of a text.
    """
    from grutext.inference import Classifier

    answers = AnswerLines(Classifier.load(folder, compiled=False), gap)
    with _open(name) as file:
        if lines:
            _classify_lines(answers, file, name)
        else:
            _classify_whole(answers, file, name)


def _classify_whole(answers: AnswerLines, file: BinaryIO, name: str) -> None:
    session = answers.begin()
    for piece in _pieces(file):
        answers.show(name, session.push_bytes(piece))
    answers.show(name, session.finish(), is_last=True)


def _classify_lines(answers: AnswerLines, file: BinaryIO, name: str) -> None:
    number, session, is_empty = 1, answers.begin(), True
    for piece in _pieces(file):
        *ends, rest = piece.split(b"\n")
        for end in ends:
            session.push_bytes(end)
            answers.show(f"{name}:{number}", session.finish(), is_last=True)
            number, session, is_empty = number + 1, answers.begin(), True
        if rest:
            answers.show(f"{name}:{number}", session.push_bytes(rest))
            is_empty = False
    if not is_empty:
        answers.show(f"{name}:{number}", session.finish(), is_last=True)


def _open(name: str) -> Any:
    if name == STDIN:
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", name) from error


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield what has come, as soon as it has come."""
    read: Any = getattr(file, "read1", file.read)
    while piece := read(PIECE):
        yield piece
