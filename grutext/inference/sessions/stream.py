"""A model for texts that are still coming: both parts, from text to probabilities."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grutext.engines.numpy.stream import State
from grutext.errors import BundleError, SessionError
from grutext.inference.fusion import fuse
from grutext.inference.gru_part import GRUPart
from grutext.inference.linear_part import LinearPart
from grutext.inference.sessions.gru_stream import GRUStream
from grutext.inference.sessions.linear_stream import Counts, LinearStream, overlay
from grutext.model.bundle import Bundle, weights_digest
from grutext.text import TokenBatch, Vectorizer, is_unspaced
from grutext.text.unfinished import find_last_cut

Float = NDArray[np.float32]

_PIECE = 1 << 14  # characters that are read at a time, which bounds the memory


@dataclass(slots=True)
class TextState:
    """What a model keeps of one text that is still coming.

    Attributes:
        numbers: The bytes of one element of `Stream.dtype`; their number does not depend on the text.
        counts: How often each n-gram of the linear part occurs; empty without a linear part.
        open_token: The last token, normalised, if a pair of characters may yet be made of it; "" otherwise.
        unfinished: What has come after the last finished word, in pieces.
        undecoded: The bytes of a character that has not come to its end.
    """

    numbers: bytes
    counts: dict[int, int] = field(default_factory=dict)
    open_token: str = ""
    unfinished: list[str] = field(default_factory=list)
    undecoded: bytes = b""

    def take_finished(self, piece: str, tokenizer: str) -> str:
        """Return the words that a new piece finishes, and keep what is unfinished."""
        cut = find_last_cut(piece, tokenizer)
        if cut is None:
            self.unfinished += [piece] if piece else []
            return ""
        finished = "".join([*self.unfinished, piece[:cut]])
        self.unfinished = [piece[cut:]] if cut < len(piece) else []
        return finished

    def take_rest(self) -> str:
        """Return what is unfinished, and keep nothing of it."""
        rest = "".join([*self.unfinished, self.undecoded.decode("utf-8", "replace")])
        self.unfinished, self.undecoded = [], b""
        return rest


class Stream:
    """A model for texts that are still coming; immutable.

    Args:
        bundle: The model.
        vectorizer: Its vectorizer.
        gru: Its GRU part, if it has one.
        linear: Its linear part, if it has one.

    Attributes:
        bundle: The model.
        dtype: Of the numbers that are kept of a text.

    Raises:
        SessionError: The model reads each text backward as well.
    """

    def __init__(
        self, bundle: Bundle, vectorizer: Vectorizer, gru: GRUPart | None, linear: LinearPart | None
    ) -> None:
        config = bundle.config
        if config.gru.enabled and config.gru.bidirectional:
            raise SessionError(
                "this model also reads each text from its end, so it cannot answer before the end has come; "
                "train one that can: grutext train DATA --preset streaming"
            )
        self.bundle = bundle
        self._vectorizer = vectorizer
        self._gru = GRUStream(config.gru, bundle.weights, gru) if gru else None
        self._linear = LinearStream(config.linear, linear) if linear else None
        parts = [("gru", self._gru), ("linear", self._linear)]
        self.dtype = np.dtype([(name, part.dtype) for name, part in parts if part is not None])

    @property
    def features(self) -> int:
        """The number of n-grams that are counted; 0 without a linear part."""
        return self._linear.features if self._linear else 0

    @cached_property
    def digest(self) -> bytes:
        """The SHA-256 of all that answers depend on: the weights, the settings, the labels and the calibration."""
        bundle = self.bundle
        settings = [bundle.config.to_dict(), bundle.labels, bundle.vocabulary, asdict(bundle.calibration)]
        text = json.dumps([weights_digest(bundle), bundle.multilabel, settings])
        return hashlib.sha256(text.encode()).digest()

    def begin(self) -> TextState:
        """Return the state of an empty text."""
        return TextState(bytes(self.dtype.itemsize))

    def push(self, states: Sequence[TextState], pieces: Sequence[str]) -> None:
        """Read the words that the next piece of each text finishes; the states are changed in place."""
        pieces = [_after_bytes(state, piece) for state, piece in zip(states, pieces, strict=True)]
        tokenizer = self.bundle.config.text.tokenizer
        for start in range(0, max(map(len, pieces), default=0), _PIECE):
            parts = [piece[start : start + _PIECE] for piece in pieces]
            finished = [
                state.take_finished(part, tokenizer) for state, part in zip(states, parts, strict=True)
            ]
            if any(finished):
                self._read(states, finished)

    def finish(self, state: TextState) -> None:
        """Read the unfinished word of a text."""
        self._read([state], [state.take_rest()])

    def _read(self, states: Sequence[TextState], texts: Sequence[str]) -> None:
        """Read the next words of each text."""
        numbers = self._join(states)
        joins_pairs = self.bundle.config.text.tokenizer == "pair"
        opens = [state.open_token if text else "" for state, text in zip(states, texts, strict=True)]
        before = [f"{token} " if token else "" for token in opens]
        tokens = self._vectorizer.vectorize([first + text for first, text in zip(before, texts, strict=True)])
        normalized = [text[len(first) :] for first, text in zip(before, tokens.normalized, strict=True)]
        if joins_pairs:
            tokens, held = _hold_back(tokens)
            for state, text, token in zip(states, texts, held, strict=True):
                state.open_token = token if text else state.open_token
        self._feed(numbers, [state.counts for state in states], tokens, normalized)
        for state, row in zip(states, numbers, strict=True):
            state.numbers = row.tobytes()

    def probabilities(self, states: Sequence[TextState]) -> Float:
        """Return the probabilities of each text, `(N, C)`, as if it ended here; the states are not changed."""
        numbers, counts = self._join(states), [overlay(state.counts) for state in states]
        if any(state.open_token for state in states):
            tokens = self._vectorizer.vectorize([state.open_token for state in states])
            self._feed(numbers, counts, tokens, [""] * len(states))
        gru = linear = None
        with np.errstate(over="ignore", invalid="ignore"):
            if self._gru is not None:
                self._gru.close(numbers["gru"])
                gru = self._gru.logits(numbers["gru"])
            if self._linear is not None:
                self._linear.close(numbers["linear"], counts)
                linear = self._linear.margins(numbers["linear"])
            probabilities = fuse(gru, linear, self.bundle.calibration, self.bundle.multilabel)
        if not np.isfinite(probabilities).all():
            raise BundleError("the model's weights are so large that its scores overflow; train it again")
        return probabilities

    def _join(self, states: Sequence[TextState]) -> State:
        return np.frombuffer(bytearray().join(state.numbers for state in states), self.dtype)

    def _feed(
        self, numbers: State, counts: Sequence[Counts], tokens: TokenBatch, normalized: Sequence[str]
    ) -> None:
        """Read the tokens, and the normalised parts that they are of."""
        with np.errstate(over="ignore", invalid="ignore"):  # `probabilities` checks
            if self._gru is not None:
                self._gru.read(numbers["gru"], tokens)
            if self._linear is not None:
                self._linear.read(numbers["linear"], counts, tokens, normalized)


def _after_bytes(state: TextState, piece: str) -> str:
    """Return a piece of text after what is left of a character whose end did not come."""
    if not piece or not state.undecoded:
        return piece
    left, state.undecoded = state.undecoded.decode("utf-8", "replace"), b""
    return left + piece


def _hold_back(tokens: TokenBatch) -> tuple[TokenBatch, list[str]]:
    """Return the tokens without the last one of each text if a pair may yet be made of it, and that one; "" for none."""
    ends = np.cumsum(tokens.lengths)
    held = [
        tokens.types[tokens.ids[end - 1]] if length else ""
        for end, length in zip(ends, tokens.lengths, strict=True)
    ]
    held = [token if is_unspaced(token) else "" for token in held]
    is_held = np.array([bool(token) for token in held], np.bool_)
    kept = np.ones(len(tokens.ids), np.bool_)
    kept[ends[is_held] - 1] = False
    ids, lengths = tokens.ids[kept], tokens.lengths - is_held.astype(np.int32)
    return TokenBatch(
        normalized=tokens.normalized,
        types=tokens.types,
        ids=ids,
        lengths=lengths,
        rows=tokens.rows,
        buckets=tokens.buckets,
        bucket_counts=tokens.bucket_counts,
    ), held
