"""From rows of the embedding tables to the vectors of a batch's tokens."""

from __future__ import annotations

from typing import Any

from grutext.engines.keras.backend import tf

Tensor = Any


def embed_rows(
    rows: list[Tensor], ids: Tensor, type_words: Tensor, type_buckets: Tensor, type_of_bucket: Tensor
) -> Tensor:
    """Return the token vectors, `(T, N, E)`: a word row plus the mean of the subword rows; zeros for padding.

    Args:
        rows: The rows of the batch's words, `(W, E)`, and of its subwords if there are any, `(B, E)`.
        ids: Type of each token, `(N, T)`; M in the padding. Like the others as in `grutext.engines.base.Batch`.
        type_words: Row of each type's word, `(M,)`.
        type_buckets: Rows of the types' subwords, `(K,)`.
        type_of_bucket: The type that each of those belongs to, `(K,)`, ascending.
    """
    types = tf.gather(rows[0], type_words)  # (M, E)
    if len(rows) > 1:
        types += tf.sparse.segment_mean(
            rows[1], type_buckets, type_of_bucket, num_segments=tf.shape(types)[0]
        )
    return tf.gather(tf.pad(types, [[0, 1], [0, 0]]), tf.transpose(ids))
