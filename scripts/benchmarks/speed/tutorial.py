"""The pipeline of a Keras tutorial: TextVectorization, Embedding, Bidirectional(GRU), Dense, `fit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.engines.keras.backend import keras, tf

CUT = 400  # tokens of a text, the rest is cut off
BATCH = 64


class Tutorial:
    """The model with its initial weights.

    Args:
        texts: The training texts, which determine the vocabulary.
        rows: Rows of the embedding, including those of padding and of unknown tokens.
        size: Width of the embedding.
        units: Width of the GRU's state in each direction.
        classes: The number of labels.
        chinese: Whether tokens are characters, rather than words.
    """

    def __init__(
        self, texts: Sequence[str], rows: int, size: int, units: int, classes: int, chinese: bool
    ) -> None:
        split = "character" if chinese else "whitespace"
        self.vectorization = keras.layers.TextVectorization(max_tokens=rows, split=split)
        self.vectorization.adapt(tf.data.Dataset.from_tensor_slices(list(texts)).batch(1024))
        self.model = keras.Sequential(
            [
                keras.Input((None,), dtype="int64"),
                keras.layers.Embedding(rows, size, mask_zero=True),
                keras.layers.Bidirectional(keras.layers.GRU(units)),
                keras.layers.Dense(classes),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(keras.optimizers.Adam(), loss)

    def vectorize(self, texts: Any) -> Any:
        """Return the ids of a batch, `(N, T)`, padded with 0 to the longest text, which is cut at `CUT`."""
        return self.vectorization(texts)[:, :CUT]

    def batches(self, texts: Sequence[str], classes: NDArray[np.int64]) -> Any:
        """Return a tf.data.Dataset of shuffled training batches."""
        rows = tf.data.Dataset.from_tensor_slices((list(texts), classes)).shuffle(len(texts), seed=1)
        pairs = rows.batch(BATCH).map(lambda some, own: (self.vectorize(some), own), tf.data.AUTOTUNE)
        return pairs.prefetch(tf.data.AUTOTUNE)

    def train_epoch(self, batches: Any) -> None:
        """Train for an epoch."""
        self.model.fit(batches, shuffle=False, verbose=0)  # they are shuffled already

    def predict(self, texts: Sequence[str], batch: int) -> NDArray[np.int64]:
        """Return the class of each text, `(N,)`."""
        rows = tf.data.Dataset.from_tensor_slices(list(texts)).batch(batch)
        ids = rows.map(self.vectorize, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
        return np.asarray(self.model.predict(ids, verbose=0).argmax(axis=1))
