"""The linear part against a slow reference: dense matrices, dictionaries and scikit-learn called directly."""

import math
import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from grutext.config import LinearConfig, TextConfig
from grutext.inference.linear_part import LinearPart
from grutext.model.spec import linear_columns
from grutext.text import CHARACTER_FAMILY, TextVectors, Vectorizer, count_ngrams, normalize
from grutext.training.linear import fit as linear
from grutext.training.linear.fit import LinearTask, choose_features, fit_linear
from grutext.training.samples import nested_sample

TEXTS = [
    "where is my parcel", "my parcel is late", "parcel lost, where is it?", "late again", "",
    "cancel my account", "close the account please", "my account is locked", "locked out", "delete account",
    "refund me", "i want my money back", "money back, refund now", "send the money", "refund the parcel",
]  # fmt: skip
LABELS = np.repeat([0, 1, 2], 5)
TARGETS = np.eye(3, dtype=np.float32)[LABELS]
VECTORIZER = Vectorizer.fit(TEXTS, TextConfig())
CONFIG = LinearConfig(word_max=2, char_min=2, char_max=3, min_count=2, regularization=0.5)


def task(multilabel=False):
    return LinearTask(VECTORIZER, CONFIG, multilabel, 1, np.ones(4, np.float32))


def grams(text):
    """All n-grams of a text as strings, spelled out with loops."""
    tokens = VECTORIZER.vectorize([text])
    words = [tokens.types[i] for i in tokens.ids]
    for n in (1, 2):
        for i in range(len(words) - n + 1):
            yield ("word", tuple(words[i : i + n]))
    flat = normalize(text).split()
    padded = f" {' '.join(flat)} " if flat else ""
    for n in (2, 3):
        for i in range(len(padded) - n + 1):
            yield ("character", padded[i : i + n])


def reference():
    """Return the kept n-grams with their scale, and the margins that scikit-learn finds on the dense matrix."""
    counts = [Counter(grams(text)) for text in TEXTS]
    frequency = Counter(gram for count in counts for gram in count)
    kept = sorted(gram for gram, times in frequency.items() if times >= 2)
    scale = {}
    for gram in kept:
        total = 0.0
        for c in range(3):
            inside = sum(gram in count for count, label in zip(counts, LABELS, strict=True) if label == c)
            outside = frequency[gram] - inside
            ratio = math.log((inside + 1 / 3) / 5) - math.log((outside + 2 / 3) / 10)  # one text more
            total += ratio**2 / 3
        telling = math.sqrt(math.sqrt(total))
        scale[gram] = float(np.float16((math.log(16 / (1 + frequency[gram])) + 1) * telling))
    matrix = np.zeros((len(TEXTS), len(kept)))
    for row, count in enumerate(counts):
        for family in ("word", "character"):
            value = {
                g: (1 + math.log(t)) * scale[g] for g, t in count.items() if g in scale and g[0] == family
            }
            length = math.sqrt(sum(v * v for v in value.values())) or 1.0
            for gram, v in value.items():
                matrix[row, kept.index(gram)] = v / length
    svm = LinearSVC(C=CONFIG.regularization, dual=True, random_state=1, tol=1e-6, max_iter=20_000).fit(
        matrix, LABELS
    )
    return kept, matrix, svm.decision_function(matrix)


def test_the_margins_are_those_of_the_slow_reference():
    kept, _, margins = reference()
    fit = fit_linear(TEXTS, TARGETS, task())
    assert len(fit.arrays["linear/keys"]) == len(kept)
    mine = LinearPart(CONFIG, fit.arrays).margins(VECTORIZER.vectorize(TEXTS))
    np.testing.assert_allclose(mine, margins, atol=0.02)  # float16 weights, and a looser stop than here
    assert (mine.argmax(axis=1) == LABELS).mean() > 0.9


def test_only_the_most_telling_ngrams_are_kept_where_room_is_short():
    counts = [count_ngrams(VECTORIZER.vectorize(TEXTS), CONFIG)]
    every = choose_features(counts, TARGETS, CONFIG, margins=3)
    small = LinearConfig(word_max=2, char_min=2, char_max=3, max_megabytes=20 * 12 / 1e6)
    few = choose_features(counts, TARGETS, small, margins=3)
    assert len(few.keys) == 20 < len(every.keys)
    assert set(few.keys) < set(every.keys)
    assert (np.diff(few.keys.astype(np.int64)) > 0).all()


@pytest.mark.parametrize(("room", "kept"), [(60, 36), (50, 26), (48, 24), (40, 20)])
def test_text_vectors_count_as_part_of_the_size_but_leave_half_of_it_to_the_ngrams(room, kept):
    words = np.ones((24, 12), np.int8)  # as many bytes as 24 n-grams with three margins
    vectors = TextVectors(words, np.ones(24, np.float16), np.zeros(12, np.float32))
    small = replace(CONFIG, max_megabytes=(room + 0.5) * 12 / 1e6)
    fit = fit_linear(TEXTS, TARGETS, replace(task(), config=small, vectors=vectors))
    assert len(fit.arrays["linear/keys"]) == kept


def test_a_word_is_worth_three_character_ngrams_where_room_is_short():
    config = LinearConfig(word_max=1, char_min=3, char_max=3, min_count=1)
    texts, targets = ["yes", "yes", "no", "no"], np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    counts = [count_ngrams(VECTORIZER.vectorize(texts), config)]
    whole = choose_features(counts, targets, config, margins=1)
    assert (whole.keys < CHARACTER_FAMILY).sum() == 2 < len(whole.keys)  # all of them equally telling
    two = choose_features(counts, targets, replace(config, max_megabytes=2 * 8 / 1e6), margins=1)
    assert (two.keys < CHARACTER_FAMILY).all()
    assert len(two.keys) == 2


def test_of_many_labels_the_ngrams_that_hardly_occur_tell_least():
    """Each label has a word in all of its ten texts; each text has a word of its own besides."""
    config = LinearConfig(word_max=1, char_max=0, min_count=1)
    texts = [f"label{c} text{c}x{n}" for c in range(50) for n in range(10)]
    targets = np.repeat(np.eye(50, dtype=np.float32), 10, axis=0)
    counts = [count_ngrams(VECTORIZER.vectorize(texts), config)]
    whole = choose_features(counts, targets, config, margins=50)
    occurs = np.unique(counts[0].keys, return_counts=True)[1]
    telling = whole.scale / (np.log(501 / (1 + occurs)) + 1)
    assert telling[occurs == 10].min() > 1.5 * telling[occurs == 1].max()


def test_runs_of_texts_give_the_features_of_all_texts_at_once(monkeypatch):
    """Counted in runs of a few texts each, with an empty one among them, or in one run."""
    whole = choose_features([count_ngrams(VECTORIZER.vectorize(TEXTS), CONFIG)], TARGETS, CONFIG, margins=3)
    parts = [TEXTS[:4], TEXTS[4:5], TEXTS[5:]]
    counts = [count_ngrams(VECTORIZER.vectorize(part), CONFIG) for part in parts]
    features = choose_features(counts, TARGETS, CONFIG, margins=3)
    assert features.keys.tobytes() == whole.keys.tobytes()
    assert features.scale.tobytes() == whole.scale.tobytes()
    fit = fit_linear(TEXTS, TARGETS, task())
    monkeypatch.setattr(linear, "_CHUNK_CHARACTERS", 30)
    in_runs = fit_linear(TEXTS, TARGETS, task())
    assert {name: array.tobytes() for name, array in fit.arrays.items()} == {
        name: array.tobytes() for name, array in in_runs.arrays.items()
    }


def test_two_classes_take_one_column_and_its_sign_is_right():
    pair = LABELS < 2
    texts = [text for text, keep in zip(TEXTS, pair, strict=True) if keep]
    fit = fit_linear(texts, TARGETS[pair][:, :2], task())
    assert fit.arrays["linear/kernel"].shape[1] == 1
    margins = LinearPart(CONFIG, fit.arrays).margins(
        VECTORIZER.vectorize(["my parcel is lost", "close my account"])
    )
    assert margins[0, 0] < 0 < margins[1, 0]


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_two_of_three_labels_have_the_margins_that_they_have_alone(absent):
    present = [c for c in range(3) if c != absent]
    texts = [text for text, label in zip(TEXTS, LABELS, strict=True) if label != absent]
    targets = TARGETS[absent != LABELS]
    tokens = VECTORIZER.vectorize(TEXTS)
    margins = LinearPart(CONFIG, fit_linear(texts, targets, task()).arrays).margins(tokens)
    alone = LinearPart(CONFIG, fit_linear(texts, targets[:, present], task()).arrays).margins(tokens)
    np.testing.assert_allclose(margins[:, present], np.hstack([-alone, alone]), atol=0.01)
    assert (margins[:, absent] == -1).all()


def test_several_labels_are_fitted_although_one_has_no_text():
    targets = np.concatenate([TARGETS, np.zeros((15, 1), np.float32)], axis=1)
    targets[14] = [1, 0, 1, 0]
    fit = fit_linear(TEXTS, targets, task(True))
    margins = LinearPart(CONFIG, fit.arrays).margins(
        VECTORIZER.vectorize(["refund the parcel", "locked account"])
    )
    assert (margins[0] > 0).tolist() == [True, False, True, False]
    assert margins[1, 1] > 0


@pytest.mark.parametrize(("classes", "multilabel"), [(2, False), (3, False), (3, True)])
def test_texts_without_a_common_ngram_leave_the_labels_frequencies(classes, multilabel):
    targets = np.eye(classes, dtype=np.float32)[[0, 1, 1, 1]]
    fit = fit_linear(["", "ab", "cde", "fghi"], targets, task(multilabel))
    margins = LinearPart(CONFIG, fit.arrays).margins(VECTORIZER.vectorize(["ab", ""]))
    assert len(fit.arrays["linear/keys"]) == 0
    if margins.shape[1] == 1:
        assert (margins > 0).all()
    else:
        assert margins.argmax(axis=1).tolist() == [1, 1]


def test_the_seed_decides_every_bit():
    runs = [fit_linear(TEXTS, TARGETS, task()).arrays for _ in range(2)]
    for name, array in runs[0].items():
        assert array.tobytes() == runs[1][name].tobytes()


def test_a_short_time_takes_a_part_of_the_texts_with_every_label():
    texts, targets = TEXTS * 40, np.tile(TARGETS, (40, 1))
    fit = fit_linear(texts, targets, task(), seconds=1e-9)
    assert 60 <= fit.rows < 70
    assert np.abs(fit.arrays["linear/kernel"]).sum(axis=0).all()


@pytest.mark.parametrize("size", [1, 10, 40])
def test_samples_nest_and_keep_every_label(size):
    targets = np.eye(4, dtype=np.float32)[np.r_[np.zeros(57, int), 1, 2, 3]]
    sample, larger = nested_sample(targets, size, 5), nested_sample(targets, size + 10, 5)
    assert targets[sample].any(axis=0).all()
    assert set(sample) <= set(larger)
    assert size <= len(sample) <= size + 4


def test_probable_labels_count_as_rows_of_each_label():
    targets = TARGETS.copy()
    targets[3], targets[9] = [0.25, 0.75, 0.0], [0.0, 0.5, 0.5]
    weights = np.linspace(0.5, 2.0, len(TEXTS)).astype(np.float32)
    places, labels, counted = linear.list_labels(targets, weights)
    rows = [(n, c, targets[n, c] * weights[n]) for n in range(len(TEXTS)) for c in range(3) if targets[n, c]]
    assert list(zip(places.tolist(), labels.tolist(), counted.tolist(), strict=True)) == [
        (n, c, pytest.approx(weight)) for n, c, weight in rows
    ]
    found = fit_linear(TEXTS, targets, task(), weights=weights).arrays
    copied = [TEXTS[n] for n, _, _ in rows]
    counts = linear.count_runs(TEXTS, VECTORIZER, CONFIG)
    features = choose_features(counts, targets, CONFIG, 3)
    matrix = linear._transform(linear.count_runs(copied, VECTORIZER, CONFIG), features)
    model = LinearSVC(C=0.5, random_state=1, tol=1e-3, max_iter=2000)
    model.fit(matrix, [c for _, c, _ in rows], sample_weight=[weight for _, _, weight in rows])
    np.testing.assert_allclose(found["linear/kernel"], model.coef_.T, atol=2e-3)


def test_probable_labels_of_several_count_for_and_against():
    targets, weights = np.array([1.0, 0.0, 0.25], np.float32), np.array([1.0, 3.0, 2.0], np.float32)
    places, labels, counted = linear.list_label(targets, weights)
    assert list(zip(places.tolist(), labels.tolist(), counted.tolist(), strict=True)) == [
        (0, 1, 1.0), (1, 0, 3.0), (2, 1, 0.5), (2, 0, 1.5),
    ]  # fmt: skip
    soft = TARGETS.copy()
    soft[:, 0] = np.clip(soft[:, 0], 0.1, 0.9)  # no text is certain
    fitted = fit_linear(TEXTS, soft, task(multilabel=True)).arrays
    assert np.abs(fitted["linear/kernel"][:, 0].astype(float)).max() > 0.05


@pytest.mark.parametrize("labels", [2, 3])
def test_text_vectors_are_features_beside_the_n_grams(labels):
    """The margins of inference are those of scikit-learn on n-grams and vectors side by side."""
    targets = TARGETS[:, :labels].copy()
    texts = [text for text, target in zip(TEXTS, targets, strict=True) if target.any()]
    targets = targets[targets.any(axis=1)]
    rng = np.random.default_rng(2)
    numbers = rng.integers(-127, 128, (VECTORIZER.vocabulary.rows, 4)).astype(np.int8)
    scale = rng.uniform(0.1, 1, len(numbers)).astype(np.float16)
    vectors = TextVectors(numbers, scale, rng.uniform(-0.2, 0.2, 4).astype(np.float32))
    batch = VECTORIZER.vectorize(texts)
    fit = fit_linear(texts, targets, replace(task(), vectors=vectors))
    margins = LinearPart(CONFIG, fit.arrays).margins(batch)
    counts = count_ngrams(batch, CONFIG)
    columns = linear_columns(labels, multilabel=False)
    rows = choose_features([counts], targets, CONFIG, columns).transform(counts)
    n_grams = csr_matrix((rows.values, rows.columns, rows.starts)).toarray()
    matrix = np.hstack([n_grams, 0.7 * vectors.transform(batch)])
    svm = LinearSVC(C=CONFIG.regularization, dual=True, random_state=1, tol=1e-6, max_iter=20_000)
    expected = svm.fit(matrix, targets.argmax(axis=1)).decision_function(matrix).reshape(len(texts), columns)
    np.testing.assert_allclose(margins, expected, atol=0.01)
    without = LinearPart(CONFIG, fit_linear(texts, targets, task()).arrays).margins(batch)
    assert np.abs(without - expected).max() > 0.04


def test_without_n_grams_there_are_no_text_vectors_either():
    vectors = TextVectors(np.ones((1, 2), np.int8), np.ones(1, np.float16), np.zeros(2, np.float32))
    fit = fit_linear(["", "", ""], TARGETS[[0, 5, 10]], replace(task(), vectors=vectors))
    assert set(fit.arrays) == {"linear/keys", "linear/scale", "linear/kernel", "linear/bias"}


def test_many_labels_for_few_texts_are_fitted_without_a_warning():
    texts = [f"thing{n} and {n % 2}" for n in range(40)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = fit_linear(
            texts,
            np.eye(30, dtype=np.float32)[np.arange(40) % 30],
            replace(task(), class_weights=np.ones(30)),
        )
    assert fit.arrays["linear/kernel"].shape[1] == 30
