"""A model so small that its probabilities can be computed by hand, and fixtures that run the commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from grutext.cli import main
from grutext.config import Config
from grutext.model.bundle import Bundle
from grutext.model.spec import Calibration
from grutext.text import Vectorizer, Vocabulary, count_ngrams

LABELS = ("billing", "delivery", "login")
KEYWORDS = ("invoice", "parcel", "password")
Run = Callable[..., Result]


def build_bundle(multilabel: bool) -> Bundle:
    """Build a model without a GRU that knows one word for each label.

    A text with one of the words has a margin of 3 for its label and of 0 for the others, so that the
    probability is e^3 / (e^3 + 2) = 0.909443; with several labels it is 1 / (1 + e^-2) = 0.880797, or
    1 / (1 + e^1) = 0.268941 without the word.
    """
    config = Config().override({"gru.enabled": False, "linear.char_max": 0, "linear.word_max": 1})
    vectorizer = Vectorizer(config.text, Vocabulary(KEYWORDS))
    keys = [count_ngrams(vectorizer.vectorize([word]), config.linear).keys[0] for word in KEYWORDS]
    order = np.argsort(keys)
    return Bundle(
        config=config,
        labels=LABELS,
        multilabel=multilabel,
        vocabulary=KEYWORDS,
        weights={
            "linear/keys": np.array(keys, np.uint32)[order],
            "linear/scale": np.ones(3, np.float16),
            "linear/kernel": (3 * np.eye(3))[order].astype(np.float16),
            "linear/bias": np.full(3, -1.0 if multilabel else 0.0, np.float32),
        },
        calibration=Calibration(thresholds=(0.5, 0.5, 0.5) if multilabel else ()),
        data={"source": "mails.csv", "text_column": "message", "label_column": "topic"},
        versions={"grutext": "0.1.0", "python": "3.11.7"},
        created="2024-05-01T12:00:00+00:00",
    )


@pytest.fixture
def make_bundle() -> Callable[..., Bundle]:
    """Build the model in memory."""
    return build_bundle


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a model that gives one label to a text."""
    build_bundle(multilabel=False).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def multilabel_model(tmp_path: Path) -> Path:
    """The folder of a model that gives any number of labels to a text."""
    build_bundle(multilabel=True).save(tmp_path / "several")
    return tmp_path / "several"


@pytest.fixture
def trained_model(tmp_path: Path) -> Path:
    """The folder of a model with a history and metrics."""
    history = [
        {"epoch": 1, "loss": 1.5, "dev_loss": 1.25, "dev_score": 0.5, "tokens_per_second": 1000.0,
         "seconds": 2.0, "best": False},
        {"epoch": 2, "loss": 0.75, "dev_loss": 0.5, "dev_score": 0.75, "tokens_per_second": 2000.0,
         "seconds": 1.5, "best": True},
    ]  # fmt: skip
    pytest.importorskip("sklearn")
    from grutext.evaluation import evaluate

    report = evaluate([("billing",), ("login",)], [[0.8, 0.1, 0.1], [0.5, 0.1, 0.4]], LABELS).to_dict()
    compared = {"before": {"ece": 0.5, "log_loss": 2.0}, "after": {"ece": 0.25, "log_loss": 1.0}}
    bundle = replace(
        build_bundle(multilabel=False), history=history, metrics={"dev": report, "calibration": compared}
    )
    bundle.save(tmp_path / "trained")
    return tmp_path / "trained"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `grutext` with arguments, in an empty folder; `check` is the expected exit code."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments: object, check: int = 0, stdin: str | bytes | None = None) -> Result:
        if arguments[:1] == ("evaluate",):
            pytest.importorskip("sklearn")
        result = CliRunner().invoke(
            main, [str(argument) for argument in arguments], input=stdin, prog_name="grutext"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == check, result.output
        return result

    return run_command


@pytest.fixture
def error(run: Run) -> Callable[..., str]:
    """Run a command that must fail with exit code 1 and one line on stderr, and return that line."""

    def run_failing(*arguments: object, stdin: str | bytes | None = None) -> str:
        result = run(*arguments, check=1, stdin=stdin)
        lines = result.stderr.splitlines()
        assert result.stdout == ""
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("grutext: error: ")
        return lines[0].removeprefix("grutext: error: ")

    return run_failing
