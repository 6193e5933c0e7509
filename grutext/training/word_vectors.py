"""Word vectors from a file: they make words known to the model, and are the initial rows of the embedding's word table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import TextConfig
from grutext.data.vectors import Wanted, digest, read_vectors
from grutext.errors import DataError
from grutext.kernels.blas import one_blas_thread
from grutext.messages import count
from grutext.progress import Listener
from grutext.text import TOKENIZERS, Vocabulary, normalize

TABLE = "embedding/words"
GAIN = 3.0  # initial length of word vectors over that of random rows; measured in docs/research/benchmarks.md


@dataclass(frozen=True, slots=True)
class WordVectors:
    """Vectors of some words of a vocabulary.

    Attributes:
        vocabulary: The words of the training texts, and after them those that only the file has.
        rows: `(K,)`, the rows of the words that have a vector.
        vectors: `(K, W) float32`.
        origin: What a bundle records about the file: name, SHA-256, the number of words it has vectors for.
    """

    vocabulary: Vocabulary
    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    origin: dict[str, Any]

    def table(self, width: int) -> NDArray[np.float32]:
        """Return the vectors by the rows of the vocabulary, (V, K), K at most `width`; zeros for a word that has none."""
        vectors = project(self.vectors, width)
        table = np.zeros((self.vocabulary.rows, vectors.shape[1]), np.float32)
        table[self.rows] = vectors
        return table

    def placed(self, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return initial weights whose word table has the vectors; its other values are unchanged.

        Vectors wider than the table are projected; narrower ones leave the last columns as they are. All are scaled by one
        factor, so that the root mean square of their values is `GAIN` times the table's.
        """
        table = arrays[TABLE].copy()  # (V, E)
        vectors = project(self.vectors, table.shape[1])  # (K, <= E)
        scale = GAIN * _rms(table) / (_rms(vectors) or 1.0)
        table[self.rows, : vectors.shape[1]] = scale * vectors
        return arrays | {TABLE: table}


def project(vectors: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return vectors, (K, W), in the `width` directions in which they differ from zero most, shape (K, width).

    Vectors that are not wider are returned as they are. The directions are the first right singular vectors, each with the
    sign that makes its largest value positive, so that the result does not depend on the algorithm.
    """
    if vectors.shape[1] <= width:
        return vectors
    wide = vectors.astype(np.float64)
    with one_blas_thread():  # another number of threads would change the last bits
        _, directions = np.linalg.eigh(wide.T @ wide)  # (W, W), one in each column; the strongest is the last
    directions = directions[:, : -width - 1 : -1]  # (W, width)
    largest = np.abs(directions).argmax(axis=0)  # (width,)
    directions = directions * np.sign(directions[largest, np.arange(width)])
    return (wide @ directions).astype(np.float32)


def read_word_vectors(
    path: Path, own: Vocabulary, rare: Sequence[str], config: TextConfig, listener: Listener
) -> WordVectors:
    """Read the vectors that a file has for the words of the training texts, and its most frequent other words.

    Args:
        path: The file, or a folder of static embeddings.
        own: The vocabulary of the training texts.
        rare: Words of the training texts that are too rare for it; those that the file has become known.
        config: How texts become tokens, and how many of them may be known.
        listener: Receives what was found.

    Raises:
        DataError: The file cannot be used, or has no vector for any word of the training texts.
    """
    tokenize, words = TOKENIZERS[config.tokenizer], own.tokens
    wanted = Wanted(
        words=dict.fromkeys((*words, *rare)),
        normalize=partial(normalize, case=config.case),
        more=max(0, config.max_vocabulary - len(words)),
        is_token=lambda word: tokenize(word) == [word],
    )
    found = read_vectors(path, wanted)
    has = sum(word in found.rows for word in wanted.words)
    share = f"{has:,} of {len(wanted.words):,} words"
    if not has:
        raise DataError(
            f"has vectors for {share} of the training set; use vectors for its language", str(path)
        )
    own_words = set(words)
    others = [word for word in found.rows if word not in own_words]
    others.sort(key=lambda word: word not in wanted.words)  # each group keeps the file's order
    vocabulary = Vocabulary([*words, *others[: wanted.more]])
    percent = f"{has / len(wanted.words):.0%}".replace("%", " %")
    joined = f"known besides: {count(vocabulary.rows - own.rows, 'word')}"
    listener.note(f"{path}: vectors for {share} ({percent}); {joined}")
    if found.garbled:
        listener.note(f"{path}: rows skipped because their word is not UTF-8: {found.garbled:,}")
    held = [word for word in vocabulary.tokens if word in found.rows]
    return WordVectors(
        vocabulary=vocabulary,
        rows=np.array([vocabulary.row(word) for word in held]),
        vectors=np.stack([found.rows[word] for word in held]),
        origin={"vectors": path.name, "vectors_sha256": digest(path), "vectors_words": len(held)},
    )


def _rms(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
