"""The estimators in scikit-learn's own checks and tools; `tests/training/test_train.py` tests the training itself."""

import pickle
import subprocess
import sys
from dataclasses import replace

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import validate_data
from support.tiny_training import TINY, examples

import grutext
from grutext import Classifier, GRUTextClassifier, GRUTextVectorizer
from grutext.model.bundle import weights_digest

EXAMPLES = examples(120, seed=3)
TEXTS = [f"{example.text} {n}" for n, example in enumerate(EXAMPLES)]
LABELS = np.array([example.labels[0] for example in EXAMPLES])
SMALL = {name: value for name, value in TINY.items() if name != "training.epochs"}
LINEAR = {"gru": False, "settings": {"text.subword_buckets": 50}}


class NumericTextClassifier(GRUTextClassifier):
    """Writes each number of a row as words, so that scikit-learn's checks, which pass numbers, can train on them."""

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(self._write(X, reset=True), y, sample_weight)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        first = not hasattr(self, "classifier_")
        return super().partial_fit(self._write(X, reset=first), y, classes, sample_weight)

    def predict(self, X):
        return super().predict(self._write(X))

    def predict_proba(self, X):
        return super().predict_proba(self._write(X))

    def decision_function(self, X):
        return super().decision_function(self._write(X))

    def _write(self, X, reset=False):
        if reset or hasattr(self, "classifier_"):
            X = validate_data(self, X, reset=reset, dtype=float)
        return [" ".join(self._words(row)) for row in X]

    def _words(self, row):
        for column, value in enumerate(row):
            for step in (1.0, 0.5, 0.1):
                yield f"{chr(97 + column % 26)}{column}at{step:g}is{int(np.floor(np.clip(value, -1e6, 1e6) / step))}".replace(
                    "-", "m"
                ).replace(".", "p")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = tags.input_tags.string = False
        return tags


EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "a weight of 2 is not two copies: copies are on one side of the split",
}


@pytest.mark.long
@parametrize_with_checks(
    [NumericTextClassifier(**LINEAR)], expected_failed_checks=lambda _: EXPECTED_FAILURES
)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.long
def test_the_classifier_and_the_function_give_the_same_model():
    settings = TINY | {"training.epochs": 2, "training.seed": 3}
    model = GRUTextClassifier(epochs=2, random_state=3, settings=SMALL).fit(TEXTS, LABELS)
    outcome = grutext.train((TEXTS, LABELS.tolist()), settings=settings)
    assert weights_digest(model.classifier_.bundle) == weights_digest(outcome.bundle)
    np.testing.assert_array_equal(model.predict_proba(TEXTS[:9]), outcome.classifier.predict_proba(TEXTS[:9]))


@pytest.mark.long
def test_classes_keep_their_type_and_their_order():
    numbers = np.array([{"sea": 10, "town": 2, "wood": 3}[label] for label in LABELS])
    model = GRUTextClassifier(**LINEAR).fit(TEXTS, numbers)
    assert model.classes_.tolist() == [2, 3, 10]
    assert model.predict(TEXTS).dtype == numbers.dtype
    named = GRUTextClassifier(**LINEAR).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(named.predict(["salt tide fish"]), ["sea"])
    assert model.predict(["salt tide fish"]).tolist() == [10]
    assert model.predict_proba(["salt tide fish"]).argmax() == 2
    # Spellings that a file would merge are classes of their own, and so is what a file takes for missing.
    spelled = np.array([{"sea": "1", "town": "1.0", "wood": "nan"}[label] for label in LABELS])
    model = GRUTextClassifier(**LINEAR).fit(TEXTS, spelled)
    assert model.classes_.tolist() == ["1", "1.0", "nan"]
    assert model.predict(["salt tide fish", "moss owl path"]).tolist() == ["1", "nan"]


@pytest.mark.long
def test_labels_may_be_several_in_two_forms():
    lists = [[label, "any"] if n % 2 else [] for n, label in enumerate(LABELS)]
    by_lists = GRUTextClassifier(**LINEAR).fit(TEXTS, lists)
    matrix = np.array([[name in own for name in by_lists.classes_] for own in lists]).astype(int)
    by_matrix = GRUTextClassifier(**LINEAR).fit(TEXTS, matrix)
    assert by_lists.classes_.tolist() == ["any", "sea", "town", "wood"]
    assert by_matrix.classes_.tolist() == [0, 1, 2, 3]
    chosen = by_lists.predict(TEXTS)
    assert all(isinstance(own, list) for own in chosen)
    marked = np.array([[name in own for name in by_lists.classes_] for own in chosen])
    np.testing.assert_array_equal(marked, by_lists.decision_function(TEXTS) >= 0)
    found = by_matrix.predict(TEXTS)
    assert set(np.unique(found)) <= {0, 1}
    assert found.shape == matrix.shape
    assert by_matrix.score(TEXTS, matrix) == (found == matrix).all(axis=1).mean()
    assert by_lists.score(TEXTS, lists) == np.mean(
        [sorted(a) == sorted(b) for a, b in zip(chosen, lists, strict=True)]
    )


def test_the_highest_score_wins_also_with_tuned_thresholds():
    model = GRUTextClassifier(**LINEAR).fit(TEXTS, LABELS)
    texts, bundle = [*TEXTS, "the a and old", "salt moss", "path wave tram"], model.classifier_.bundle
    before = model.predict(texts)
    tuned = replace(bundle.calibration, thresholds=(0.9, 0.001, 0.5))
    model.classifier_ = Classifier(replace(bundle, calibration=tuned))
    found = model.predict(texts)
    assert (found != before).any()
    np.testing.assert_array_equal(model.classes_[model.decision_function(texts).argmax(axis=1)], found)


@pytest.mark.long
def test_weights_count_like_copies_and_zero_like_none():
    twice = LABELS == "sea"
    weighted = GRUTextClassifier(**LINEAR).fit(TEXTS, LABELS, sample_weight=np.where(twice, 5.0, 1.0))
    plain = GRUTextClassifier(**LINEAR).fit(TEXTS, LABELS)
    by_class = GRUTextClassifier(class_weight={"sea": 5.0}, **LINEAR).fit(TEXTS, LABELS)
    assert weights_digest(weighted.classifier_.bundle) == weights_digest(by_class.classifier_.bundle)
    unclear = ["the a and old"]
    assert weighted.decision_function(unclear)[0, 0] > plain.decision_function(unclear)[0, 0]
    some = np.arange(len(TEXTS)) % 3 > 0
    left_out = GRUTextClassifier(**LINEAR).fit(TEXTS, LABELS, sample_weight=some.astype(float))
    absent = GRUTextClassifier(**LINEAR).fit(np.array(TEXTS)[some], LABELS[some])
    assert weights_digest(left_out.classifier_.bundle) == weights_digest(absent.classifier_.bundle)


def test_errors_are_those_of_scikit_learn():
    model = GRUTextClassifier(**LINEAR)
    with pytest.raises(NotFittedError):
        model.predict(TEXTS)
    with pytest.raises(TypeError, match=r"texts\[1\] is None"):
        model.fit(["a", None], [0, 1])
    with pytest.raises(ValueError, match="X has 120 texts, but y has the labels of 2"):
        model.fit(TEXTS, [0, 1])
    with pytest.raises(ValueError, match=r"weights\[2\] is -1"):
        model.fit(TEXTS, LABELS, sample_weight=np.where(np.arange(120) == 2, -1, 1))
    with pytest.raises(ValueError, match="there is no setting"):
        model.set_params(settings={"gru.unit": 3}).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="is no time"):
        GRUTextClassifier(time_budget="soon").fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match=r"settings has gru\.enabled=False; pass it as the argument gru"):
        GRUTextClassifier(settings={"gru.enabled": False}).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match=r"y\[1\] is None; each text needs a label"):
        model.fit(["a", "b"], ["x", None])
    with pytest.raises(ValueError, match=r"y\[0\] is {'x': 0.5, 'y': 0.5}; probabilities are for"):
        model.fit(["a", "b"], [{"x": 0.5, "y": 0.5}] * 2)
    with pytest.raises(ValueError, match="class_weight is a dict, which is for texts with one label"):
        GRUTextClassifier(class_weight={"x": 2.0}).fit(["a", "b"], [["x"], ["x", "y"]])


@pytest.mark.long
def test_works_in_the_tools_of_scikit_learn(tmp_path):
    import pandas as pd

    model = GRUTextClassifier(**LINEAR)
    assert cross_val_score(model, TEXTS, LABELS, cv=3).mean() > 0.6
    search = GridSearchCV(
        model, {"settings": [{"linear.char_max": 3}, {"linear.char_max": 5}]}, cv=2, n_jobs=2
    )
    assert search.fit(TEXTS, LABELS).best_params_["settings"]["linear.char_max"] in (3, 5)
    assert CalibratedClassifierCV(model, cv=2).fit(TEXTS, LABELS).predict_proba(TEXTS[:2]).shape == (2, 3)
    bayes = make_pipeline(TfidfVectorizer(), MultinomialNB())
    stack = StackingClassifier([("grutext", model), ("bayes", bayes)], cv=2).fit(TEXTS, LABELS)
    assert stack.score(TEXTS, LABELS) > 0.6
    table = pd.DataFrame({"text": TEXTS, "number": range(len(TEXTS))})
    vectorizer = GRUTextVectorizer(GRUTextClassifier(epochs=1, linear=False, settings=SMALL))
    columns = ColumnTransformer([("text", vectorizer, "text"), ("rest", "passthrough", ["number"])])
    assert columns.fit_transform(table, LABELS).shape == (len(TEXTS), 2 * 2 * TINY["gru.units"] + 1)
    assert clone(model).fit(table["text"], pd.Series(LABELS)).predict(table["text"]).shape == (len(TEXTS),)


@pytest.mark.long
def test_columns_of_tables_are_texts():
    import pandas as pd
    import polars as pl

    expected = GRUTextClassifier(**LINEAR).fit(TEXTS, LABELS).predict_proba(TEXTS[:5])
    for texts, labels in (
        (pd.Series(TEXTS), pd.Series(LABELS)),
        (pd.Series(TEXTS, dtype="string"), pd.Categorical(LABELS)),
        (pl.Series(TEXTS), pl.Series(LABELS.tolist())),
        (np.array(TEXTS, dtype=object), LABELS.astype(object)),
    ):
        found = GRUTextClassifier(**LINEAR).fit(texts, labels).predict_proba(texts[:5])
        np.testing.assert_array_equal(found, expected)


@pytest.mark.long
def test_is_saved_loaded_and_pickled(tmp_path):
    model = GRUTextClassifier(**LINEAR).fit(TEXTS, LABELS)
    expected = model.predict_proba(TEXTS)
    model.save(tmp_path / "model")
    assert Classifier.load(tmp_path / "model").predict(TEXTS[:3]) == model.predict(TEXTS[:3]).tolist()
    loaded = GRUTextClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), expected)
    np.testing.assert_array_equal(loaded.classes_, model.classes_)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(TEXTS), expected)
    joblib.dump(model, tmp_path / "model.joblib")
    # Neither TensorFlow nor Numba is loaded to predict.
    code = (
        f"import joblib, sys; model = joblib.load({str(tmp_path / 'model.joblib')!r}); print(model.predict(['salt tide'])); "
        "assert not {'tensorflow', 'numba', 'keras'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "['sea']\n", done.stderr


@pytest.mark.long
def test_the_vectorizer_gives_the_vectors_of_a_trained_encoder():
    tiny = GRUTextClassifier(epochs=2, linear=False, settings=SMALL)
    vectorizer = GRUTextVectorizer(tiny).fit(TEXTS, LABELS)
    vectors = vectorizer.transform([*TEXTS[:3], ""])
    assert vectors.shape == (4, 2 * 2 * TINY["gru.units"])
    assert not vectors[3].any()
    np.testing.assert_array_equal(vectors, vectorizer.classifier_.classifier_.encode([*TEXTS[:3], ""]))
    assert len(vectorizer.get_feature_names_out()) == vectors.shape[1]
    frozen = GRUTextVectorizer(FrozenEstimator(vectorizer.classifier_))
    pipeline = make_pipeline(frozen, LogisticRegression()).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(pipeline[0].transform(TEXTS[:3]), vectors[:3])
    with pytest.raises(NotFittedError):
        clone(vectorizer).transform(TEXTS)


@pytest.mark.long
def test_partial_fit_learns_from_all_texts_and_refuses_new_classes():
    model = GRUTextClassifier(**LINEAR)
    model.partial_fit(TEXTS[:60], LABELS[:60], classes=["sea", "town", "wood", "sky"])
    assert model.classes_.tolist() == ["sea", "sky", "town", "wood"]
    assert not model.predict_proba(TEXTS[:5])[:, 1].any()
    model.partial_fit(TEXTS[60:], LABELS[60:])
    both = GRUTextClassifier(**LINEAR).fit(TEXTS, LABELS)
    assert model.classes_.tolist() == ["sea", "sky", "town", "wood"]
    np.testing.assert_array_equal(model.predict_proba(TEXTS)[:, [0, 2, 3]], both.predict_proba(TEXTS))
    with pytest.raises(
        ValueError, match="y has the new class 'moon'; a model knows only those of its first fit"
    ):
        model.partial_fit(["a b"], ["moon"])
    np.testing.assert_array_equal(model.predict_proba(TEXTS)[:, [0, 2, 3]], both.predict_proba(TEXTS))


@pytest.mark.long
def test_partial_fit_takes_the_forms_of_fit_and_begins_anew_after_it():
    import pandas as pd
    from scipy.sparse import csr_matrix

    matrix = np.array([[label == name for name in ("sea", "town", "wood")] for label in LABELS]).astype(int)
    expected = GRUTextClassifier(**LINEAR).fit(TEXTS, matrix).predict_proba(TEXTS[:9])
    for form in (pd.DataFrame(matrix, columns=["sea", "town", "wood"]), csr_matrix(matrix)):
        found = GRUTextClassifier(**LINEAR).partial_fit(TEXTS, form).predict_proba(TEXTS[:9])
        np.testing.assert_array_equal(found, expected)
    model = GRUTextClassifier(**LINEAR).partial_fit(TEXTS[:60], LABELS[:60])
    model.fit(TEXTS[:30], LABELS[:30]).partial_fit(TEXTS[60:], LABELS[60:])
    alone = GRUTextClassifier(**LINEAR).fit(TEXTS[60:], LABELS[60:])
    np.testing.assert_array_equal(model.predict_proba(TEXTS[:9]), alone.predict_proba(TEXTS[:9]))


@pytest.mark.long
def test_a_warm_start_begins_with_the_vectors_of_the_fitted_model():
    settings = {key: value for key, value in SMALL.items() if key != "training.pretraining_epochs"}
    model = GRUTextClassifier(epochs=6, settings=settings, warm_start=True).fit(TEXTS, LABELS)
    first = model.classifier_.bundle
    again = model.fit(TEXTS, LABELS).classifier_.bundle
    cold = GRUTextClassifier(epochs=6, settings=settings).fit(TEXTS, LABELS).classifier_.bundle
    assert weights_digest(cold) == weights_digest(first) != weights_digest(again)
    assert again.data["base"] == "fitted"
    distance = {
        name: np.abs(first.weights["embedding/words"].astype(float) - other.weights["embedding/words"]).mean()
        for name, other in (("warm", again), ("cold", cold))
    }
    assert again.vocabulary == first.vocabulary
    assert 0 < distance["warm"] < np.abs(first.weights["embedding/words"].astype(float)).mean()
    assert again.history[0]["loss"] < first.history[0]["loss"]
