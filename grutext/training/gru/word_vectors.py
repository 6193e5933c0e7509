"""Word vectors from a file as initial rows of the embedding's word table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.data.vectors import digest, read_vectors, vector_width
from grutext.errors import ConfigError, DataError
from grutext.progress import Listener
from grutext.text import Vocabulary, normalize

TABLE = "embedding/words"
GAIN = 3.0  # initial length of word vectors over that of random rows; measured in docs/research/benchmarks.md


@dataclass(frozen=True, slots=True)
class WordVectors:
    """Vectors of some words of a vocabulary.

    Attributes:
        rows: `(K,)`, their rows in the word table.
        vectors: `(K, E) float32`.
        origin: What a bundle records about the file: name, SHA-256, the number of words it has vectors for.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    origin: dict[str, Any]

    def placed(self, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return initial weights whose word table has the vectors; its other rows are unchanged.

        All vectors are scaled by one factor, so that the root mean square of their values is `GAIN` times the table's.
        """
        table = arrays[TABLE].copy()  # (V, E)
        table[self.rows] = GAIN * _rms(table) / (_rms(self.vectors) or 1.0) * self.vectors
        return arrays | {TABLE: table}


def read_word_vectors(path: Path, vocabulary: Vocabulary, config: Config, listener: Listener) -> WordVectors:
    """Read the vectors that a file has for the words of a vocabulary.

    Raises:
        ConfigError: The vectors are not as wide as the embedding, or the GRU part is switched off.
        DataError: The file cannot be used, or has no vector for any of the words.
    """
    if not config.gru.enabled:
        raise ConfigError(
            f"{path}: word vectors are for the GRU part, but gru.enabled is false; leave out --vectors"
        )
    width = vector_width(path)
    if width != config.gru.embedding_size:
        raise ConfigError(
            f"{path}: the vectors have {width} numbers, but gru.embedding_size is {config.gru.embedding_size}; "
            f"leave gru.embedding_size out, or set it to {width}"
        )
    words = vocabulary.tokens
    found = read_vectors(path, frozenset(words), partial(normalize, case=config.text.case))
    share = f"{len(found.rows):,} of {len(words):,} words"
    if not found.rows:
        raise DataError(
            f"has vectors for {share} of the training set; use vectors for its language", str(path)
        )
    listener.note(f"{path}: vectors for {share} ({len(found.rows) / len(words):.0%})".replace("%", " %"))
    if found.garbled:
        listener.note(f"{path}: rows skipped because their word is not UTF-8: {found.garbled:,}")
    return WordVectors(
        rows=np.array([vocabulary.row(word) for word in found.rows]),
        vectors=np.stack(list(found.rows.values())),
        origin={"vectors": path.name, "vectors_sha256": digest(path), "vectors_words": len(found.rows)},
    )


def _rms(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
