"""From rows of the tables to the vectors of a batch's tokens."""

from __future__ import annotations

from typing import Any

from grutext.engines.keras.backend import tf

Tensor = Any


def embed_rows(
    rows: list[Tensor], ids: Tensor, type_words: Tensor, type_buckets: Tensor, type_of_bucket: Tensor
) -> Tensor:
    """Gives the token vectors `(T, N, E)`: a word row plus the mean of the subword rows.

    Args:
        rows: The rows of the batch's words, `(W, E)`, and of its subwords if there are any, `(B, E)`.
        ids: `(N, T)`, as in `grutext.training.gru.batches.Batch`; likewise
        type_words: `(M,)`,
        type_buckets: `(K,)` and
        type_of_bucket: `(K,)`.
    """
    types = tf.gather(rows[0], type_words)  # (M, E)
    if len(rows) > 1:
        types += tf.sparse.segment_mean(
            rows[1], type_buckets, type_of_bucket, num_segments=tf.shape(types)[0]
        )
    return tf.gather(tf.pad(types, [[0, 1], [0, 0]]), tf.transpose(ids))  # padding is type M, all zeros
