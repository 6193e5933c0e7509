"""From rows of the tables to token vectors: TensorFlow and Numba against a plain loop, with gradients."""

import numpy as np
import pytest

pytestmark = pytest.mark.tf

SIZE = 3
IDS = np.array(
    [[0, 2, 1, 4], [3, 4, 4, 4], [4, 4, 4, 4], [1, 1, 1, 0]], np.int32
)  # of four types; 4 is padding
TYPE_WORDS = np.array([2, 0, 2, 1], np.int32)
TYPE_BUCKETS = np.array([5, 0, 5, 1, 5, 4], np.int32)
TYPE_OF_BUCKET = np.array([0, 0, 1, 3, 3, 3], np.int32)  # type 2 has none


def plain(words, subwords):
    """The vectors, text by text."""
    types = []
    for m, word in enumerate(TYPE_WORDS):
        buckets = [b for b, of in zip(TYPE_BUCKETS, TYPE_OF_BUCKET, strict=True) if of == m and len(subwords)]
        types.append(words[word] + sum(subwords[b] / len(buckets) for b in buckets))
    types.append(np.zeros(SIZE))
    return np.array([[types[ids[t]] for ids in IDS] for t in range(IDS.shape[1])])


def in_tensorflow(rows, buckets, upstream):
    from grutext.engines.keras.backend import tf
    from grutext.engines.keras.embedding import embed_rows

    tensors = [tf.constant(row, tf.float32) for row in rows if len(row)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        vectors = embed_rows(tensors, *map(tf.constant, (IDS, TYPE_WORDS, *buckets)))
    gradients = tape.gradient(vectors, tensors, output_gradients=tf.constant(upstream))
    return vectors, [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def in_numba(rows, buckets, upstream):
    """The batch's rows stand in tables, among others that are not its own."""
    kernels = pytest.importorskip("grutext.kernels.training", exc_type=ImportError)
    tables, places = [], []
    for row in rows:
        places.append(np.arange(len(row), dtype=np.int32)[::-1] * 2 + 1)
        table = np.full((2 * len(row) + 1, SIZE), np.nan, np.float32)
        table[places[-1]] = row
        tables.append(table if len(row) else table[:0])
    parts = (IDS, places[0], TYPE_WORDS, places[1], *buckets)
    vectors = kernels.embed(*tables, *parts)
    return vectors, kernels.embed_gradient(upstream, IDS, TYPE_WORDS, *buckets, len(rows[0]), len(rows[1]))


@pytest.mark.parametrize("with_subwords", [True, False])
@pytest.mark.parametrize("compiled", [False, True], ids=["tensorflow", "numba"])
def test_vectors_and_gradients_are_those_of_a_plain_loop(compiled, with_subwords):
    rng = np.random.default_rng(7)
    rows = [rng.normal(size=(3, SIZE)), rng.normal(size=(6 if with_subwords else 0, SIZE))]
    upstream = rng.normal(size=(IDS.shape[1], len(IDS), SIZE))
    buckets = (TYPE_BUCKETS, TYPE_OF_BUCKET) if with_subwords else [np.zeros(0, np.int32)] * 2
    embed = in_numba if compiled else in_tensorflow
    vectors, gradients = embed(rows, buckets, upstream.astype(np.float32))
    np.testing.assert_allclose(vectors, plain(*rows), atol=1e-6)
    for row, gradient in zip(rows, gradients, strict=False):
        for place in np.ndindex(row.shape):
            moved = [other.copy() for other in rows]
            moved[0 if row is rows[0] else 1][place] += 1.0  # the vectors are linear in the rows
            slope = ((plain(*moved) - plain(*rows)) * upstream).sum()
            assert gradient[place] == pytest.approx(slope, abs=1e-5)
