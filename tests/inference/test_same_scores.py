"""The same scores everywhere: however texts are put together, and whoever shares or copies the model.

Each test asks for the probabilities of texts one by one, and holds every other way to ask against them.
"""

import itertools
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grutext
from grutext import Classifier
from grutext.errors import BundleError
from grutext.inference import chunks

KINDS = {
    "one label": {},
    "several labels": {"multilabel": True},
    "reset before, one label": {"settings": {"gru.reset_after": False}},
    "linear alone, several labels": {"settings": {"gru.enabled": False}, "multilabel": True},
    "GRU alone, two layers, reset before": {
        "settings": {"linear.enabled": False, "gru.reset_after": False, "gru.layers": 2}
    },
}
# What is likely to differ: nothing at all, white space, only unknown words, halves of characters, many tokens,
# one long token, scripts without spaces, and texts that the model was made from.
POOL = [
    "", " \t\n", "zyx wvu tsr", "\ud800", "parcel \udfff \ud83d", "\0", "ok", "ok.", "thanks, thanks for the quick answer",
    "Где моя посылка?", "天气很好", "👍🏽" * 5, "invoice " * 300, "x" * 5000, "The parcel never came, where is it?",
]  # fmt: skip


@pytest.fixture(
    params=["one label", *(pytest.param(kind, marks=pytest.mark.long) for kind in list(KINDS)[1:])]
)
def model(request, build_bundle, compiled) -> Classifier:
    """A model of each kind, with NumPy and with compiled kernels."""
    return Classifier(build_bundle(**KINDS[request.param]), compiled=compiled)


@pytest.fixture
def alone(model) -> np.ndarray:
    """The probabilities of the texts of the pool, asked one by one, in NumPy: `(len(POOL), C)`."""
    one = Classifier(model.bundle, compiled=False)
    return np.concatenate([one.predict_proba([text]) for text in POOL])


def check_same(model: Classifier, found, expected) -> None:
    """Assert equal probabilities to 1e-5, and equal labels."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert model.decide(found) == model.decide(expected)


def test_the_texts_of_the_pool_have_different_scores(model, alone):
    """Texts that differ have answers that differ by more than what is allowed, save those without content."""
    check_same(model, alone[:2], alone[[1, 0]])
    gaps = np.abs(alone[:, None] - alone[None]).max(axis=2) + np.eye(len(POOL))
    assert np.median(gaps.min(axis=1)) > 1e-4


def test_scores_are_the_same_for_any_texts_order_and_batches(model, alone):
    @settings(max_examples=12)
    @given(st.lists(st.integers(0, len(POOL) - 1), max_size=40), st.lists(st.integers(0, 40), max_size=6))
    def check(chosen, cuts):
        texts = [POOL[n] for n in chosen]
        places = [0, *sorted(cuts), len(texts)]
        runs = [model.predict_proba(texts[start:end]) for start, end in itertools.pairwise(places)]
        check_same(model, np.concatenate(runs), alone[chosen])
        check_same(model, model.predict_proba(texts), alone[chosen])
        assert model.predict(texts) == model.decide(alone[chosen])

    check()


def test_scores_are_the_same_at_the_limit_of_texts_in_a_chunk(model, alone, rng):
    brief = [n for n, text in enumerate(POOL) if len(text) < 100]
    for count, expected in ((63, 1), (64, 1), (65, 2), (128, 2), (129, 3), (512, 8), (513, 8), (1_000, 8)):
        chosen = rng.choice(brief, count)
        texts = [POOL[n] for n in chosen]
        assert len(chunks.cut(texts)) == expected
        check_same(model, model.predict_proba(texts), alone[chosen])


@pytest.mark.long
def test_scores_are_the_same_at_the_limit_of_characters_in_a_chunk(model, alone):
    limit = chunks.CHUNK_CHARACTERS
    long = "parcel " + "y" * 1017
    for size in (limit - 1, limit, limit + 1):
        filler = (long * (size // len(long) + 1))[:size]
        found = model.predict_proba(["ok", filler, "", "ok."])
        check_same(model, found[[0, 2, 3]], alone[[POOL.index(text) for text in ("ok", "", "ok.")]])
        check_same(model, found[1:2], model.predict_proba([filler]))


@pytest.mark.long
def test_32_threads_share_a_model(model, alone, rng):
    orders = [rng.permutation(len(POOL)) for _ in range(32)]
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda order: model.predict_proba([POOL[n] for n in order]), orders))
    for order, probabilities in zip(orders, found, strict=True):
        check_same(model, probabilities, alone[order])


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_a_pickled_model_is_the_same_model(model, alone, tmp_path, protocol):
    model.bundle.save(tmp_path / "model")
    for one in (model, Classifier.load(tmp_path / "model")):
        size = sum(array.nbytes for array in one.bundle.weights.values())
        raw = pickle.dumps(one, protocol)
        assert len(raw) < 3 * size + 40_000
        copy = pickle.loads(raw)
        assert copy.labels == model.labels
        check_same(model, np.concatenate([copy.predict_proba([text]) for text in POOL]), alone)
        assert pickle.dumps(copy, protocol) == pickle.dumps(
            pickle.loads(pickle.dumps(copy, protocol)), protocol
        )


CHILDREN = """
import multiprocessing, sys
import numpy as np
from grutext import Classifier
from test_texts import POOL

def check(found, model, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert model.decide(found) == model.decide(expected)

if __name__ == "__main__":
    for folder in sys.argv[1:]:
        model = Classifier.load(folder)
        expected = np.concatenate([model.predict_proba([text]) for text in POOL])
        parts = [POOL[start : start + 4] for start in range(0, len(POOL), 4)]
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                check(np.concatenate(pool.map(model.predict_proba, parts)), model, expected)
                labels = [label for some in pool.map(model.predict, parts) for label in some]
                assert labels == model.decide(expected)
            print(folder, method)
"""


@pytest.mark.long
def test_forked_and_spawned_processes_predict_the_same(build_bundle, tmp_path):
    """In a process of its own, for a fork takes along whatever else is loaded."""
    if sys.platform == "win32":
        pytest.skip("there is no fork")
    names = ["several labels", "reset before, one label"]
    for name in names:
        build_bundle(**KINDS[name]).save(tmp_path / name)
    (tmp_path / "test_texts.py").write_text(f"POOL = {POOL!a}", encoding="ascii")
    (tmp_path / "children.py").write_text(CHILDREN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "children.py", *names],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} {method}" for name in names for method in ("fork", "spawn")]


def test_scores_that_overflow_are_an_error(build_bundle, compiled):
    """Each weight is finite, as loading asks, and the largest that there is."""
    bundle = build_bundle()
    weights = bundle.weights["head/kernel"]
    weights[...] = np.finfo(weights.dtype).max
    weights.ravel()[::2] *= -1
    calibration = replace(bundle.calibration, familiarity=(0.0, 1.0, 1.0))
    model = Classifier(replace(bundle, calibration=calibration), compiled=compiled)
    for ask in (model.predict, model.predict_proba, model.answer, model.familiarity):
        with pytest.raises(BundleError, match="scores overflow; train it again"):
            ask(POOL)
    assert np.isfinite(model.predict_proba([""])).all()
