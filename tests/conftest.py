"""What all tests share: seeds, a small random model, texts of every kind, the real data where it is."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from support.browser import Browser, open_browser, why_missing
from support.spark import start_cluster, start_sail, why_no_cluster, why_no_sail

from grutext.config import Config
from grutext.model import bundle as bundles
from grutext.model.spec import Calibration, linear_columns, weight_spec
from grutext.text import Vectorizer, count_ngrams

ROOT = Path(__file__).parents[1]
collect_ignore = ["support"]  # has no tests, but imports what only some tests need, such as TensorFlow

# The same examples on every machine and in every run, and nothing left behind on the disk.
settings.register_profile(
    "grutext",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# A tenth of them in `scripts/test --fast`.
settings.register_profile("fast", settings.get_profile("grutext"), max_examples=10)
settings.load_profile(os.environ.get("GRUTEXT_PROFILE", "grutext"))

# Sizes that differ from one another, so that an exchanged axis does not go unnoticed.
SMALL = {
    "text.min_count": 1,
    "text.subword_buckets": 61,
    "linear.char_max": 3,
    "gru.embedding_size": 5,
    "gru.units": 4,
}
TEXTS = (
    "The parcel never came, where is it?",
    "I can't log in!! The password page loops...",
    "Invoice 4711 says 3.50, I paid 35.00 instead",
    "天气很好 and the price is right 👍🏽",
    "Где моя посылка? Жду уже 2 недели",
    "ok",
    "",
    "thanks, thanks, thanks for the quick answer to my question about the invoice",
)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Start every test from the same random state."""
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 (for code that draws from the global state)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(7)


@pytest.fixture
def texts() -> list[str]:
    """Eight texts in several scripts, one of them empty, one of a single word."""
    return list(TEXTS)


@pytest.fixture
def sample_folder() -> Path:
    """The folder of the embedded sample."""
    return ROOT / "datasets" / "helpdesk"


@pytest.fixture
def data_folder() -> Path:
    """The folder of public data sets beside the repository; a test that needs it is skipped without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public data sets are not here")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, one for all tests; a test that needs it is skipped where there is none."""
    reason = why_missing()
    if reason:
        pytest.skip(reason)
    with open_browser() as window:
        yield window


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session on a Spark cluster of two executors, one for all tests; skips where Java is missing.

    It starts in seconds: put much into few tests.
    """
    reason = why_no_cluster()
    if reason:
        pytest.skip(reason)
    with start_cluster(tmp_path_factory.mktemp("spark")) as session:
        yield session


@pytest.fixture(scope="session")
def sail() -> Iterator[str]:
    """The address of a Spark Connect server that needs no Java, one for all tests; skips where it cannot run."""
    reason = why_no_sail()
    if reason:
        pytest.skip(reason)
    with start_sail() as address:
        yield address


BundleFactory = Callable[..., bundles.Bundle]


def _text_vectors(rows: int, size: int, margins: int) -> dict[str, np.ndarray]:
    """Return random text vectors by the spec's names."""
    draw = np.random.default_rng(11)
    scale = draw.uniform(0.2, 1.0, rows).astype(np.float16)
    scale[0] = 0  # of unknown words
    return {
        "text_vectors/words": draw.integers(-127, 128, (rows, size)).astype(np.int8),
        "text_vectors/scale": scale,
        "text_vectors/center": draw.uniform(-0.2, 0.2, size).astype(np.float32),
        "linear/vector_kernel": draw.normal(size=(size, margins)).astype(np.float32),
    }


@pytest.fixture
def build_bundle() -> BundleFactory:
    """Build a small bundle with random weights and biases, none of them zero."""

    def build(
        settings: Mapping[str, Any] | None = None,
        labels: Sequence[str] = ("ask", "buy", "cry"),
        multilabel: bool = False,
        texts: Sequence[str] = TEXTS,
        seed: int = 5,
        vector_size: int = 0,
    ) -> bundles.Bundle:
        config = Config().override(SMALL | dict(settings or {}))
        draw = np.random.default_rng(seed)
        vectorizer = Vectorizer.fit(texts, config.text)
        keys = np.unique(count_ngrams(vectorizer.vectorize(texts), config.linear).keys)
        keys = np.sort(draw.choice(keys, size=len(keys) * 2 // 3, replace=False))  # some stay unknown
        spec = weight_spec(config, vectorizer.vocabulary.rows, len(labels), multilabel, len(keys))
        weights = {
            name: draw.normal(scale=0.6, size=shape).astype(dtype) for name, (shape, dtype) in spec.items()
        }
        if config.gru.enabled:
            weights["head/bias"] *= np.float32(0.2)  # the texts decide, not the bias alone
        if config.linear.enabled:
            weights["linear/keys"] = keys
            weights["linear/scale"] = np.abs(weights["linear/scale"]) + np.float16(0.1)
        margins = linear_columns(len(labels), multilabel)
        if vector_size:
            weights |= _text_vectors(vectorizer.vocabulary.rows, vector_size, margins)
        per_label = margins if multilabel else 1
        calibration = Calibration(
            gru_scale=0.8,
            linear_scale=tuple(draw.uniform(0.5, 2.0, per_label).tolist()),
            linear_shift=tuple(draw.normal(size=per_label).tolist()),
            fusion=0.4,
            thresholds=tuple(draw.uniform(0.3, 0.7, len(labels)).tolist()) if multilabel else (),
        )
        return bundles.Bundle(
            config=config,
            labels=tuple(labels),
            multilabel=multilabel,
            vocabulary=vectorizer.vocabulary.tokens,
            weights=weights,
            calibration=calibration,
            history=[{"epoch": 1, "loss": 1.25, "best": True}],
            metrics={"dev": {"accuracy": 0.75}},
            data={"source": "mails.csv", "rows": 8, "sha256": "0" * 64},
            golden=[{"text": "the parcel", "probabilities": [0.5, 0.25, 0.25]}],
            versions={"python": "3.11.7", "grutext": "0.1.0"},
            created="2024-05-01T12:00:00+00:00",
        )

    return build
