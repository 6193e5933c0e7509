"""Kernels are loaded from Numba's cache, or compiled, only when that is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import grutext
from grutext import kernels
from grutext.kernels import precompile

pytest.importorskip("numba")

PROBE = """
import time
from grutext import kernels
from grutext.kernels import precompile
found = []
for command in {commands!r}:
    found.append(eval(command))
print(found)
"""
LATE = 'precompile.compile_kernels("tokens", deadline=time.monotonic() - 1)'


def ask(cache: Path, *commands: str, **environment: str) -> list:
    """Return the values of expressions in a fresh process with this cache of Numba's."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(commands=commands)],
        env=dict(os.environ) | {"PYTHONPATH": str(Path(grutext.__file__).parents[1]), "NUMBA_CACHE_DIR": str(cache)} | environment,
        capture_output=True, encoding="utf-8", check=False, cwd=cache.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return eval(done.stdout.splitlines()[-1])


@pytest.mark.long
def test_loading_compiles_nothing_and_compiling_fills_the_cache(tmp_path):
    load, seconds = 'kernels.load_cached("tokens")', 'precompile.seconds_to_compile("tokens") > 0'
    assert ask(tmp_path / "cache", load, load, seconds, LATE) == [False, False, True, False]
    assert not list(tmp_path.rglob("*.nbc"))
    steps = ['precompile.compile_kernels("tokens")', load, seconds, LATE]
    assert ask(tmp_path / "cache", *steps) == [True, True, False, True]
    kept = sorted(tmp_path.rglob("tokens.*.nbc"))
    assert len(kept) == 4
    assert ask(tmp_path / "cache", load, 'kernels.load_cached("ngrams")') == [True, False]
    assert ask(tmp_path / "cache", load, NUMBA_CPU_NAME="generic") == [False]
    assert sorted(tmp_path.rglob("tokens.*.nbc")) == kept
    assert not list(tmp_path.rglob("ngrams.*.nbc"))


@pytest.mark.long
def test_compiling_works_where_no_other_process_can_be_started(tmp_path):
    without = "setattr(precompile.sys, 'executable', '')"
    assert ask(tmp_path / "cache", without, 'precompile.compile_kernels("tokens")') == [None, True]


def test_kernels_are_loaded_and_compiled_only_for_enough_text(monkeypatch):
    asked = []
    cached, compiles = False, True
    monkeypatch.setattr(kernels, "load_cached", lambda *modules: asked.append("load") or cached)
    monkeypatch.setattr(
        kernels,
        "why_unavailable",
        lambda *modules: asked.append("compile") or (None if compiles else "broken"),
    )
    load, compile_ = kernels.WORTH_LOADING, kernels.WORTH_COMPILING
    assert not kernels.load_if_worth_it(load - 1)
    assert asked == []
    assert not kernels.load_if_worth_it(compile_ - 1)
    assert asked == ["load"]
    assert kernels.load_if_worth_it(compile_)
    assert asked == ["load", "load", "compile"]
    compiles = False
    assert not kernels.load_if_worth_it(compile_)
    cached = True
    asked.clear()
    assert kernels.load_if_worth_it(load)
    assert asked == ["load"]


def test_two_processes_compile_about_equally_long():
    for modules in (kernels.PREDICTION, kernels.TRAINING, kernels.PREDICTION + kernels.TRAINING):
        first, second = (sum(files.values()) for files in precompile._shares(modules))
        assert 0.5 < first / second < 2


WITHOUT_FOLDER = "setattr(__import__('numba').core.caching.FunctionCache._impl_class, '_locator_classes', [])"


@pytest.mark.long
def test_kernels_that_cannot_be_cached_are_not_waited_for(tmp_path):
    seconds, why = 'precompile.seconds_to_compile("tokens")', 'kernels.why_unavailable("tokens")'
    _, zero, reason = ask(tmp_path / "cache", WITHOUT_FOLDER, seconds, why)
    assert zero == 0.0
    assert "cannot cache function" in reason
