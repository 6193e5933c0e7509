"""`grutext classify --stream`: answers about a text, or lines of text, while they are still coming."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from grutext.cli.documents import check_no_table, find_document
from grutext.cli.options import print_notes
from grutext.errors import DataError

if TYPE_CHECKING:
    from grutext.data.formats.sources import Source
    from grutext.inference import Classifier
    from grutext.inference.sessions import Session, SessionAnswer

_NOT_STREAMED = {
    "top_k",
    "abstain_below",
    "familiar_above",
    "familiarity",
    "explain",
    "explain_label",
    "encoding",
    "threads",
    "as_json",
}
PIECE = 1 << 16  # bytes that are read at a time; no more are read before their answers are written
_LINES = 256  # that are labelled together


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

    def finish(self, sessions: Sequence[Session], texts: Sequence[str]) -> list[SessionAnswer]:
        """Push the rest of each text to its session, and return the last answers."""
        self._model.push_many(sessions, texts)
        return self._model.finish_many(sessions)

    def show(self, source: str, answer: SessionAnswer, *, has_ended: bool = False) -> None:
        """Print an answer if its label, or whether it is decided, is new; that of a text that has ended always."""
        from grutext.inference.answers import DECIMALS

        label = list(answer.label) if isinstance(answer.label, tuple) else answer.label
        shown = {"source": source, "label": label, "is_decided": answer.is_decided, "has_ended": has_ended}
        if shown == self._shown:
            return
        self._shown = shown
        confidence = float(self._model.confidence(answer.probabilities[None])[0])
        click.echo(json.dumps(shown | {"confidence": round(confidence, DECIMALS)}, ensure_ascii=False))


def check_stream_options(ctx: click.Context) -> None:
    """Raise a UsageError if options of `grutext classify` are given that do not go together with or without --stream."""
    given = {name for name, value in ctx.params.items() if value is not None and value is not False}
    if "stream" not in given and "early" in given:
        raise click.UsageError(
            "--early is for --stream; `grutext predict` has it for texts that are complete.", ctx
        )
    if "stream" in given and (given & _NOT_STREAMED or len(ctx.params["files"]) > 1):
        raise click.UsageError(
            "--stream reads one FILE or stdin, in UTF-8, and has no option but -m, --lines and --early.", ctx
        )


def classify_stream(folder: Path, name: str, gap: float | None, *, lines: bool) -> None:
    """Print answers while a file is read: a line of JSON whenever an answer changes or is decided.

    Args:
        folder: The model that answers.
        name: The file, in UTF-8; `-` is stdin.
        gap: As for `Classifier.session`.
        lines: Whether each line is a text, instead of all of the file.

    Raises:
        DataError: The file cannot be read or decompressed, is not in UTF-8, or, where it is one text, is a table or blank.
        SessionError: The model cannot answer before the end of a text.
    """
    from grutext.inference import Classifier

    source = find_document(name)
    if not lines:
        check_no_table(name)
    answers = AnswerLines(Classifier.load(folder, compiled=False), gap)
    if lines:
        _classify_lines(answers, source, name)
    else:
        _classify_whole(answers, source, name)


def _classify_whole(answers: AnswerLines, source: Source, name: str) -> None:
    session, is_blank = answers.begin(), True
    for piece in _pieces(source):
        is_blank = is_blank and not piece.strip()
        answer = session.push(piece)
        if not is_blank:
            answers.show(name, answer)
    if is_blank:
        raise DataError("is blank; there is no text to label", name)
    answers.show(name, session.finish(), has_ended=True)


def _classify_lines(answers: AnswerLines, source: Source, name: str) -> None:
    number, session, is_empty = 1, answers.begin(), True
    for piece in _pieces(source):
        *ends, rest = piece.split("\n")
        for first in range(0, len(ends), _LINES):
            some = ends[first : first + _LINES]
            sessions = [session, *(answers.begin() for _ in some[1:])]
            for answer in answers.finish(sessions, some):
                answers.show(f"{name}:{number}", answer, has_ended=True)
                number += 1
            session, is_empty = answers.begin(), True
        if rest:
            answers.show(f"{name}:{number}", session.push(rest))
            is_empty = False
    if not is_empty:
        answers.show(f"{name}:{number}", session.finish(), has_ended=True)


def _pieces(source: Source) -> Iterator[str]:
    r"""Yield the text that has come, as soon as it has come, with `\n` at the end of each line.

    A byte order mark is left out. Other bytes than those of UTF-8 are read as U+FFFD, and a note says so once.
    """
    from grutext.data.formats.compression import READING_ERRORS
    from grutext.data.formats.encodings import find_encoding, is_wide
    from grutext.data.formats.lines import explain_reading
    from grutext.data.formats.sources import open_bytes

    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = io.IncrementalNewlineDecoder(decoder, translate=True)
    is_first = True
    with open_bytes(source) as file:
        piece = b"-"
        while piece:
            try:
                piece = cast("io.BufferedIOBase", file).read1(PIECE)
            except READING_ERRORS as error:
                raise explain_reading(error, source) from None
            if is_first and is_wide(encoding := find_encoding(piece, whole=False)):
                remedy = f"iconv -f {encoding} -t utf-8 FILE | grutext classify --stream -"
                raise DataError(
                    f"its encoding is {encoding}, and --stream reads UTF-8: {remedy}", source.name
                )
            try:
                text = lines.decode(piece, final=not piece)
            except UnicodeDecodeError:
                print_notes([f"{source.name}: bytes that are not UTF-8 are read as U+FFFD"])
                decoder.errors = "replace"
                text = lines.decode(piece, final=not piece)
            if is_first and text:
                text, is_first = text.removeprefix("\ufeff"), False
            if text:
                yield text
