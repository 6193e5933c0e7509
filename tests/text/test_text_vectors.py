"""Text vectors against their equation, written with loops."""

import math

import numpy as np
import pytest

from grutext.config import TextConfig
from grutext.text import TextVectors, Vectorizer, Vocabulary, text_vectors

WORDS = ["the", "cat", "sat", "on", "mat"]
TEXTS = ["the cat sat on the mat", "", "unseen words", "mat", "mat unseen mat", "the " * 50 + "cat"]
SIZE = 7


@pytest.fixture(params=[False, True], ids=["numpy", "compiled"])
def compiled(request):
    if request.param:
        pytest.importorskip("grutext.kernels.inference", exc_type=ImportError)
    return request.param


@pytest.fixture
def vectors(rng):
    scale = rng.uniform(0.1, 1.0, len(WORDS) + 1).astype(np.float16)
    scale[0] = 0
    numbers = rng.integers(-127, 128, (len(WORDS) + 1, SIZE)).astype(np.int8)
    return TextVectors(numbers, scale, rng.uniform(-0.3, 0.3, SIZE).astype(np.float32))


def reference(vectors, text):
    total = [0.0] * SIZE
    for word in text.split():
        row = WORDS.index(word) + 1 if word in WORDS else 0
        for k in range(SIZE):
            total[k] += float(vectors.scale[row]) * float(vectors.words[row, k])
    length = math.hypot(*total)
    if not length:
        return total
    moved = [total[k] / length - float(vectors.center[k]) for k in range(SIZE)]
    return [number / math.hypot(*moved) for number in moved]


@pytest.mark.parametrize("block", [1, 3 * SIZE, 1 << 20])
def test_a_text_vector_is_the_centred_weighted_sum_of_its_words_of_length_1(
    vectors, compiled, monkeypatch, block
):
    monkeypatch.setattr(text_vectors, "_BLOCK", block)
    batch = Vectorizer(TextConfig(), Vocabulary(WORDS)).vectorize(TEXTS)
    found = vectors.transform(batch, compiled)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [reference(vectors, text) for text in TEXTS], atol=1e-5)
    assert not found[1].any()
    assert not found[2].any()
    np.testing.assert_allclose(found[3], found[4], atol=1e-6)


def test_without_texts_there_are_no_vectors(vectors, compiled):
    batch = Vectorizer(TextConfig(), Vocabulary(WORDS)).vectorize([])
    assert vectors.transform(batch, compiled).shape == (0, SIZE)


def test_rounding_at_the_centre_is_not_taken_for_a_direction(vectors, compiled):
    batch = Vectorizer(TextConfig(), Vocabulary(WORDS)).vectorize(["cat"])
    row = vectors.words[2] / np.linalg.norm(vectors.words[2].astype(float))
    at_center = TextVectors(vectors.words, vectors.scale, row.astype(np.float32))
    assert np.abs(at_center.transform(batch, compiled)).max() < 1e-4
