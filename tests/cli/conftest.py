"""Fixtures that run the commands, and models for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.keyword_model import LABELS, build_keyword_model

from grutext.cli import main
from grutext.model.bundle import Bundle

Run = Callable[..., Result]


@pytest.fixture
def make_bundle() -> Callable[..., Bundle]:
    """Build the model in memory."""
    return build_keyword_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a model that gives one label to a text."""
    build_keyword_model(multilabel=False).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def multilabel_model(tmp_path: Path) -> Path:
    """The folder of a model that gives any number of labels to a text."""
    build_keyword_model(multilabel=True).save(tmp_path / "several")
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
        build_keyword_model(multilabel=False),
        history=history,
        metrics={"dev": report, "calibration": compared},
    )
    bundle.save(tmp_path / "trained")
    return tmp_path / "trained"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `grutext` with arguments, in an empty folder; `check` is the expected exit code, `color` keeps escape sequences."""
    monkeypatch.chdir(tmp_path)

    def run_command(
        *arguments: object, check: int = 0, stdin: str | bytes | None = None, color: bool = False
    ) -> Result:
        if arguments[:1] == ("evaluate",):
            pytest.importorskip("sklearn")
        result = CliRunner().invoke(
            main, [str(argument) for argument in arguments], input=stdin, color=color, prog_name="grutext"
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
