"""A model for texts that are still coming: both parts, from text to probabilities."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from grutext.engines.stream import State
from grutext.errors import BundleError
from grutext.inference.decisions import choose
from grutext.inference.fusion import fuse, sharpen
from grutext.inference.gru_part import GRUPart
from grutext.inference.linear_part import LinearPart
from grutext.inference.sessions.compiled_linear_stream import CompiledLinearStream
from grutext.inference.sessions.gru_stream import GRUStream
from grutext.inference.sessions.linear_stream import Counts, CountsOfTexts, LinearStream
from grutext.model.bundle import Bundle, weights_digest
from grutext.text import TokenBatch, Vectorizer, is_unspaced
from grutext.text.unfinished import cut_words, find_last_cut

Float = NDArray[np.float32]

# Characters that are read at a time, of one text and of all, which bounds the memory.
_PIECE, _TOGETHER = 1 << 14, 1 << 18
_MOST_SHARPENED = 2.0  # the logarithm of the largest factor


@dataclass(slots=True)
class TextState:
    """What a model keeps of one text that is still coming.

    Attributes:
        numbers: The bytes of one element of `Stream.dtype`; their number does not depend on the text.
        counts: How often each n-gram of the linear part occurs; empty without a linear part.
        open_token: The last token, normalised, if a pair of characters may yet be made of it; "" otherwise.
        unfinished: What has come after the last finished word, in pieces.
        undecoded: The bytes of a character that has not come to its end.
        words: The number of finished words.
        threshold: The confidence from which the answer counts as decided; infinite for never.
        is_decided: Whether it was reached at a checkpoint.
    """

    numbers: bytes
    counts: Counts = field(default_factory=dict)
    open_token: str = ""
    unfinished: list[str] = field(default_factory=list)
    undecoded: bytes = b""
    words: int = 0
    threshold: float = math.inf
    is_decided: bool = False

    @property
    def words_to_checkpoint(self) -> int:
        """The number of words until the next checkpoint; more than any text has where nothing is left to decide."""
        if self.is_decided or self.threshold == math.inf:
            return sys.maxsize
        return next_checkpoint(self.words) - self.words

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


def can_stream(bundle: Bundle) -> bool:
    """Return whether a model reads texts in one direction only, so that it can answer while they are still coming."""
    return not (bundle.config.gru.enabled and bundle.config.gru.bidirectional)


class Stream:
    """A model for texts that are still coming; immutable.

    Args:
        bundle: The model, of which `can_stream` is true.
        vectorizer: Its vectorizer.
        gru: Its GRU part, if it has one.
        linear: Its linear part, if it has one.
        compiled: Whether to use compiled kernels, where there are any, instead of NumPy.

    Attributes:
        bundle: The model.
        dtype: Of the numbers that are kept of a text.
    """

    def __init__(
        self,
        bundle: Bundle,
        vectorizer: Vectorizer,
        gru: GRUPart | None,
        linear: LinearPart | None,
        compiled: bool = False,
    ) -> None:
        config = bundle.config
        self.bundle = bundle
        self._vectorizer = vectorizer
        self._gru = GRUStream(config.gru, bundle.weights, gru, compiled) if gru else None
        has_kernels = compiled and linear is not None and linear.kernel.dtype == np.float16
        kind = CompiledLinearStream if has_kernels else LinearStream
        self._linear = kind(config.linear, linear) if linear else None
        parts = [("gru", self._gru), ("linear", self._linear)]
        self.dtype = np.dtype([(name, part.dtype) for name, part in parts if part is not None])
        self._zeros = bytes(self.dtype.itemsize)

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

    def begin(self, threshold: float = math.inf) -> TextState:
        """Return the state of an empty text; the confidence `threshold` decides its answer."""
        return TextState(self._zeros, self.new_counts(), threshold=threshold)

    def new_counts(self, pairs: Iterable[tuple[int, int]] = ()) -> Counts:
        """Return counts of n-grams, from pairs of a row in the linear part's kernel and a count."""
        return self._linear.new_counts(pairs) if self._linear else {}

    def new_batch(self, texts: int) -> tuple[State, CountsOfTexts]:
        """Return the numbers and the counts of N empty texts, for `advance` and `answer`."""
        counts = self._linear.new_batch(texts) if self._linear else CountsOfTexts({} for _ in range(texts))
        return np.zeros(texts, self.dtype), counts

    def has_right_sums(self, state: TextState) -> bool:
        """Return whether the sums of a text are those of its counts; what is read after other ones might overflow."""
        return self._linear is None or self._linear.has_right_sums(
            self._join([state])["linear"], state.counts
        )

    def push(self, states: Sequence[TextState], pieces: Sequence[str]) -> None:
        """Read the words that the next piece of each text finishes; the states are changed in place."""
        together = np.cumsum([len(piece) for piece in pieces]) // _TOGETHER
        edges = [0, *(np.flatnonzero(np.diff(together)) + 1).tolist(), len(pieces)]
        for first, last in pairwise(edges):
            self._push(states[first:last], pieces[first:last])

    def _push(self, states: Sequence[TextState], pieces: Sequence[str]) -> None:
        pieces = [_after_bytes(state, piece) for state, piece in zip(states, pieces, strict=True)]
        tokenizer = self.bundle.config.text.tokenizer
        for start in range(0, max(map(len, pieces), default=0), _PIECE):
            parts = [piece[start : start + _PIECE] for piece in pieces]
            finished = [
                state.take_finished(part, tokenizer) for state, part in zip(states, parts, strict=True)
            ]
            if any(finished):
                self._read_and_decide(states, finished)

    def finish(self, states: Sequence[TextState]) -> None:
        """Read the unfinished word of each text."""
        self.read(states, [state.take_rest() for state in states])
        for state in states:
            state.is_decided = True

    def _read_and_decide(self, states: Sequence[TextState], texts: Sequence[str]) -> None:
        """Read the next finished words of each text, and look at its answer at each checkpoint until it is decided.

        The checkpoints are numbers of words, so that where a text is decided does not depend on how it was cut.
        """
        left, tokenizer = list(texts), self.bundle.config.text.tokenizer
        if all(state.words_to_checkpoint == sys.maxsize for state in states):
            self.read(states, left)
            return
        while any(left):
            parts = [
                cut_words(text, tokenizer, state.words_to_checkpoint)[0]
                for state, text in zip(states, left, strict=True)
            ]
            wanted = [state.words + state.words_to_checkpoint for state in states]
            self.read(states, parts)
            left = [text[len(part) :] for part, text in zip(parts, left, strict=True)]
            reached = [state for state, words in zip(states, wanted, strict=True) if state.words == words]
            if reached:
                confidence = self.confidence(self.probabilities(reached))
                for state, value in zip(reached, confidence.tolist(), strict=True):
                    state.is_decided = value >= state.threshold

    def confidence(self, probabilities: Float) -> Float:
        """Return the probability of the label of each text, `(N,)`."""
        best = choose(probabilities, self.bundle.calibration.thresholds)
        return np.take_along_axis(probabilities, best[:, None], axis=1)[:, 0]

    def read(self, states: Sequence[TextState], texts: Sequence[str]) -> None:
        """Read the next words of each text; the states are changed in place."""
        numbers, counts = self._join(states), [state.counts for state in states]
        opens = self.advance(numbers, counts, [state.open_token for state in states], texts)
        content, size = numbers.tobytes(), self.dtype.itemsize
        for place, (state, token, text) in enumerate(zip(states, opens, texts, strict=True)):
            state.numbers = content[place * size : (place + 1) * size]
            state.open_token = token
            state.words += cut_words(text, self.bundle.config.text.tokenizer, sys.maxsize)[1]

    def advance(
        self, numbers: State, counts: Sequence[Counts], opens: Sequence[str], texts: Sequence[str]
    ) -> list[str]:
        """Read the next words of N texts, and return the open token of each; see `TextState`.

        Args:
            numbers: `(N,)` of `dtype`; is changed in place.
            counts: The counts of n-grams; are changed in place.
            opens: The open tokens before.
            texts: The words.
        """
        before = [f"{token} " if token and text else "" for token, text in zip(opens, texts, strict=True)]
        tokens = self._vectorizer.vectorize([first + text for first, text in zip(before, texts, strict=True)])
        normalized: Sequence[str] = tokens.normalized
        if self.bundle.config.text.tokenizer == "pair":
            normalized = [text[len(first) :] for first, text in zip(before, normalized, strict=True)]
            tokens, held = _hold_back(tokens)
            opens = [new if text else token for token, new, text in zip(opens, held, texts, strict=True)]
        self._feed(numbers, counts, tokens, normalized)
        return list(opens)

    def probabilities(self, states: Sequence[TextState], *, have_ended: bool = False) -> Float:
        """Return the probabilities of each text, `(N, C)`; the states are not changed.

        Args:
            states: What is kept of the texts.
            have_ended: Whether the texts are over; otherwise the calibration is that for their length so far.
        """
        opens, words = [state.open_token for state in states], np.array([state.words for state in states])
        is_over = np.full(len(states), have_ended)
        return self.answer(self._join(states), [state.counts for state in states], opens, words, is_over)

    def answer(
        self,
        numbers: State,
        counts: Sequence[Counts],
        opens: Sequence[str],
        words: NDArray[np.int64],
        have_ended: NDArray[np.bool_],
    ) -> Float:
        """Return the probabilities of N texts, `(N, C)`.

        Args:
            numbers: `(N,)` of `dtype`, which are spoiled.
            counts: The counts of n-grams, which stay.
            opens: The open tokens; see `TextState`.
            words: `(N,)`, the numbers of finished words.
            have_ended: `(N,)`, whether the texts are over; otherwise the calibration is that for their length so far.
        """
        if any(opens):
            self._feed(numbers, counts, self._vectorizer.vectorize(opens), [""] * len(opens), keep=False)
        calibration, multilabel = self.bundle.calibration, self.bundle.multilabel
        gru = linear = None
        with np.errstate(over="ignore", invalid="ignore"):
            if self._gru is not None:
                self._gru.close(numbers["gru"])
                gru = self._gru.logits(numbers["gru"])
            if self._linear is not None:
                self._linear.close(numbers["linear"], counts)
                linear = self._linear.margins(numbers["linear"])
            probabilities = fuse(gru, linear, calibration, multilabel)
        if calibration.length and not have_ended.all():
            sharp = sharpen(probabilities, length_factors(words, calibration.length), multilabel)
            probabilities = np.where(have_ended[:, None], probabilities, sharp)
        if not np.isfinite(probabilities).all():
            raise BundleError("the model's weights are so large that its scores overflow; train it again")
        return probabilities

    def _join(self, states: Sequence[TextState]) -> State:
        return np.frombuffer(bytearray(b"".join([state.numbers for state in states])), self.dtype)

    def _feed(
        self,
        numbers: State,
        counts: Sequence[Counts],
        tokens: TokenBatch,
        normalized: Sequence[str],
        keep: bool = True,
    ) -> None:
        """Read the tokens, and the normalised parts that they are of; change the counts only to `keep` them."""
        with np.errstate(over="ignore", invalid="ignore"):  # `probabilities` checks
            if self._gru is not None:
                self._gru.read(numbers["gru"], tokens)
            if self._linear is not None:
                self._linear.read(numbers["linear"], counts, tokens, normalized, keep)


def next_checkpoint(words: int) -> int:
    """Return the smallest checkpoint above a number of words: 2, 3, 4, 6, 8, 12, 16, ...

    >>> next_checkpoint(0), next_checkpoint(4), next_checkpoint(6)
    (2, 6, 8)
    """
    power = 2
    while power <= words:
        power *= 2
    return 3 * power // 4 if words < 3 * power // 4 and power > 2 else power


def length_factors(words: NDArray[np.integer], length: Sequence[float]) -> NDArray[np.float64]:
    """Return the factor on the log-probabilities of texts of which so many words have come, `(N,)`; see `Calibration.length`."""
    exponents = length[0] + length[1] * np.log(np.maximum(words, 1))
    return np.asarray(np.exp(np.clip(exponents, -_MOST_SHARPENED, _MOST_SHARPENED)))


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
