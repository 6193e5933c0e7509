"""Part `prediction`: texts per second from strings to labels, for grutext and its peers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import build_features, to_line, train_fasttext
from benchmarks.sets import mostly_han
from benchmarks.speed.job import Bench
from benchmarks.speed.models import from_ids, only_recurrence, open_model, sample, without_linear
from benchmarks.speed.onnx_gru import OnnxGru, is_installed
from benchmarks.speed.timing import Call, interleave, rates
from benchmarks.speed.tutorial import BATCH, CUT, Tutorial
from grutext.data import Example
from grutext.engines.layers import BatchLayout
from grutext.engines.numba.layers import NumbaLayers
from grutext.inference import Classifier
from grutext.inference.chunks import cut
from grutext.inference.gru_part import GRUPart
from grutext.kernels.blas import one_blas_thread
from grutext.model.bundle import Bundle
from grutext.model.spec import directions
from grutext.text import TokenBatch, Vectorizer, Vocabulary

_MOST_TEXTS = 5_000
_CHARACTERS = 2_000_000  # labelled per call
_TRAINED_ON = 5_000  # training texts of the peers; more would not make them faster
_MOSTLY = 0.95  # of the characters
_LARGE_BATCHES = (256, 1024)
_CHUNK = 1024  # texts vectorized at once for ONNX Runtime
_PRODUCT_ROWS, _PRODUCTS = 8192, 50  # products per call: the first ones wake the threads of BLAS


def measure(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield a row for each data set, and one for its texts as truncated by Keras, if they are longer."""
    for name in bench.sets:
        drawn = [example.text for example in sample(bench, name, "test", _MOST_TEXTS)]
        texts = drawn[: sum(size <= _CHARACTERS for size in accumulate(map(len, drawn)))]
        yield name, compare(bench, name, texts)
        beginnings = [" ".join(text.split()[:CUT]) for text in texts]
        if sum(map(len, beginnings)) < _MOSTLY * sum(map(len, texts)):
            yield f"{name}, {CUT} words of a text", compare(bench, name, beginnings)


def compare(bench: Bench, name: str, texts: Sequence[str]) -> dict[str, float]:
    """Return texts per second of each system, and rates in GFLOP/s."""
    bundle = Bundle.load(open_model(bench, name))
    train = sample(bench, name, "train", _TRAINED_ON)
    chinese = mostly_han(list(texts[:1000]))
    calls = (
        _ours(bundle, texts)
        | _keras(bundle, texts, [example.text for example in train], chinese)
        | (_onnx(bundle, texts) if is_installed() else {})
        | (_fasttext(bundle, texts, train, chinese) if find_spec("fasttext") else {})
        | _svm(texts, train, chinese)
    )
    found = rates(interleave(calls, bench.repeats), len(texts))
    found["keras_best"] = max(found["keras"], *(found.pop(f"keras_{size}") for size in _LARGE_BATCHES))
    return found | _recurrence(bundle, texts, bench.repeats)


def _ours(bundle: Bundle, texts: Sequence[str]) -> dict[str, Call]:
    whole, gru, ids = Classifier(bundle), Classifier(without_linear(bundle)), from_ids(without_linear(bundle))
    numpy = Classifier(bundle, compiled=False)
    return {
        "ours": lambda: whole.predict(texts),
        "ours_numpy": lambda: numpy.predict(texts),
        "gru": lambda: gru.predict(texts),
        "gru_ids": lambda: ids.predict(texts),
    }


def _keras(bundle: Bundle, texts: Sequence[str], train: Sequence[str], chinese: bool) -> dict[str, Call]:
    model, rows = bundle.config.gru, len(bundle.vocabulary) + 2
    tutorial = Tutorial(train, rows, model.embedding_size, model.units, len(bundle.labels), chinese)

    def predict(batch: int) -> Call:
        return lambda: [bundle.labels[c] for c in tutorial.predict(texts, batch)]

    return {"keras": predict(BATCH)} | {f"keras_{size}": predict(size) for size in _LARGE_BATCHES}


def _onnx(bundle: Bundle, texts: Sequence[str]) -> dict[str, Call]:
    """Predict by ONNX Runtime with our tokens and vectors, in batches of similar length."""
    vectorizer = Vectorizer(bundle.config.text, Vocabulary(bundle.vocabulary), compiled=True)
    embed = GRUPart(bundle.config.gru, bundle.weights, compiled=True).embed
    session = OnnxGru(bundle)
    chunks = [texts[start : start + _CHUNK] for start in range(0, len(texts), _CHUNK)]
    ready = [vectorizer.vectorize(chunk) for chunk in chunks]

    def predict(batches: Callable[[], Iterator[TokenBatch]]) -> Call:
        def run() -> list[str]:
            rows = [session.logits(tokens, embed(tokens)) for tokens in batches()]
            return [bundle.labels[c] for c in np.concatenate(rows).argmax(axis=1)]

        return run

    return {
        "onnx": predict(lambda: map(vectorizer.vectorize, chunks)),
        "onnx_ids": predict(lambda: iter(ready)),
    }


def _fasttext(bundle: Bundle, texts: Sequence[str], train: list[Example], chinese: bool) -> dict[str, Call]:
    settings = {"wordNgrams": 2, "lr": 0.5, "epoch": 1}
    with tempfile.TemporaryDirectory() as folder:
        model = train_fasttext(train, bundle.labels, settings, 1, chinese, Path(folder))
    return {"fasttext": lambda: model.predict([to_line(text, chinese) for text in texts])}


def _svm(texts: Sequence[str], train: Sequence[Example], chinese: bool) -> dict[str, Call]:
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    model = make_pipeline(build_features(chinese), LinearSVC(dual="auto", random_state=1))
    model.fit([example.text for example in train], [example.labels[0] for example in train])
    return {"svm": lambda: model.predict(texts)}


def _recurrence(bundle: Bundle, texts: Sequence[str], repeats: int) -> dict[str, float]:
    """Return rates of the recurrent products, alone on one core and with the input products on all, and of plain ones."""
    model, units = from_ids(only_recurrence(bundle)), bundle.config.gru.units
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(_PRODUCT_ROWS, units)).astype(np.float32)
    kernel = draw.normal(size=(units, 3 * units)).astype(np.float32)
    product = np.empty((_PRODUCT_ROWS, 3 * units), np.float32)

    def multiply() -> None:
        for _ in range(_PRODUCTS):
            np.matmul(rows, kernel, product)

    def multiply_alone() -> None:
        with one_blas_thread():
            multiply()

    lengths = Vectorizer(bundle.config.text, Vocabulary(bundle.vocabulary)).vectorize(texts).lengths
    loop = _loop(bundle, [lengths[start:end] for start, end in cut(texts)])
    calls = {
        "with_inputs": lambda: model.encode(texts),
        "product": multiply,
        "loop": loop,
        "alone": multiply_alone,
    }
    seconds = interleave(calls, repeats)
    step = 2 * units * 3 * units / 1e9
    ours = rates(seconds, 2 * int(lengths.sum()) * step)  # two directions
    plain = rates(seconds, _PRODUCTS * _PRODUCT_ROWS * step)
    return {
        "loop_gflops": ours["loop"],
        "core_gflops": plain["alone"],
        "recurrence_gflops": ours["with_inputs"],
        "product_gflops": plain["product"],
    }


def _loop(bundle: Bundle, chunks: Sequence[NDArray[np.int32]]) -> Call:
    """Return a function that runs the recurrence on texts of these lengths, of one token, so that inputs cost nothing."""
    bare = only_recurrence(bundle)
    layers = NumbaLayers(bare.config.gru, bare.weights)
    vector = np.ones((1, bare.config.gru.embedding_size), np.float32)
    batches = []
    for lengths in chunks:
        falling = np.sort(lengths[lengths > 0])[::-1].astype(np.int64)
        for start in range(0, len(falling), layers.texts):
            some = falling[start : start + layers.texts]
            batches.append(BatchLayout(np.zeros_like(some), some, len(directions(bare.config.gru))))
    longest = max(batch.lengths[0] for batch in batches)
    source, _ = layers.read(vector, np.zeros(longest, np.int32), np.array([longest], np.int32))

    def run() -> None:
        with one_blas_thread():
            for batch in batches:
                layers.pool(source, batch)

    return run
