"""A classifier gives the same scores however it is asked, and changes nothing."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from grutext import Classifier
from grutext.errors import BundleError
from grutext.inference import chunks
from grutext.inference.fusion import fuse
from grutext.inference.gru_part import GRUPart
from grutext.model.spec import pooled_width
from grutext.text import NgramFeatures, Vectorizer, Vocabulary, count_ngrams

KINDS = {
    "one label of three": {},
    "one label of two": {"labels": ("no", "yes")},
    "several labels": {"multilabel": True},
    "no GRU part": {"settings": {"gru.enabled": False}},
    "no linear part": {"settings": {"linear.enabled": False}},
    "several labels, no GRU part": {"settings": {"gru.enabled": False}, "multilabel": True},
    "two labels, no linear part": {"settings": {"linear.enabled": False}, "labels": ("no", "yes"), "seed": 6},
    "two layers, attention": {"settings": {"gru.layers": 2, "gru.pooling": "attention"}},
    "other convention, forward, last": {
        "settings": {"gru.reset_after": False, "gru.bidirectional": False, "gru.pooling": "last"}
    },
    "characters, no subwords": {"settings": {"text.tokenizer": "character", "text.subword_max": 0}},
}


@pytest.fixture(params=KINDS)
def model(request, build_bundle) -> Classifier:
    """A classifier of each kind."""
    return Classifier(build_bundle(**KINDS[request.param]))


@pytest.fixture
def many(texts, rng) -> list[str]:
    """Fifty texts of 0 to 40 words, some of them new to the model, some of them equal."""
    words = [word for text in texts for word in text.split()] + ["unseen", "天", "\ud800", "\0", "x" * 30]
    return [" ".join(rng.choice(words, size=size)) for size in rng.integers(0, 40, 46)] + ["", "ok", "", "\t"]


def check_same(model: Classifier, texts, found, expected) -> None:
    """Assert equal probabilities to 1e-5, and equal labels."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert model.decide(found) == model.decide(expected)


def test_predicts_the_same_for_any_batch_size(model, many):
    whole = model.predict_proba(many)
    assert whole.shape == (len(many), len(model.labels))
    assert whole.dtype == np.float32
    for size in (1, 7, 256):
        runs = [model.predict_proba(many[start : start + size]) for start in range(0, len(many), size)]
        check_same(model, many, np.concatenate(runs), whole)


def test_predicts_the_same_in_any_order(model, many, rng):
    order = rng.permutation(len(many))
    check_same(model, many, model.predict_proba([many[n] for n in order]), model.predict_proba(many)[order])


def test_encodes_the_same_for_any_batch_size(build_bundle, many):
    model = Classifier(build_bundle())
    alone = np.concatenate([model.encode([text]) for text in many])
    np.testing.assert_allclose(model.encode(many), alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("count", "characters"), [(1, 10**9), (7, 10**9), (10**9, 1), (10**9, 90), (7, 90)])
def test_chunks_lose_and_mix_up_no_texts(build_bundle, many, monkeypatch, count, characters):
    model = Classifier(build_bundle())
    whole = model.predict_proba(many)
    monkeypatch.setattr(chunks, "CHUNK_TEXTS", count)
    monkeypatch.setattr(chunks, "CHUNK_CHARACTERS", characters)
    runs = [many[start:end] for start, end in chunks.cut(many)]
    assert [text for run in runs for text in run] == many
    sizes = [(len(run), sum(map(len, run))) for run in runs]
    assert len(sizes) > 5
    assert max(number for number, _ in sizes) <= count
    assert all(number == count or size >= characters for number, size in sizes[:-1])
    longest = max(map(len, many))
    assert max(size for _, size in sizes) < characters + longest
    check_same(model, many, model.predict_proba(many), whole)


def test_threads_may_share_a_classifier(build_bundle, many, rng):
    model = Classifier(build_bundle())
    expected = model.predict_proba(many)
    orders = [rng.permutation(len(many)) for _ in range(64)]
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda order: model.predict_proba([many[n] for n in order]), orders))
    for order, probabilities in zip(orders, found, strict=True):
        check_same(model, many, probabilities, expected[order])


def test_no_texts_give_empty_answers(model):
    assert model.predict([]) == []
    assert model.predict_proba([]).shape == (0, len(model.labels))
    if model.bundle.config.gru.enabled:
        assert model.encode([]).shape == (0, pooled_width(model.bundle.config.gru))
        assert model.encode([]).dtype == np.float32


def test_empty_texts_are_decided_by_the_biases(model):
    bundle = model.bundle
    empty = ["", "  \n", "\u3000", "\x1c"]
    found = model.predict_proba(empty)
    gru = bundle.weights["head/bias"][None] if bundle.config.gru.enabled else None
    linear = bundle.weights["linear/bias"][None] if bundle.config.linear.enabled else None
    expected = fuse(gru, linear, bundle.calibration, bundle.multilabel)
    np.testing.assert_allclose(found, np.repeat(expected, 4, axis=0), rtol=1e-6)
    assert len(model.predict(empty)) == 4
    if bundle.config.gru.enabled:
        assert not model.encode(empty).any()


@pytest.mark.long
def test_a_text_of_a_hundred_thousand_characters_is_read_to_its_end(build_bundle):
    """Read forward, the last state has forgotten the beginning but not the end."""
    settings = {"gru.bidirectional": False, "gru.pooling": "last", "text.subword_max": 0}
    model = Classifier(build_bundle(settings))
    text = ("the parcel invoice " * 6000)[:100_000]
    texts = [text + " question", "ok", text + " thanks"]
    vectors = model.encode(texts)
    assert np.all(np.isfinite(vectors))
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3
    tail = model.encode([texts[0][-2000:]])
    np.testing.assert_allclose(vectors[0], tail[0], atol=1e-4)
    probabilities = model.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(probabilities[1], model.predict_proba(["ok"])[0], atol=1e-5)


def test_texts_and_weights_are_not_modified(model, many):
    """The arrays may even be read-only, as those of a file that is mapped into memory."""
    weights = model.bundle.weights
    for array in weights.values():
        array.flags.writeable = False
    model = Classifier(model.bundle)
    before, texts = {name: array.tobytes() for name, array in weights.items()}, list(many)
    model.predict(many)
    assert many == texts
    assert {name: array.tobytes() for name, array in weights.items()} == before
    assert {name: array.tobytes() for name, array in model.bundle.weights.items()} == before


def test_predicting_twice_gives_the_same_bits(model, many):
    assert model.predict_proba(many).tobytes() == model.predict_proba(many).tobytes()


@pytest.mark.long
def test_loading_twice_gives_the_same_bits(model, many, tmp_path):
    model.bundle.save(tmp_path / "model")
    one, other = Classifier.load(tmp_path / "model"), Classifier.load(str(tmp_path / "model"))
    assert one.labels == other.labels == model.labels
    assert one.predict_proba(many).tobytes() == other.predict_proba(many).tobytes()
    assert one.predict_proba(many).tobytes() == model.predict_proba(many).tobytes()
    assert one.predict(many) == model.predict(many)


def test_the_label_is_the_most_probable_one(model, many):
    found, probabilities = model.predict(many), model.predict_proba(many)
    assert len(found) == len(many)
    for labels, row in zip(found, probabilities.tolist(), strict=True):
        if model.multilabel:
            thresholds = model.bundle.calibration.thresholds
            expected = [
                x for x, p, least in zip(model.labels, row, thresholds, strict=True) if p >= np.float32(least)
            ]
            assert labels == tuple(expected)
        else:
            assert labels == model.labels[row.index(max(row))]
    assert len(set(found)) > 1


def test_each_label_applies_from_its_threshold_on(build_bundle):
    bundle = build_bundle(multilabel=True)
    thresholds = (0.25, 0.5, 0.75)
    model = Classifier(replace(bundle, calibration=replace(bundle.calibration, thresholds=thresholds)))
    rows = np.array([[0.2, 0.4, 0.7], [0.25, 0.5, 0.75], [0.6, 0.6, 0.6], [0.2, 0.2, 0.9]], np.float32)
    assert model.decide(rows) == [(), ("ask", "buy", "cry"), ("ask", "buy"), ("cry",)]


def test_one_label_wins_by_its_probability_over_its_threshold(build_bundle, many):
    bundle = build_bundle()
    thresholds = (0.7, 0.2, 0.4)
    model = Classifier(replace(bundle, calibration=replace(bundle.calibration, thresholds=thresholds)))
    rows = model.predict_proba(many).tolist()
    expected = [
        max(zip(row, thresholds, model.labels, strict=True), key=lambda cell: cell[0] / cell[1])[2]
        for row in rows
    ]
    assert model.predict(many) == expected != Classifier(bundle).predict(many)


def test_a_string_is_not_a_list_of_texts(model):
    for text in ("the parcel", ""):
        for method in (model.predict, model.predict_proba, model.raw_scores):
            with pytest.raises(TypeError, match="texts is a single text; put it into a list"):
                method(text)
        if model.bundle.config.gru.enabled:
            with pytest.raises(TypeError, match="texts is a single text; put it into a list"):
                model.encode(text)


def test_tuples_and_arrays_of_texts_are_read_as_lists(model, texts):
    expected = model.predict_proba(texts).tobytes()
    assert model.predict_proba(tuple(texts)).tobytes() == expected
    assert model.predict_proba(np.array(texts, object)).tobytes() == expected


def test_a_model_without_its_gru_part_has_no_vectors(build_bundle):
    model = Classifier(build_bundle({"gru.enabled": False}))
    for texts in (["the parcel"], []):
        with pytest.raises(BundleError, match="no encoder: it was trained with --no-gru"):
            model.encode(texts)
    gru, linear, _ = model.raw_scores(["the parcel"])
    assert (gru, linear.shape) == (None, (1, 3))


def test_a_model_without_its_linear_part_has_no_margins(build_bundle):
    gru, linear, _ = Classifier(build_bundle({"linear.enabled": False})).raw_scores(["the parcel"])
    assert (gru.shape, linear) == ((1, 3), None)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(BundleError, match="is no model"):
        Classifier.load(tmp_path)


def test_probabilities_equal_the_formulas_in_64_bits(build_bundle, oracle_of, many):
    """Every part once more in 64-bit numbers, put together from the formulas of the spec."""
    bundle = build_bundle({"gru.layers": 2})
    weights, calibration = bundle.weights, bundle.calibration
    tokens = Vectorizer(bundle.config.text, Vocabulary(bundle.vocabulary)).vectorize(many)
    vectors = GRUPart(bundle.config.gru, weights).embed(tokens).astype(float).tolist()
    ends = np.cumsum(tokens.lengths)
    read = [
        [vectors[i] for i in tokens.ids[end - n : end]] for end, n in zip(ends, tokens.lengths, strict=True)
    ]
    pooled = np.array(oracle_of(bundle.config.gru, weights).encode(read))
    features = NgramFeatures(weights["linear/keys"], weights["linear/scale"].astype(float))
    rows = features.transform(count_ngrams(tokens, bundle.config.linear))
    dense = np.zeros((len(many), len(weights["linear/keys"])))
    for text in range(len(many)):
        entries = slice(rows.starts[text], rows.starts[text + 1])
        dense[text, rows.columns[entries]] = rows.values[entries]
    logits = pooled @ weights["head/kernel"] + weights["head/bias"]
    margins = dense @ weights["linear/kernel"] + weights["linear/bias"]
    expected = []
    for logit, margin in zip(logits.tolist(), margins.tolist(), strict=True):
        odds = []
        for scores in (
            [calibration.gru_scale * x for x in logit],
            [calibration.linear_scale[0] * x + calibration.linear_shift[0] for x in margin],
        ):
            total = math.fsum(math.exp(score) for score in scores)
            odds.append([math.exp(score) / total for score in scores])
        powers = [d**calibration.fusion * w ** (1 - calibration.fusion) for d, w in zip(*odds, strict=True)]
        expected.append([power / math.fsum(powers) for power in powers])
    model = Classifier(bundle)
    np.testing.assert_allclose(model.encode(many), pooled, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(many), expected, rtol=0, atol=1e-5)
