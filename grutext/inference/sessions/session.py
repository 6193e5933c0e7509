"""Sessions: texts that are still coming, with an answer after each piece."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from grutext.errors import SessionError
from grutext.inference.decisions import name_labels
from grutext.inference.sessions.saved import save_state
from grutext.inference.sessions.stream import Stream, TextState


@dataclass(frozen=True, slots=True)
class SessionAnswer:
    """What a model answers about the part of a text that has come.

    Attributes:
        label: The label; the tuple of labels, which may be empty, where a text may have several.
        probabilities: The probability of each label, `(C,) float32`, in the order of the model's labels.
        is_decided: Whether it is safe to stop reading: the text is over, or the model's stop rule held at a checkpoint, see
            `Classifier.session`.
    """

    label: str | tuple[str, ...]
    probabilities: NDArray[np.float32] = field(compare=False)
    is_decided: bool


class Session:
    """A text that is still coming; `Classifier.session` begins one, and `Classifier.resume` continues one.

    After each piece it answers about the finished words so far: as `Classifier.predict_proba` would, up to the last bits of
    float32. A word is finished when white space follows; in scripts without spaces, when the next letter follows. However a
    text is cut into pieces, the last answer is the same bits; a session with compiled kernels and one without differ by a few millionths.

    The part of the GRU takes the same memory however long the text is. The linear part takes memory for each distinct n-gram
    of the text that the model knows.

    A session is for one thread at a time; any number of sessions may share a classifier.

    Attributes:
        stream: What the session computes with.
    """

    __slots__ = ("_has_ended", "_state", "stream")

    def __init__(self, stream: Stream, state: TextState | None = None) -> None:
        self.stream, self._has_ended = stream, False
        self._state = stream.begin() if state is None else state

    def push(self, text: str) -> SessionAnswer:
        """Read the next piece of the text, and answer about its finished words.

        Raises:
            TypeError: The piece is not a `str`.
            SessionError: The session has ended.
            BundleError: The weights are so large that the scores overflow.
        """
        return push_many(self.stream, [self], [text])[0]

    def push_bytes(self, content: bytes) -> SessionAnswer:
        """Read the next piece of the text in UTF-8, which may end within a character; wrong bytes are read as U+FFFD.

        Raises:
            SessionError: The session has ended.
            BundleError: The weights are so large that the scores overflow.
        """
        state, decoder = self.open_state(self.stream), codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(state.undecoded + content)
        state.undecoded = b""
        answer = self.push(text)
        state.undecoded = decoder.getstate()[0]
        return answer

    def finish(self) -> SessionAnswer:
        """Read the unfinished word, end the session, and return the last answer.

        Raises:
            SessionError: The session has ended.
            BundleError: The weights are so large that the scores overflow.
        """
        return finish_many(self.stream, [self])[0]

    def state(self) -> bytes:
        """Return the session as bytes, for `Classifier.resume` in this process or another one.

        Raises:
            SessionError: The session has ended.
        """
        return save_state(self.stream, self.open_state(self.stream))

    def open_state(self, stream: Stream) -> TextState:
        """Return what is kept of the text.

        Raises:
            SessionError: The session has ended, or is not of the model of `stream`.
        """
        if self._has_ended:
            raise SessionError("the session has ended; begin another one: classifier.session()")
        if self.stream.bundle is not stream.bundle:
            raise SessionError(
                "the session is of another model; push to it with the classifier that began it"
            )
        return self._state

    def __enter__(self) -> Session:  # noqa: PYI034 (Python 3.10 has no Self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._has_ended = True


def push_many(stream: Stream, sessions: Sequence[Session], pieces: Sequence[str]) -> list[SessionAnswer]:
    """Push a piece to each of many sessions; the arguments and errors are those of `Classifier.push_many`."""
    if len(sessions) != len(pieces):
        raise SessionError(
            f"there are {len(sessions):,} sessions but {len(pieces):,} pieces; pass one piece for each"
        )
    for place, piece in enumerate(pieces):
        if not isinstance(piece, str):
            raise TypeError(f"the piece of session {place} is {type(piece).__name__}; pass a str")

    def push(own: Stream, states: Sequence[TextState], places: Sequence[int]) -> list[SessionAnswer]:
        own.push(states, [pieces[place] for place in places])
        return answer(own, states)

    return _together(stream, sessions, push)


def finish_many(stream: Stream, sessions: Sequence[Session]) -> list[SessionAnswer]:
    """End many sessions; the arguments and errors are those of `Classifier.finish_many`."""

    def finish(own: Stream, states: Sequence[TextState], places: Sequence[int]) -> list[SessionAnswer]:
        for place in places:
            sessions[place]._has_ended = True  # noqa: SLF001 (of this module)
        own.finish(states)
        return answer(own, states, have_ended=True)

    return _together(stream, sessions, finish)


def _together(
    stream: Stream,
    sessions: Sequence[Session],
    work: Callable[[Stream, Sequence[TextState], Sequence[int]], list[SessionAnswer]],
) -> list[SessionAnswer]:
    """Return the answers about many sessions, from a function of a stream, the states of its sessions and their places."""
    if len(set(map(id, sessions))) < len(sessions):
        raise SessionError("a session is there twice; join its pieces")
    states = [session.open_state(stream) for session in sessions]
    answers: dict[int, SessionAnswer] = {}
    for own in {session.stream for session in sessions}:  # more than one if kernels were loaded in between
        places = [place for place, session in enumerate(sessions) if session.stream is own]
        answers.update(zip(places, work(own, [states[place] for place in places], places), strict=True))
    return [answers[place] for place in range(len(sessions))]


def answer(stream: Stream, states: Sequence[TextState], *, have_ended: bool = False) -> list[SessionAnswer]:
    """Return the answers about texts, which may have ended."""
    bundle, probabilities = stream.bundle, stream.probabilities(states, have_ended=have_ended)
    labels: Sequence[str | tuple[str, ...]] = name_labels(
        probabilities, bundle.labels, bundle.calibration.thresholds, bundle.multilabel
    )
    return [
        SessionAnswer(label, row, state.is_decided)
        for label, row, state in zip(labels, probabilities, states, strict=True)
    ]
