"""The alternatives to grutext: TF-IDF with a linear SVM, and fastText.

Each function trains on the training set, predicts the test set and returns the numbers of a result.
The test set is not used before the model is final.
"""

from __future__ import annotations

import pickle
import random
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Result
from benchmarks.scores import score
from benchmarks.sets import BenchSet, mostly_han
from benchmarks.stopwatch import Stopwatch
from grutext.data import Dataset, Example, label_set, split_examples

_WORD = r"\w+|[^\w\s]"  # includes words of one letter, and punctuation
_PUNCTUATION = re.compile(r"([.!?,'/()\":;])")
FASTTEXT_SETTINGS: tuple[dict[str, Any], ...] = (
    {"wordNgrams": 2, "lr": 1.0, "epoch": 50},
    {"wordNgrams": 2, "lr": 0.5, "epoch": 25, "minn": 3, "maxn": 6},
    {"wordNgrams": 2, "lr": 0.1, "epoch": 50},
)


def run_svm(bench_set: BenchSet, seed: int, folder: Path) -> Result:
    """Train a LinearSVC with C = 1 on TF-IDF of word 1-2-grams and character 2-5-grams (1-3 for Chinese)."""
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MultiLabelBinarizer
    from sklearn.svm import LinearSVC

    watch = Stopwatch()
    train, test = bench_set.read("train"), bench_set.read("test")
    labels = label_set(train.examples)
    marks = MultiLabelBinarizer(classes=labels)
    targets = marks.fit_transform([example.labels for example in train.examples])
    svm: Any = LinearSVC(dual="auto", random_state=seed)  # the default since scikit-learn 1.5
    svm = OneVsRestClassifier(svm) if train.multilabel else svm
    model = make_pipeline(build_features(mostly_han(_texts(train)[:1000])), svm)
    model.fit(_texts(train), targets if train.multilabel else targets.argmax(axis=1))
    answers = model.predict(_texts(test))
    times = watch.read()
    decided = answers if train.multilabel else np.eye(len(labels))[answers]
    path = folder / "svm"
    path.write_bytes(pickle.dumps(model))
    metrics = score(test, decided, labels) | {"ece": None, "log_loss": None}  # margins are not probabilities
    return metrics | {
        "version": f"scikit-learn {version('scikit-learn')}",
        **times,
        "mb": path.stat().st_size / 1e6,
    }


def build_features(chinese: bool) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    if chinese:
        return TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    return make_union(
        TfidfVectorizer(token_pattern=_WORD, ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )


def run_fasttext(bench_set: BenchSet, seed: int, folder: Path) -> Result:
    """Train fastText with the best of three settings on the dev set.

    Without a dev set, a tenth of the training set chooses, and the final model is trained on all of it. A setting
    at which fastText meets NaN is skipped; if none is left, the result has `failure`.
    """
    watch = Stopwatch()
    train, test = bench_set.read("train"), bench_set.read("test")
    labels = label_set(train.examples)
    chinese = mostly_han(_texts(train)[:1000])
    if bench_set.path("dev"):
        rest, dev = train.examples, bench_set.read("dev").examples
    else:
        rest, dev = split_examples(train.examples, 0.1, seed)
    tried = []
    for settings in FASTTEXT_SETTINGS:
        model = train_fasttext(rest, labels, settings, seed, chinese, folder)
        if model is not None:
            hits = _ask_fasttext(model, [e.text for e in dev], len(labels), chinese).argmax(axis=1)
            right = np.mean([labels[c] == e.labels[0] for c, e in zip(hits, dev, strict=True)])
            tried.append((float(right), settings, model))
    release = f"fasttext-numpy2 {version('fasttext-numpy2')}"
    failure: Result = {"version": release, "failure": "met NaN at each setting"}
    if not tried:
        return failure
    best, settings, model = max(tried, key=lambda one: one[0])
    if len(rest) < len(train.examples):
        model = train_fasttext(train.examples, labels, settings, seed, chinese, folder)
        if model is None:
            return failure
    probabilities = _ask_fasttext(model, _texts(test), len(labels), chinese)
    times = watch.read()
    path = folder / "fasttext"
    model.save_model(str(path))
    return score(test, probabilities, labels) | {
        "version": release,
        **times,
        "mb": path.stat().st_size / 1e6,
        "settings": settings,
        "dev": {"accuracy": best},
    }


def train_fasttext(
    examples: list[Example],
    labels: tuple[str, ...],
    settings: dict[str, Any],
    seed: int,
    chinese: bool,
    folder: Path,
) -> Any:
    """Return the model, or None if fastText met NaN."""
    import fasttext

    place = {label: index for index, label in enumerate(labels)}
    path = folder / "train.txt"
    lines = [f"__label__{place[e.labels[0]]} {to_line(e.text, chinese)}\n" for e in examples]
    random.Random(seed).shuffle(lines)  # fastText reads them in order, and some files are sorted by label
    path.write_text("".join(lines), encoding="utf-8", errors="replace")
    try:
        # One thread: with more, two runs give two models.
        return fasttext.train_supervised(str(path), seed=seed, thread=1, dim=100, verbose=0, **settings)
    except RuntimeError as error:
        if "NaN" not in str(error):
            raise
        return None


def _ask_fasttext(model: Any, texts: list[str], classes: int, chinese: bool) -> NDArray[np.float64]:
    """Return the probabilities, `(N, C)`."""
    names, values = model.predict([to_line(text, chinese) for text in texts], k=classes)
    probabilities = np.zeros((len(texts), classes))
    for row, (found, chances) in enumerate(zip(names, values, strict=True)):
        places = [int(name.removeprefix("__label__")) for name in found]
        probabilities[row, places] = np.clip(chances, 0.0, 1.0)
    return probabilities


def to_line(text: str, chinese: bool) -> str:
    """Prepare a text as in fastText's guide: lower case, punctuation separated; Chinese as characters."""
    if chinese:
        return " ".join(character for character in text if not character.isspace())
    return " ".join(_PUNCTUATION.sub(r" \1 ", text.lower()).split())


def _texts(part: Dataset) -> list[str]:
    return [example.text for example in part.examples]
