"""scikit-learn estimators: a classifier of texts, and a transformer from texts to the encoder's vectors.

>>> from grutext import GRUTextClassifier
>>> texts = ["where is my parcel?", "my parcel is late", "the invoice is wrong", "two invoices came"] * 5
>>> model = GRUTextClassifier(gru=False).fit(texts, ["delivery", "delivery", "billing", "billing"] * 5)
>>> print(model.predict(["is that my invoice?"]))
['billing']
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags, check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import assert_all_finite, check_is_fitted, column_or_1d

from grutext.data.labels import MISSING, clean_label, label_key
from grutext.errors import ConfigError, DataError, TrainingError
from grutext.inference import Classifier
from grutext.inference.decisions import decide
from grutext.inference.texts import list_texts
from grutext.model.bundle import Bundle
from grutext.model.spec import Calibration, pooled_width
from grutext.progress import EpochRecord, Silent
from grutext.settings import preset, read_seconds

Float = NDArray[np.float32]
_ONE, _INDICATOR, _LISTS = "one label", "indicator matrix", "lists of labels"
_LOWEST = -60.0  # of the logarithm of a probability


@dataclass(frozen=True)
class _Targets:
    """The targets that a classifier is fitted to.

    Attributes:
        form: One of `_ONE`, `_INDICATOR` and `_LISTS`; predictions have the form that the targets had.
        classes: `(C,)`, the classes in ascending order; the columns of an indicator matrix.
        indices: The classes of each text as indices: an int, or a list of int where a text may have several.
    """

    form: str
    classes: NDArray[Any]
    indices: list[int] | list[list[int]]

    @classmethod
    def read(cls, y: Any) -> _Targets:
        """Check the `y` of a fit.

        Raises:
            ValueError: There is no `y`, or it is not the target of a classification.
        """
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        if isinstance(y, list | tuple) and y and all(isinstance(own, np.ndarray) for own in y):
            y = np.stack(y)
        if isinstance(y, list | tuple) and y and all(isinstance(own, list | tuple | set) for own in y):
            if _is_indicator(y):
                return cls.read(np.asarray(y))
            classes, indices = np.unique([label for own in y for label in own], return_inverse=True)
            split = np.cumsum([len(own) for own in y])[:-1]
            return cls(_LISTS, classes, [own.tolist() for own in np.split(indices, split)])
        if hasattr(y, "ndim") and y.ndim == 2 and type_of_target(y, input_name="y") == "multilabel-indicator":
            dense = y.toarray() if hasattr(y, "toarray") else np.asarray(y)  # (N, C)
            return cls(_INDICATOR, np.arange(dense.shape[1]), [np.flatnonzero(row).tolist() for row in dense])
        values = column_or_1d(y, warn=True)
        assert_all_finite(values, input_name="y")
        for position, value in enumerate(values.tolist() if values.dtype == object else ()):
            if value is None or isinstance(value, Mapping):
                problem = "probabilities are for `grutext.train`" if value else "each text needs a label"
                raise ValueError(f"y[{position}] is {value!r}; {problem}")
        check_classification_targets(values)
        classes, indices = np.unique(values, return_inverse=True)
        return cls(_ONE, classes, indices.tolist())

    def within(self, classes: Any) -> _Targets:
        """Return the same targets for these classes, of which some may not occur.

        Raises:
            ValueError: A class occurs that is not among them.
        """
        wanted = np.unique(classes)
        new = np.setdiff1d(self.classes, wanted)
        if len(new):
            raise ValueError(
                f"y has the new class {new.tolist()[0]!r}; a model knows only those of its first fit: {wanted.tolist()}"
            )
        place = np.searchsorted(wanted, self.classes).tolist()
        moved = [place[own] if isinstance(own, int) else [place[one] for one in own] for own in self.indices]
        return replace(self, classes=wanted, indices=cast("list[int] | list[list[int]]", moved))

    def names(self) -> list[str]:
        """Return a different label for each class, as the model's folder has them: its string, if such labels are all different."""
        names = [str(value) for value in self.classes.tolist()]
        as_read = [clean_label(name) for name in names]
        if (
            len({label_key(name) for name in names}) < len(names)
            or as_read != names
            or not MISSING.isdisjoint(names)
        ):
            return [f"class {index}" for index in range(len(names))]
        return names


@dataclass(frozen=True)
class _Seen:
    """The texts of all calls of `partial_fit`, with their labels and weights."""

    texts: Sequence[str] = ()
    labels: Sequence[Any] = ()
    weights: Sequence[float] = ()

    def add(self, texts: Sequence[str], y: Any, sample_weight: Any) -> _Seen:
        """Return these texts and more; `y` and `sample_weight` are those of a fit."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        if hasattr(y, "toarray"):  # a sparse matrix
            y = y.toarray()
        rows = y if isinstance(y, list | tuple) else np.asarray(y)
        weights = [1.0] * len(texts) if sample_weight is None else sample_weight
        return _Seen([*self.texts, *texts], [*self.labels, *rows], [*self.weights, *weights])


def _is_indicator(rows: Sequence[Any]) -> bool:
    """Return whether lists are the rows of an indicator matrix: all as long, two columns or more, with nothing but 0 and 1."""
    lengths = {len(row) for row in rows}
    return len(lengths) == 1 and lengths.pop() > 1 and {value for row in rows for value in row} <= {0, 1}


class _Printer(Silent):
    """Prints notes and epochs, as scikit-learn's estimators do."""

    def note(self, text: str) -> None:
        print(text)  # noqa: T201

    def epoch(self, record: EpochRecord) -> None:
        loss = f"loss {record.loss:.4f}, dev loss {record.dev_loss:.4f}, dev score {record.dev_score:.4f}"
        print(f"epoch {record.epoch}: {loss}, {record.seconds:.1f} s")  # noqa: T201


class GRUTextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A text classifier with a GRU part and a linear part, as a scikit-learn estimator.

    It trains as `grutext.train` and the command `grutext train` do: the same texts, settings and seed give the same model.

    `X` is any iterable of `str`: a list, an array, one column of a pandas or polars table. `y` has a label for each text; or,
    where a text may have several, it is an indicator matrix `(N, C)` or a list of lists of labels. Predictions have the
    form that `y` had.

    Args:
        preset: The settings to start from: `fast`, `balanced`, `accurate` or `streaming`.
        epochs: Maximum number of passes over the texts; None leaves it to their number.
        time_budget: The time that a fit may take, in seconds or as `"90s"`, `"10m"`, `"1h30m"`; None is no limit.
        engine: What trains the GRU part: `auto`, `numba` or `tensorflow`.
        random_state: The seed: an int, a `RandomState`, or None for another one in each fit.
        class_weight: `"balanced"`, `"none"`, `"auto"` (balanced where a text may have several labels), or, for texts with
            one label, a dict with the weight of each class.
        optimize: What decisions are tuned for: `accuracy` or `macro-f1`.
        linear: Whether there is a linear part.
        gru: Whether there is a GRU part.
        vectors: File or folder of word vectors to start from.
        unlabelled: Texts without labels to learn words from: an iterable of `str`, a file, or a list of `pathlib.Path`.
        base: Folder of a base that `grutext pretrain` has made, from whose word vectors the training starts.
        warm_start: Whether a further `fit` starts from the word vectors of the fitted model, if it has a GRU part.
        dev_fraction: The share of the texts that is set aside to choose the best epoch and to calibrate; None leaves it
            to their number.
        settings: More settings by their names in docs/reference/settings.md, such as `{"gru.units": 96}`; they override
            the preset. A setting that another argument stands for is an error if the two differ.
        verbose: 1 prints notes and epochs.

    Attributes:
        classes_: `(C,)`, the classes in the order of the columns of `predict_proba`.
        classifier_: The trained model, a `grutext.Classifier`.
    """

    classes_: NDArray[Any]
    classifier_: Classifier
    _form: str
    _columns: NDArray[np.int64]

    def __init__(  # noqa: PLR0913 (scikit-learn passes one argument for each parameter)
        self,
        *,
        preset: str = "balanced",
        epochs: int | None = None,
        time_budget: float | str | None = None,
        engine: str = "auto",
        random_state: int | np.random.RandomState | None = 1,
        class_weight: str | Mapping[Any, float] = "auto",
        optimize: str = "accuracy",
        linear: bool = True,
        gru: bool = True,
        vectors: str | Path | None = None,
        unlabelled: Any = None,
        base: str | Path | None = None,
        warm_start: bool = False,
        dev_fraction: float | None = None,
        settings: Mapping[str, Any] | None = None,
        verbose: int = 0,
    ) -> None:
        self.preset = preset
        self.epochs = epochs
        self.time_budget = time_budget
        self.engine = engine
        self.random_state = random_state
        self.class_weight = class_weight
        self.optimize = optimize
        self.linear = linear
        self.gru = gru
        self.vectors = vectors
        self.unlabelled = unlabelled
        self.base = base
        self.warm_start = warm_start
        self.dev_fraction = dev_fraction
        self.settings = settings
        self.verbose = verbose

    def fit(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> GRUTextClassifier:
        """Train on N texts.

        Args:
            X: The texts.
            y: Their labels.
            sample_weight: `(N,)`, the weight of each text in training; texts of weight 0 are left out. None: each counts once.

        Returns:
            The estimator itself.

        Raises:
            ValueError: A parameter or `y` is wrong, or nothing can be learned from these texts.
            TypeError: `X` is not an iterable of `str`; names the position of the first wrong one.
            MissingExtraError: A package that training needs is not installed.
        """
        self._fit(list_texts(X), y, sample_weight)
        self._seen = _Seen()
        return self

    def partial_fit(
        self, X: Iterable[str], y: Any, classes: Any = None, sample_weight: Any = None
    ) -> GRUTextClassifier:
        """Go on training with more texts.

        The texts of all calls since the last `fit` are kept, and the model learns from all of them, so that it does not forget the
        earlier ones; the GRU part starts from the word vectors that it has learned already. The texts of `fit` are not kept.

        Args:
            X: The N new texts.
            y: Their labels, in the form of the first call.
            classes: All classes that may occur; those of the first call if left out. Only in the first call.
            sample_weight: `(N,)`, the weights of the new texts.

        Raises:
            ValueError: As for `fit`; or a class is new.
        """
        seen: _Seen = getattr(self, "_seen", _Seen())
        if classes is None and seen.texts:
            classes = self.classes_
        seen = seen.add(list_texts(X), y, sample_weight)
        self._fit(seen.texts, seen.labels, seen.weights, classes, goes_on=True)
        self._seen = seen
        return self

    def _fit(
        self, texts: Sequence[str], y: Any, sample_weight: Any, classes: Any = None, goes_on: bool = False
    ) -> GRUTextClassifier:
        """Train; start from the word vectors of the fitted model if there is one and the training goes on."""
        from grutext.data import ReadOptions
        from grutext.training.splits import TrainingData
        from grutext.training.train import train

        targets = _Targets.read(y)
        if classes is not None:
            targets = targets.within(classes)
        if len(texts) != len(targets.indices):
            raise ValueError(f"X has {len(texts)} texts, but y has the labels of {len(targets.indices)}")
        if len(texts) == 1:
            raise ValueError("X has 1 sample; training needs texts of at least two classes")
        names = targets.names()
        labels = [
            names[own] if isinstance(own, int) else [names[one] for one in own] for own in targets.indices
        ]
        weights = None if sample_weight is None else np.array(sample_weight, np.float64)
        if isinstance(self.class_weight, Mapping):
            if targets.form != _ONE:
                raise ValueError('class_weight is a dict, which is for texts with one label; use "balanced"')
            by_class = compute_sample_weight(self.class_weight, y)
            weights = by_class if weights is None else weights * by_class
        listener = _Printer() if self.verbose else Silent()
        with contextlib.ExitStack() as stack:
            base = self.base
            if (goes_on or self.warm_start) and hasattr(self, "classifier_") and self.gru:
                base = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "fitted"
                _save_base(self.classifier_.bundle, base)
            data = TrainingData(
                (texts, labels),
                dev_fraction=self.dev_fraction,
                unlabelled=self.unlabelled,
                base=base,
                weights=weights,
                reading=ReadOptions(keep_missing=True),
            )
            try:
                outcome = train(data, settings=self._read_settings(), vectors=self.vectors, listener=listener)
            except (ConfigError, DataError, TrainingError) as error:
                raise ValueError(str(error)) from error
        self.classifier_, self.classes_, self._form = outcome.classifier, targets.classes, targets.form
        self._columns = np.array([names.index(label) for label in outcome.classifier.labels])
        return self

    def predict(self, X: Iterable[str]) -> Any:
        """Return the class of each text, `(N,)`; where a text may have several, `(N, C)` of 0 and 1, or a list of lists."""
        check_is_fitted(self, "classifier_")
        probabilities = self.classifier_.predict_proba(X)
        chosen = decide(probabilities, self.classifier_.thresholds, self.classifier_.multilabel)  # (N, K)
        applies = np.zeros((len(chosen), len(self.classes_)), np.int64)  # (N, C)
        applies[:, self._columns] = chosen
        if self._form == _INDICATOR:
            return applies
        if self._form == _LISTS:
            return [self.classes_[row > 0].tolist() for row in applies]
        return self.classes_[applies.argmax(axis=1)]

    def predict_proba(self, X: Iterable[str]) -> Float:
        """Return the probability of each class, `(N, C) float32`; rows sum to 1 unless a text may have several classes."""
        check_is_fitted(self, "classifier_")
        return self._by_class(self.classifier_.predict_proba(X), missing=0.0)

    def decision_function(self, X: Iterable[str]) -> Float:
        """Return scores: of one class, the highest wins; of several, those of at least 0 apply.

        Returns:
            `(N, C) float32`, the logarithm of each class's probability over its threshold, or of its odds over the
            threshold's where a text may have several classes; for two classes `(N,)`, positive where the second is predicted.
        """
        check_is_fitted(self, "classifier_")
        probabilities = self.classifier_.predict_proba(X)  # (N, K)
        limits = self.classifier_.thresholds if self.classifier_.thresholds.size else np.ones(1, np.float32)
        scores = _log(probabilities) - _log(limits)
        if self.classifier_.multilabel:
            scores += _log(1.0 - limits) - _log(1.0 - probabilities)
        scores = self._by_class(scores, missing=_LOWEST)
        is_binary = self._form == _ONE and scores.shape[1] == 2
        return scores[:, 1] - scores[:, 0] if is_binary else scores

    def score(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; where a text may have several classes, the share of texts with exactly the right ones."""
        predicted = self.predict(X)
        if self._form == _LISTS:
            y = [sorted(own) for own in y]
            predicted = [sorted(own) for own in predicted]
            return float(
                np.average(
                    [own == right for own, right in zip(predicted, y, strict=True)], weights=sample_weight
                )
            )
        return float(accuracy_score(y, predicted, sample_weight=sample_weight))

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the trained model to a folder, as the command `grutext train` does; see `Classifier.save`."""
        check_is_fitted(self, "classifier_")
        self.classifier_.save(path, overwrite)

    @classmethod
    def load(cls, path: str | Path) -> GRUTextClassifier:
        """Return an estimator that is fitted already: the model in a folder. Its classes are the labels as strings.

        Raises:
            BundleError: There is no usable model in the folder.
        """
        model = cls()
        model.classifier_ = Classifier.load(path)
        model.classes_ = np.array(model.classifier_.labels)
        model._form = _LISTS if model.classifier_.multilabel else _ONE
        model._columns = np.arange(len(model.classes_))
        return model

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn wants to know about the input."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        tags.non_deterministic = self.time_budget is not None
        return cast("Tags", tags)

    def _read_settings(self) -> dict[str, Any]:
        """Return the settings that the parameters stand for."""
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        time_budget = self.time_budget
        named = {
            "training.epochs": self.epochs,
            "training.time_budget": read_seconds(time_budget)
            if isinstance(time_budget, str)
            else time_budget,
            "training.engine": self.engine,
            "training.seed": int(seed),
            "training.class_weight": "none" if isinstance(self.class_weight, Mapping) else self.class_weight,
            "training.optimize": self.optimize,
            "linear.enabled": self.linear,
            "gru.enabled": self.gru,
        }
        given = {name: value for name, value in named.items() if value is not None}
        more = dict(self.settings or {})
        for name, value in given.items():
            if more.get(name, value) != value:
                argument = {"training.seed": "random_state", "linear.enabled": "linear", "gru.enabled": "gru"}
                instead = argument.get(name, name.removeprefix("training."))
                raise ValueError(f"settings has {name}={more[name]!r}; pass it as the argument {instead}")
        return preset(self.preset) | more | given

    def _by_class(self, values: Float, missing: float) -> Float:
        """Return values of the model's labels, `(N, K)`, in the order of the classes, `(N, C)`."""
        ordered = np.full((len(values), len(self.classes_)), missing, np.float32)
        ordered[:, self._columns] = values
        return ordered


class GRUTextVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer from texts to the vectors of a trained encoder, for any other estimator.

    The encoder learns what tells the labels of the training texts apart, so `fit` needs labels.

    Args:
        classifier: The classifier whose encoder is used; `fit` trains a clone of it. None is `GRUTextClassifier()`. A trained one inside scikit-learn's
            `FrozenEstimator` is used as it is.

    Attributes:
        classifier_: The fitted classifier.
    """

    classifier_: Any

    def __init__(self, classifier: Any = None) -> None:
        self.classifier = classifier

    def fit(self, X: Iterable[str], y: Any = None) -> GRUTextVectorizer:
        """Train the encoder on N texts; the arguments and errors are those of `GRUTextClassifier.fit`."""
        chosen = GRUTextClassifier() if self.classifier is None else self.classifier
        self.classifier_ = clone(chosen).fit(X, y)
        return self

    def transform(self, X: Iterable[str]) -> Float:
        """Return the vector of each text, `(N, P) float32`; zeros for an empty text.

        Raises:
            ConfigError: The model has no GRU part.
        """
        check_is_fitted(self, "classifier_")
        vectors: Float = self.classifier_.classifier_.encode(X)
        return vectors

    @property
    def _n_features_out(self) -> int:
        return pooled_width(self.classifier_.classifier_.bundle.config.gru)

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn wants to know about the input."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = True
        return cast("Tags", tags)


def _save_base(bundle: Bundle, folder: Path) -> None:
    """Save the words of a model and their vectors as a base to start from."""
    tables = {name: array for name, array in bundle.weights.items() if name.startswith("embedding/")}
    base = Bundle(
        config=bundle.config,
        labels=(),
        multilabel=False,
        vocabulary=bundle.vocabulary,
        weights=tables,
        calibration=Calibration(),
        data=bundle.data,
    )
    base.save(folder)


def _log(values: Any) -> Any:
    return np.log(np.maximum(values, np.exp(_LOWEST)))
