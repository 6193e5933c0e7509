"""The linear model against the dense product."""

from collections import Counter

import numpy as np
import pytest

from grutext.config import LinearConfig, TextConfig
from grutext.inference import linear_part
from grutext.inference.linear_part import LinearPart, sparse_product
from grutext.text import (
    KeyIndex,
    NgramFeatures,
    SparseRows,
    TextVectors,
    Vectorizer,
    Vocabulary,
    count_ngrams,
)

COUNTS = {
    "usual": [3, 0, 1, 5, 2],
    "empty first and last": [0, 0, 4, 1, 0],
    "all empty": [0, 0, 0],
    "one": [2],
    "one empty": [0],
    "none": [],
    "one very long": [1, 0, 150, 0, 2],
    "many": [7, 0, 3] * 40,
}


def sparse(counts: list[int], features: int, rng: np.random.Generator) -> tuple[SparseRows, np.ndarray]:
    """Return random sparse rows with so many entries each, and the same as a dense matrix."""
    dense = np.zeros((len(counts), features))
    columns = [np.sort(rng.choice(features, size=count, replace=False)) for count in counts]
    values = [rng.normal(size=count).astype(np.float32) for count in counts]
    for row, some, of in zip(dense, columns, values, strict=True):
        row[some] = of
    empty = np.zeros(0)
    rows = SparseRows(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.concatenate([empty, *columns]).astype(np.int32),
        np.concatenate([empty, *values]).astype(np.float32),
    )
    return rows, dense


@pytest.mark.parametrize("block", [1, 3, 8, 100, linear_part._BLOCK])
@pytest.mark.parametrize("classes", [1, 3, 40])
@pytest.mark.parametrize("kind", COUNTS)
def test_sparse_product_equals_the_dense_product(rng, monkeypatch, kind, classes, block):
    monkeypatch.setattr(linear_part, "_BLOCK", block)
    rows, dense = sparse(COUNTS[kind], 200, rng)
    kernel = rng.normal(size=(200, classes)).astype(np.float16)
    product = sparse_product(rows, kernel)
    assert product.dtype == np.float32
    assert product.shape == (len(dense), classes)
    np.testing.assert_allclose(product, dense @ kernel.astype(float), rtol=1e-5, atol=1e-5)


def test_many_labels_take_no_more_memory_than_a_block(rng, monkeypatch):
    """Each gathered piece of the kernel has at most `_BLOCK` numbers, or is that of one text."""
    monkeypatch.setattr(linear_part, "_BLOCK", 500)
    sizes = []

    class Recording(np.ndarray):
        def take(self, index, axis):
            part = np.asarray(self).take(index, axis)
            sizes.append(part.size)
            return part

    rows, dense = sparse([7, 0, 3] * 40, 200, rng)
    kernel = rng.normal(size=(200, 50)).astype(np.float16)
    product = sparse_product(rows, kernel.view(Recording))
    np.testing.assert_allclose(product, dense @ kernel.astype(float), rtol=1e-5, atol=1e-5)
    assert max(sizes) <= 500
    assert len(sizes) > 1


@pytest.mark.parametrize("many", [0, 1 << 20])
@pytest.mark.parametrize("classes", [1, 3])
def test_margins_are_features_times_kernel_plus_bias(rng, monkeypatch, classes, many, compiled):
    monkeypatch.setattr(linear_part, "_MANY", many)
    config = LinearConfig(char_max=3)
    texts = ["the cat sat", "", "cat cat é" * 40, "unseen"]
    tokens = Vectorizer(TextConfig(), Vocabulary([])).vectorize(texts)
    counts = count_ngrams(tokens, config)
    keys = np.unique(counts.keys[counts.texts < 3])[::2]
    weights = {
        "linear/keys": keys,
        "linear/scale": rng.uniform(0.5, 2.0, len(keys)).astype(np.float16),
        "linear/kernel": rng.normal(size=(len(keys), classes)).astype(np.float16),
        "linear/bias": rng.normal(size=classes).astype(np.float32),
    }
    rows = NgramFeatures(keys, weights["linear/scale"].astype(float)).transform(counts)
    dense = np.zeros((4, len(keys)))
    for text in range(4):
        entries = slice(rows.starts[text], rows.starts[text + 1])
        dense[text, rows.columns[entries]] = rows.values[entries]
    margins, known = LinearPart(config, weights, compiled).score(tokens)
    shares = [np.isin(counts.keys[counts.texts == text], keys).mean() for text in (0, 2, 3)]
    np.testing.assert_allclose(known[[0, 2, 3]], shares, rtol=1e-6)
    assert known[1] == 0
    assert known.dtype == margins.dtype == np.float32
    np.testing.assert_allclose(
        margins, dense @ weights["linear/kernel"] + weights["linear/bias"], rtol=1e-5, atol=1e-5
    )
    assert margins[1].tolist() == weights["linear/bias"].tolist()


@pytest.mark.parametrize(
    "some", [[0, 1], [5, 6, 7, 8, 9, 10, 11, 12], [(1 << 32) - 1], [0, (1 << 32) - 1]], ids=str
)
def test_kernels_find_keys_that_are_not_hashes(some):
    """Close together, the smallest and the largest there is; those between and beyond are not found."""
    score_ngrams = pytest.importorskip("grutext.kernels.ngrams", exc_type=ImportError).score_ngrams
    keys = np.array(some, np.uint32)
    wanted = np.unique(np.concatenate([keys, keys - 1, keys + 1, [3, 100, 1 << 31]]).astype(np.uint32))
    index, kernel = KeyIndex(keys), np.diag(np.arange(1.0, len(keys) + 1)).astype(np.float16)
    margins, shares = np.zeros((1, len(keys)), np.float32), np.zeros(1, np.float32)
    bounds, scale, bits = np.array([0, len(wanted)]), np.ones(len(keys), np.float32), kernel.view(np.int16)
    score_ngrams(
        bounds,
        wanted,
        np.uint64(1),
        index.keys,
        index.first,
        index.shift,
        scale,
        len(keys),
        9,
        bits,
        margins,
        shares,
    )
    np.testing.assert_allclose(margins[0], np.arange(1, len(keys) + 1) / np.sqrt(len(keys)), rtol=1e-6)
    assert shares[0] == np.float32(len(keys) / len(wanted))


@pytest.mark.long
@pytest.mark.parametrize("salt", [1, 0x9E3779B97F4A7C15])
@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 63, 64, 65, 129, 7000])
def test_kernels_count_n_grams_in_order_of_appearance(rng, size, salt):
    """Also where all keys collide in the hash table (salt 1), and where it is too small (7000); it is left empty."""
    count = pytest.importorskip("grutext.kernels.ngrams", exc_type=ImportError)._count
    keys = rng.integers(0, max(1, size), size).astype(np.uint32)
    keys[::2] |= np.uint32(0xFFFF0000)
    places = np.zeros(1 << 13, np.int32)
    distinct, times = np.zeros(size, np.uint32), np.zeros(size, np.int64)
    found, places = count(keys, np.uint64(salt), places, distinct, times)
    expected = Counter(keys.tolist())
    assert dict(zip(distinct[:found].tolist(), times[:found].tolist(), strict=True)) == expected
    assert list(distinct[:found]) == list(dict.fromkeys(keys.tolist()))
    assert not places.any()


def test_a_text_that_begins_with_the_n_gram_that_ended_the_one_before(rng, compiled):
    config = LinearConfig(word_max=1, char_max=0)
    tokens = Vectorizer(TextConfig(), Vocabulary([])).vectorize(["cat", "cat", "", "cat"])
    weights = {
        "linear/keys": np.unique(count_ngrams(tokens, config).keys),
        "linear/scale": np.ones(1, np.float16),
        "linear/kernel": rng.normal(size=(1, 2)).astype(np.float16),
        "linear/bias": np.zeros(2, np.float32),
    }
    margins, known = LinearPart(config, weights, compiled).score(tokens)
    np.testing.assert_allclose(margins, np.outer([1, 1, 0, 1], weights["linear/kernel"]), rtol=1e-6)
    assert known.tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("labels", ["ab", "abc"])
def test_margins_of_a_text_vector_are_added_to_those_of_the_n_grams(build_bundle, texts, compiled, labels):
    bundle = build_bundle(labels=labels, vector_size=5)
    weights, tokens = (
        bundle.weights,
        Vectorizer(bundle.config.text, Vocabulary(bundle.vocabulary)).vectorize(texts),
    )
    alone = {name: array for name, array in weights.items() if "vector" not in name}
    vectors = TextVectors(*(weights[f"text_vectors/{name}"] for name in ("words", "scale", "center")))
    more = vectors.transform(tokens).astype(float) @ weights["linear/vector_kernel"]
    both, known = LinearPart(bundle.config.linear, weights, compiled).score(tokens)
    before, known_before = LinearPart(bundle.config.linear, alone, compiled).score(tokens)
    assert np.abs(more).max() > 0.1
    np.testing.assert_allclose(both, before + more, atol=1e-5)
    np.testing.assert_allclose(known, known_before)
    empty = texts.index("")
    assert both[empty].tolist() == before[empty].tolist()
