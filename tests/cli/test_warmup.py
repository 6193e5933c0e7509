"""`grutext warmup`: what it says, and what it does where Numba is missing."""

import json
import sys
from pathlib import Path

import pytest

from grutext import kernels
from grutext.kernels import precompile


@pytest.fixture
def _compiled() -> None:
    if why := kernels.why_unavailable(*kernels.PREDICTION, *kernels.SESSIONS, *kernels.TRAINING):
        pytest.skip(why)


@pytest.mark.usefixtures("_compiled")
def test_says_where_the_kernels_are_and_that_there_is_nothing_to_do(run) -> None:
    done = run("warmup")
    first, second = done.stdout.splitlines()
    assert first.startswith("kernels: already compiled, for the processor ")
    folder = Path(second.removeprefix("cache: "))
    assert list(folder.glob("gru.run_layer-*.nbi"))
    assert done.stderr == ""
    values = json.loads(run("warmup", "--json").stdout)
    assert values == {"compiled": False, "seconds": 0.0, "cache": str(folder), "processor": first.split()[-1]}


@pytest.mark.usefixtures("_compiled")
def test_compiles_what_is_missing_and_says_so(run, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(precompile, "seconds_to_compile", lambda *modules: 17.3)
    monkeypatch.setattr(
        precompile, "compile_kernels", lambda *modules, report: asked.append(modules) or report(1.0)
    )
    done = run("warmup", "--json")
    assert asked == [("inference", "ngrams", "tokens", "sessions", "training")]
    assert done.stderr == "compiling kernels (about 17 s, longer on a busy machine)\n"
    assert json.loads(done.stdout)["compiled"] is True
    assert run("warmup", "--quiet").stderr == ""


def test_whoever_prepares_kernels_says_how_long_they_take_to_compile(monkeypatch) -> None:
    notes, asked, missing = [], [], [17.3]
    monkeypatch.setattr(precompile, "seconds_to_compile", lambda *_: missing[0])
    monkeypatch.setattr(precompile, "compile_kernels", lambda *modules: asked.append(modules))
    monkeypatch.setattr(precompile, "why_unavailable", lambda *_: None)
    assert precompile.prepare_kernels("ngrams", "tokens", note=notes.append)
    missing[0] = 0.0
    monkeypatch.setattr(precompile, "why_unavailable", lambda *_: "Numba is not there")
    assert not precompile.prepare_kernels("ngrams", "tokens", note=notes.append)
    assert notes == ["compiling kernels (first time only; about 17 s, longer on a busy machine)"]
    assert asked == [("ngrams", "tokens")]


def test_without_numba_one_line_names_the_extra(error, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr("grutext.requirements.is_installed", lambda package: False)
    assert error("warmup") == "grutext warmup needs numba; install it with: pip install 'grutext[fast]'"


def test_kernels_that_cannot_be_compiled_are_an_error_of_one_line(error, monkeypatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    monkeypatch.setattr(precompile, "compile_kernels", lambda *modules, report: False)
    assert error("warmup") == "the kernels cannot be compiled: NUMBA_DISABLE_JIT is set"
