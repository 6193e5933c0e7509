"""From rows of the tables to token vectors: TensorFlow and machine code against a plain loop, with gradients."""

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


@pytest.mark.parametrize("with_subwords", [True, False])
@pytest.mark.parametrize("name", ["embed_rows", "embed_compiled"])
def test_vectors_and_gradients_are_those_of_a_plain_loop(name, with_subwords):
    from grutext.nn import embedding
    from grutext.nn.backend import tf

    if name == "embed_compiled":
        pytest.importorskip("grutext.loops.learning", exc_type=ImportError)
    rng = np.random.default_rng(7)
    rows = [rng.normal(size=(3, SIZE)), rng.normal(size=(6 if with_subwords else 0, SIZE))]
    upstream = rng.normal(size=(IDS.shape[1], len(IDS), SIZE))
    buckets = (TYPE_BUCKETS, TYPE_OF_BUCKET) if with_subwords else [np.zeros(0, np.int32)] * 2
    tensors = [tf.constant(row, tf.float32) for row in rows[: 1 + with_subwords]]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        vectors = getattr(embedding, name)(tensors, *map(tf.constant, (IDS, TYPE_WORDS, *buckets)))
    np.testing.assert_allclose(vectors, plain(*rows), atol=1e-6)
    gradients = tape.gradient(vectors, tensors, output_gradients=tf.constant(upstream, tf.float32))
    for row, gradient in zip(rows, gradients, strict=False):
        for place in np.ndindex(row.shape):
            moved = [other.copy() for other in rows]
            moved[0 if row is rows[0] else 1][place] += 1.0  # the vectors are linear in the rows
            slope = ((plain(*moved) - plain(*rows)) * upstream).sum()
            assert tf.convert_to_tensor(gradient)[place].numpy() == pytest.approx(slope, abs=1e-5)
