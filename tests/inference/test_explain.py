"""The contributions of the words sum to the logit, each is what its definition says, and the logits are those of the answer."""

from dataclasses import replace
from math import prod
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grutext.errors import BundleError, ConfigError
from grutext.inference import Classifier
from grutext.model.spec import POOLINGS
from grutext.text import MAX_COUNT, NgramCounts
from grutext.text.ngrams import BASE, MIX

LABELS = ("ask", "buy", "cry")
PIECES = [
    *[
        "The",
        "parcel",
        "never",
        "came,",
        "where",
        "is",
        "it?",
        "don't",
        "3.50",
        "thanks",
        "INVOICE",
        "Straße",
        "№",
    ],
    "天气很好",
    "посылка",
]
ODD = [
    "👍🏽",
    "👩\u200d🚀",
    "e\u0301",
    "\u0301",
    "ｶﾞ",
    "½",
    "ﬁ",
    "\ud800",
    "\u00a8",
    "각",
    "\u1100\u1161\u11a8",
    "  ",
    "\n",
    "\x1f",
    " ",
]
texts = st.lists(st.sampled_from(PIECES + ODD + [" "] * 20), max_size=30).map("".join)
models = st.fixed_dictionaries(
    {
        "gru.pooling": st.sampled_from(sorted(POOLINGS)),
        "gru.bidirectional": st.booleans(),
        "gru.reset_after": st.booleans(),
        "gru.layers": st.sampled_from((1, 2)),
        "gru.convolution": st.sampled_from((0, 3)),
        "text.tokenizer": st.sampled_from(("word", "pair", "character")),
        "linear.char_min": st.sampled_from((1, 2)),
        "parts": st.sampled_from(("both", "both", "gru", "linear")),
        "labels": st.sampled_from((2, 3)),
        "multilabel": st.booleans(),
        "vector_size": st.sampled_from((0, 7)),
    }
)


def build_classifier(build_bundle, model, compiled=False):
    model = dict(model)
    parts, labels, multilabel = model.pop("parts"), LABELS[: model.pop("labels")], model.pop("multilabel")
    vector_size = model.pop("vector_size") * (parts != "gru")
    switches = {"gru.enabled": parts != "linear", "linear.enabled": parts != "gru"}
    bundle = build_bundle(model | switches, labels=labels, multilabel=multilabel, vector_size=vector_size)
    return Classifier(bundle, threads=1, compiled=compiled)


@pytest.fixture(scope="session")
def cached():
    return {}


def check_sum(explanation):
    added = sum(word.contribution for word in explanation.words)
    assert explanation.bias + added == pytest.approx(explanation.logit, abs=1e-4)
    for word in explanation.words:
        assert word.text == explanation.text[word.start : word.end]
        assert word.contribution == pytest.approx(word.gru + word.linear, abs=1e-9)


@pytest.mark.long
@settings(max_examples=60)
@given(text=texts, model=models)
def test_the_contributions_and_the_bias_sum_to_the_logit(build_bundle, compiled, cached, text, model):
    key = (compiled, *model.values())
    if key not in cached:
        cached[key] = build_classifier(build_bundle, model, compiled)
    classifier = cached[key]
    explanations = [classifier.explain(text, label) for label in classifier.labels]
    for explanation in explanations:
        check_sum(explanation)
    logits = np.array([explanation.logit for explanation in explanations])
    odds = np.exp(logits)
    probabilities = odds / (1 + odds) if model["multilabel"] else odds / odds.sum()
    np.testing.assert_allclose(probabilities, classifier.predict_proba([text])[0], atol=1e-5)


def naive_contributions(oracle_of, classifier, text, of_pooled):
    """What each token adds to `pooled @ of_pooled`, from the formula of the paper: a product of gates for each pair of tokens."""

    class Recorder(oracle_of):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.steps = {}

        def read(self, tokens, layer, direction):
            self.recorded = self.steps[direction] = []  # of the last layer, in the end
            return super().read(tokens, layer, direction)

        def mix(self, z, before, candidate):
            self.recorded.append((z, candidate))
            return super().mix(z, before, candidate)

    config = classifier.bundle.config.gru
    batch = classifier._vectorizer.vectorize([text])
    tokens = classifier._gru.embed(batch)[batch.ids].astype(float).tolist()
    recorder = Recorder(config, classifier.bundle.weights)
    states = np.array(recorder.states(tokens))  # (T, D * U)
    length, units = len(tokens), config.units
    from_token = np.zeros(
        (length, *states.shape)
    )  # (k, t, D * U), what token k adds to the state after token t
    for d, (direction, steps) in enumerate(recorder.steps.items()):
        z, c = np.array(steps).reshape(length, units, 2).transpose(2, 0, 1)
        for t in range(length):
            for k in range(t + 1):
                for u in range(units):
                    value = prod(z[k + 1 : t + 1, u]) * (1 - z[k, u]) * c[k, u]
                    place = (k, t) if direction == "forward" else (length - 1 - k, length - 1 - t)
                    from_token[(*place, d * units + u)] = value
    np.testing.assert_allclose(from_token.sum(axis=0), states, atol=1e-12)
    added = np.zeros(length)
    parts = np.split(of_pooled, len(config.pooling.split("+")))
    for name, part in zip(config.pooling.split("+"), parts, strict=True):
        for unit, weight in enumerate(part):
            column = from_token[:, :, unit]
            if name == "max":
                added += weight * column[:, states[:, unit].argmax()]
            elif name == "last":
                added += weight * column[:, -1 if unit < units else 0]
            else:
                shares = recorder.attention(states.tolist()) if name == "attention" else [1 / length] * length
                added += weight * (column @ np.array(shares))
    return added


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("pooling", sorted(POOLINGS))
def test_the_share_of_the_gru_is_the_sum_over_products_of_gates(
    build_bundle, oracle_of, compiled, pooling, reset_after, bidirectional
):
    options = {
        "gru.pooling": pooling,
        "gru.reset_after": reset_after,
        "gru.bidirectional": bidirectional,
        "gru.layers": 2,
    }
    classifier = Classifier(build_bundle(options), 1, compiled)
    text = "The parcel never came, is it here?"
    weights, calibration = classifier.bundle.weights, classifier.bundle.calibration
    of_logits = calibration.fusion * calibration.gru_scale * (np.array([0, 1, 0]) - 1 / 3)
    expected = naive_contributions(oracle_of, classifier, text, weights["head/kernel"] @ of_logits)
    found = [word.gru for word in classifier.explain(text, "buy").words]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def key_of(symbols, bit):
    """The key of an n-gram, in Python's own integers."""
    state = 0
    for n, symbol in enumerate(symbols, start=1):
        state = (state * int(BASE) + symbol + n) % 2**64
    mixed = ((state >> 31) ^ state) * int(MIX) % 2**64 >> 32
    return mixed & 0x7FFFFFFF | bit << 31


def naive_ngrams(classifier, text, of_margins):
    """What each token adds to the margins through n-grams, n-gram by n-gram; and what no token adds."""
    part, config = classifier._linear, classifier.bundle.config.linear
    tokens = text.split()
    symbols = [int(h) for h in (crc32(token.encode()) for token in tokens)]
    folded = f" {text} "
    owners, token = [], -1
    for before, character in zip(" " + folded, folded, strict=False):
        token += before == " " and character != " "
        owners.append(None if character == " " else token)
    occurrences = [
        (key_of(symbols[i : i + n], 0), range(i, i + n))
        for n in range(1, config.word_max + 1)
        for i in range(len(tokens) - n + 1)
    ]
    occurrences += [
        (key_of(map(ord, folded[i : i + n]), 1), [owner for owner in owners[i : i + n] if owner is not None])
        for n in range(config.char_min, config.char_max + 1)
        for i in range(len(folded) - n + 1)
    ]
    keys, counts = np.unique(np.array([key for key, _ in occurrences], np.uint32), return_counts=True)
    rows = part.features.transform(NgramCounts(np.array([0, len(keys)]), keys, counts.astype(np.int32)))
    values = dict(zip(part.features.keys[rows.columns].tolist(), rows.values, strict=True))
    rows_of = {key: part.kernel[row].astype(float) for row, key in enumerate(part.features.keys.tolist())}
    times = dict(zip(keys.tolist(), counts, strict=True))
    assert max(times.values()) < MAX_COUNT
    added, rest = np.zeros(len(tokens)), 0.0
    for key, covered in occurrences:
        if key not in values:
            continue
        value = values[key] * rows_of[key] @ of_margins / times[key]
        for token in covered:
            added[token] += value / len(covered)
        rest += value if not covered else 0.0
    return added, rest


def test_the_share_of_the_linear_part_is_that_of_the_ngrams_that_cover_a_word(build_bundle, compiled):
    text = "thanks where thanks where is the parcel and the answer"
    options = {"gru.enabled": False, "linear.char_min": 1, "linear.word_max": 3}
    classifier = Classifier(build_bundle(options, texts=[text, "the parcel", "and where"]), 1, compiled)
    calibration = classifier.bundle.calibration
    of_margins = (np.array([0, 0, 1]) - 1 / 3) * calibration.linear_scale
    expected, rest = naive_ngrams(classifier, text, of_margins)
    explanation = classifier.explain(text, "cry")
    np.testing.assert_allclose([word.linear for word in explanation.words], expected, atol=1e-6)
    bias = classifier.bundle.weights["linear/bias"] @ of_margins  # the shift is equal for all labels
    assert explanation.bias == pytest.approx(bias + rest, abs=1e-6)
    assert abs(rest) > 1e-3


def test_the_share_of_a_word_vector_is_its_part_of_the_sum(build_bundle, compiled):
    options = {"gru.enabled": False}
    text = "where is the strange parcel"
    with_vectors = Classifier(build_bundle(options, vector_size=7), 1, compiled)
    without = Classifier(build_bundle(options), 1, compiled)
    table, calibration = with_vectors._linear.vectors, with_vectors.bundle.calibration
    rows = [with_vectors._vocabulary.row(token) for token in text.split()]
    vectors = [table.words[row].astype(float) * float(table.scale[row]) for row in rows]
    length = np.linalg.norm(sum(vectors))
    rest = np.linalg.norm(sum(vectors) / length - table.center)
    of_vector = with_vectors._linear.vector_kernel @ (np.array([0, 1, 0]) - 1 / 3) * calibration.linear_scale
    expected = [vector / length / rest @ of_vector for vector in vectors]
    assert expected[3] == 0  # an unknown word
    ours, theirs = with_vectors.explain(text, "buy"), without.explain(text, "buy")
    found = [word.linear - other.linear for word, other in zip(ours.words, theirs.words, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert ours.bias - theirs.bias == pytest.approx(-table.center @ of_vector / rest, abs=1e-5)


@pytest.mark.parametrize("multilabel", [False, True])
def test_the_bias_is_the_logit_of_an_empty_text(build_bundle, compiled, multilabel):
    classifier = Classifier(build_bundle(multilabel=multilabel), 1, compiled)
    for label in LABELS:
        empty, full = classifier.explain("", label), classifier.explain("thanks, where is it?", label)
        assert empty.words == ()
        assert full.bias == pytest.approx(empty.logit, abs=1e-5)


def test_kernels_and_numpy_explain_alike(build_bundle, texts):
    pytest.importorskip("grutext.kernels.inference", exc_type=ImportError)
    bundle = build_bundle(vector_size=7)
    plain, fast = Classifier(bundle, 1, compiled=False), Classifier(bundle, 1, compiled=True)
    repeated = "thanks, where is the parcel? " * 60  # the same states again and again, up to rounding
    for text in [*texts, repeated]:
        ours, theirs = plain.explain(text, "ask"), fast.explain(text, "ask")
        assert [word.contribution for word in ours.words] == pytest.approx(
            [word.contribution for word in theirs.words], abs=1e-5
        )


@pytest.mark.parametrize("multilabel", [False, True])
def test_scales_for_each_label_and_scores_that_are_cut_off_stay_in_the_sum(
    build_bundle, compiled, multilabel
):
    bundle = build_bundle(multilabel=multilabel)
    each = (0.5, 1.0, 2.0)
    calibration = replace(bundle.calibration, scale=each, shift=(0.1, -0.4, 0.2), gru_scale=70.0)
    classifier = Classifier(replace(bundle, calibration=calibration), 1, compiled)
    text = "thanks, where is it?"
    logits = np.array([classifier.raw_scores([text]).gru[0] * 70.0])
    assert np.ptp(logits) > 60
    explanations = [classifier.explain(text, label) for label in LABELS]
    for explanation in explanations:
        added = sum(word.contribution for word in explanation.words)
        assert explanation.bias + added == pytest.approx(explanation.logit, abs=1e-3)
    if not multilabel:
        odds = np.exp([explanation.logit for explanation in explanations])
        np.testing.assert_allclose(odds / odds.sum(), classifier.predict_proba([text])[0], atol=1e-5)


def test_without_a_label_the_answer_is_explained(build_bundle, texts):
    classifier = Classifier(build_bundle(), 1)
    assert [classifier.explain(text).label for text in texts] == classifier.predict(texts)
    several = Classifier(build_bundle(multilabel=True), 1)
    expected = [several.labels[n] for n in several.predict_proba(texts).argmax(axis=1)]
    assert [several.explain(text).label for text in texts] == expected


def test_an_unknown_label_or_no_text_is_an_error(build_bundle):
    classifier = Classifier(build_bundle(), 1)
    with pytest.raises(ConfigError, match=r'the model has no label "sell"\. Its labels are: ask, buy, cry'):
        classifier.explain("hello", "sell")
    with pytest.raises(TypeError, match="None"):
        classifier.explain(None)
    huge = build_bundle()
    huge.weights["head/kernel"][:] = np.float32(3e38)
    with pytest.raises(BundleError, match="overflow"):
        Classifier(huge, 1).explain("hello")


def test_leaving_a_word_out_is_the_change_of_the_logit(build_bundle, compiled):
    classifier = Classifier(build_bundle(), 1, compiled)
    text = "the parcel never came, where is it"
    explanation = classifier.explain(text, "buy")
    changes = classifier.leave_out(explanation, 3)
    assert [word for word, _ in changes] == explanation.strongest(3)
    for word, change in changes:
        rest = classifier.explain(text[: word.start] + text[word.end :], "buy")
        assert change == pytest.approx(rest.logit - explanation.logit, abs=1e-5)
        assert change != pytest.approx(-word.contribution, abs=1e-3)
    assert classifier.leave_out(classifier.explain("")) == []


@pytest.mark.parametrize("reset_after", [False, True])
def test_gates_are_means_over_the_units_of_the_last_layer(build_bundle, oracle_of, compiled, reset_after):
    class Recorder(oracle_of):
        def read(self, tokens, layer, direction):
            self.update, self.reset = [], []
            states = super().read(tokens, layer, direction)
            reading = slice(None, None, 1 if direction == "forward" else -1)
            for name, values in (("update", self.update), ("reset", self.reset)):
                by_token = np.array(values).reshape(len(tokens), self.units).mean(axis=1)
                means[name][direction] = by_token[reading]
            means["norm"][direction] = [np.linalg.norm(state) for state in states]
            return states

        def gate(self, cell, gate, unit, x, h):
            value = super().gate(cell, gate, unit, x, h)
            (self.update if gate == "z" else self.reset).append(value)
            return value

    means = {"update": {}, "reset": {}, "norm": {}}
    options = {"gru.reset_after": reset_after, "gru.layers": 2, "text.tokenizer": "pair"}
    classifier = Classifier(build_bundle(options), 1, compiled)
    batch = classifier._vectorizer.vectorize([text := "The parcel, 天气很 ½"])
    vectors = classifier._gru.embed(batch)[batch.ids].astype(float).tolist()
    Recorder(classifier.bundle.config.gru, classifier.bundle.weights).states(vectors)
    gates = classifier.gates(text)
    assert gates.tokens == ("The", "parcel", ",", "天气", "气很", "很", "½", "½", "½")
    for name, by_direction in means.items():
        expected = [by_direction["forward"], by_direction["backward"]]
        np.testing.assert_allclose(getattr(gates, name), expected, atol=1e-6)


def test_gates_of_an_empty_text_and_of_a_model_without_a_gru(build_bundle, compiled):
    empty = Classifier(build_bundle({"gru.layers": 2}), 1, compiled).gates(" ")
    assert empty.to_dict() == {
        "tokens": [],
        "forward": {"update": [], "reset": [], "norm": []},
        "backward": {"update": [], "reset": [], "norm": []},
    }
    with pytest.raises(BundleError, match="no encoder"):
        Classifier(build_bundle({"gru.enabled": False}), 1, compiled).gates("hello")
