"""Which parts of a training use compiled kernels, and what becomes of a time budget that is too short to compile them."""

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from support.tiny_training import Recorder

from grutext.config import Config
from grutext.training import kernels
from grutext.training.budget import TimeBudget
from grutext.training.kernels import open_scorer, prepare_kernels

BIG = [["x" * kernels._WORTH_KERNELS], []]
SMALL = [["x" * (kernels._WORTH_KERNELS - 1)], ["x"]]


@pytest.fixture
def compiler(monkeypatch) -> SimpleNamespace:
    """A compiler that takes 12 seconds by its own estimate, and what it was asked for."""
    state = SimpleNamespace(asked=[], seconds=12.0, succeeds=True, tensorflow=True)

    def compile_kernels(*modules, deadline, report):
        state.asked.append((modules, deadline))
        report(1.0)
        return state.succeeds

    monkeypatch.setattr(kernels, "seconds_to_compile", lambda *modules: state.seconds)
    monkeypatch.setattr(kernels, "compile_kernels", compile_kernels)
    monkeypatch.setattr(kernels, "prefers_numba", lambda config: config.training.engine != "tensorflow")
    monkeypatch.setattr(kernels, "is_installed", lambda package: state.tensorflow)
    return state


def prepare(budget=0.0, scored=SMALL, **settings):
    """The settings that are left, what was noted, and what was left out."""
    config = Config().override({name.replace("__", "."): value for name, value in settings.items()})
    listener, time_budget = Recorder(), TimeBudget(budget)
    found = prepare_kernels(config, scored, listener, time_budget)
    assert found.gru.enabled or "gru" in time_budget.left_out or not config.gru.enabled
    return found, listener, time_budget.left_out


def test_kernels_are_compiled_with_a_note_before_they_are_needed(compiler):
    config, listener, left_out = prepare()
    assert config == Config()
    assert listener.notes == ["compiling kernels (first time only; about 12 s, longer on a busy machine)"]
    assert listener.ended == 1
    assert compiler.asked == [(("training",), None)]
    assert not left_out


@pytest.mark.parametrize(
    ("scored", "settings", "modules"),
    [
        (SMALL, {"gru__enabled": False}, None),
        (SMALL, {"training__engine": "tensorflow"}, None),
        (BIG, {"gru__enabled": False}, ("inference", "ngrams", "tokens")),
        (BIG[::-1], {"training__engine": "tensorflow"}, ("inference", "ngrams", "tokens")),
        (BIG, {}, ("training", "inference", "ngrams", "tokens")),
    ],
)
def test_only_what_is_worth_it_is_compiled(compiler, scored, settings, modules):
    prepare(scored=scored, **settings)
    assert [asked for asked, _ in compiler.asked] == ([modules] if modules else [])


def test_cached_kernels_are_no_news(compiler):
    compiler.seconds = 0.0
    assert prepare(budget=5.0)[1].notes == []
    assert compiler.asked == []


def test_a_time_budget_that_is_long_enough_compiles_for_half_of_it_at_most(compiler):
    config, _, left_out = prepare(budget=30.0)
    assert config == Config()
    assert not left_out
    ((_, deadline),) = compiler.asked
    assert deadline - time.monotonic() == pytest.approx(15.0, abs=1.0)


@pytest.mark.parametrize(
    ("budget", "succeeds", "asked"),
    [(20.0, True, 0), (30.0, False, 1)],
    ids=["too short", "slower than expected"],
)
def test_the_gru_part_is_left_out_where_the_time_budget_is_too_short(compiler, budget, succeeds, asked):
    compiler.succeeds = succeeds
    config, listener, left_out = prepare(budget=budget)
    assert not config.gru.enabled
    assert len(compiler.asked) == asked
    why = "compiling kernels takes 12 s or more the first time, too much of the time budget"
    assert listener.notes[-1] == f"the GRU part is left out: {why}; `grutext warmup` compiles them beforehand"
    assert left_out == {"gru": f"the GRU part was not trained: {why}"}


def test_kernels_that_score_are_done_without_before_the_gru_part_is(compiler, monkeypatch):
    cached = "training"
    monkeypatch.setattr(kernels, "seconds_to_compile", lambda *modules: 0.0 if modules == (cached,) else 12.0)
    config, listener, left_out = prepare(budget=20.0, scored=BIG)
    assert config == Config()
    assert not listener.notes
    assert not left_out
    assert prepare(budget=20.0, scored=BIG, gru__enabled=False)[1].notes == []


def test_tensorflow_trains_where_it_starts_sooner(compiler):
    compiler.seconds = 60.0
    config, listener, left_out = prepare(budget=90.0)
    assert config.training.engine == "tensorflow"
    assert listener.notes[-1].startswith("engine: tensorflow (compiling kernels takes 60 s or more")
    assert not left_out
    assert not prepare(budget=90.0, training__engine="numba")[0].gru.enabled
    compiler.tensorflow = False
    assert not prepare(budget=90.0)[0].gru.enabled


def test_the_size_of_the_texts_alone_decides_what_scores_them(build_bundle, monkeypatch):
    monkeypatch.setattr(kernels, "_WORTH_KERNELS", 100)
    monkeypatch.setattr(kernels, "load_cached", lambda *modules: pytest.fail("the cache was looked at"))
    why = kernels.why_unavailable(*kernels.PREDICTION)
    bundle = build_bundle()
    assert not open_scorer(bundle, ["x" * 99])._switch.compiled
    assert open_scorer(bundle, ["x" * 50, "y" * 50])._switch.compiled == (why is None)


WITHOUT_GRU = """
import sys
from support.tiny_training import fit
fit(gru__enabled=False)
assert "numba" not in sys.modules
"""


@pytest.mark.long
def test_a_small_training_of_the_linear_part_never_loads_numba(tmp_path):
    paths = ";".join(sys.path)
    script = f"import sys; sys.path[:] = {paths!r}.split(';')\n{WITHOUT_GRU}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
