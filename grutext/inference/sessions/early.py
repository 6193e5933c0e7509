"""Answers before the end of a text: each text is read until its answer is decided."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from grutext.errors import ConfigError
from grutext.inference.decisions import name_labels
from grutext.inference.sessions.stream import Stream, next_checkpoint
from grutext.model.bundle import Bundle
from grutext.text.unfinished import cut_words

Float = NDArray[np.float32]

_TEXTS, _CHARACTERS = 1024, 1 << 21  # texts and characters that are read together, which bounds the memory
_WORDS = 1 << 13  # most words of a text that are read at a time


@dataclass(frozen=True, slots=True)
class EarlyAnswer:
    """The answer about a text that may not have been read to its end.

    Attributes:
        label: The label.
        probabilities: The probability of each label, `(C,) float32`, in the order of the model's labels.
        words: The number of words that were read.
        has_ended: Whether these were all.
    """

    label: str | tuple[str, ...]
    probabilities: Float = field(compare=False)
    words: int
    has_ended: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """The texts at one checkpoint, of those that have words there or end before it.

    Attributes:
        texts: `(R,) int64`, their indices.
        words: `(R,) int64`, the words that have been read.
        has_ended: `(R,) bool`, whether the text is over.
        probabilities: `(R, C) float32`.
    """

    texts: NDArray[np.int64]
    words: NDArray[np.int64]
    has_ended: NDArray[np.bool_]
    probabilities: Float


def stop_threshold(bundle: Bundle, gap: float | None) -> float:
    """Return the confidence from which the answers of a model are decided; infinite for a gap of None.

    Raises:
        ConfigError: The model offers no such gap.
    """
    if gap is None:
        return math.inf
    offered = {row["gap"]: row["threshold"] for row in bundle.early if row.get("threshold") is not None}
    if gap not in offered:
        gaps = ", ".join(f"{one:g}" for one in offered)
        if gaps:
            remedy = f"it offers {gaps}"
        elif bundle.multilabel:
            remedy = "models for several labels offer none"
        else:
            remedy = "train one with --preset streaming and more dev texts (--dev-fraction 0.2)"
        raise ConfigError(f"the model offers no early answers with a gap of {gap:g}; {remedy}")
    return float(offered[gap])


def answer_early(stream: Stream, texts: Sequence[str], threshold: float) -> list[EarlyAnswer]:
    """Return the answers about texts, each of which is read until its confidence at a checkpoint reaches the threshold."""
    answers, first, characters = list[EarlyAnswer](), 0, 0
    for last, text in enumerate(texts, start=1):
        characters += len(text)
        if last == len(texts) or last - first == _TEXTS or characters >= _CHARACTERS:
            answers += _answer_together(stream, texts[first:last], threshold)
            first, characters = last, 0
    return answers


def _answer_together(stream: Stream, texts: Sequence[str], threshold: float) -> list[EarlyAnswer]:
    bundle, found = stream.bundle, dict[int, EarlyAnswer]()
    is_decided = np.zeros(len(texts), np.bool_)
    for reading in read_to_checkpoints(stream, texts, is_decided):
        decided = reading.has_ended | (stream.confidence(reading.probabilities) >= threshold)
        is_decided[reading.texts[decided]] = True
        rows = reading.probabilities[decided]
        labels: Sequence[str | tuple[str, ...]] = name_labels(
            rows, bundle.labels, bundle.calibration.thresholds, bundle.multilabel
        )
        places, words, ended = (
            values[decided].tolist() for values in (reading.texts, reading.words, reading.has_ended)
        )
        for place, label, row, count, over in zip(places, labels, rows, words, ended, strict=True):
            found[place] = EarlyAnswer(label, row, count, over)
    return [found[place] for place in range(len(texts))]


def read_to_checkpoints(
    stream: Stream, texts: Sequence[str], is_decided: NDArray[np.bool_]
) -> Iterator[Reading]:
    """Yield the texts at one checkpoint after the other.

    Args:
        stream: The model.
        texts: N texts.
        is_decided: `(N,)`, the texts that need not be read on; the caller sets them between two checkpoints.
    """
    tokenizer = stream.bundle.config.text.tokenizer
    some, left, opens = np.arange(len(texts)), list(texts), [""] * len(texts)
    numbers, counts = stream.new_batch(len(texts))
    words, at = np.zeros(len(texts), np.int64), 0
    while len(some):
        wanted, at = next_checkpoint(at) - at, next_checkpoint(at)
        while wanted > 0:
            cuts = [cut_words(text, tokenizer, min(wanted, _WORDS)) for text in left]
            opens = stream.advance(numbers, counts, opens, [part for part, _ in cuts])
            words += [count for _, count in cuts]
            left = [text[len(part) :] for text, (part, _) in zip(left, cuts, strict=True)]
            wanted -= _WORDS
        has_ended = np.array([not text for text in left])
        probabilities = stream.answer(numbers.copy(), counts, opens, words, has_ended)
        is_decided[some[has_ended]] = True
        yield Reading(some, words.copy(), has_ended, probabilities)
        goes_on = ~is_decided[some]
        counts.keep(goes_on)
        some, numbers, words = some[goes_on], numbers[goes_on], words[goes_on]
        left, opens = (
            [value for value, on in zip(values, goes_on, strict=True) if on] for values in (left, opens)
        )
