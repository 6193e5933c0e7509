"""The linear part is fitted while the GRU part is trained, where a core is free for it."""

import threading

import pytest
from support.tiny_training import Recorder, fit

from grutext.model.bundle import weights_digest
from grutext.training import fit as training
from grutext.training.corpus import InMemoryCorpus

pytest.importorskip("grutext.kernels.training", exc_type=ImportError)
NUMBA = {"training__engine": "numba", "training__epochs": 2}


@pytest.fixture
def fitted_in(monkeypatch):
    """Return the names of the threads that fit a linear part."""
    names = []
    fit_linear = InMemoryCorpus.fit_linear

    def record(*arguments):
        names.append(threading.current_thread().name)
        return fit_linear(*arguments)

    monkeypatch.setattr(InMemoryCorpus, "fit_linear", record)
    return names


def test_any_number_of_cores_gives_the_same_bytes_of_the_linear_part(fitted_in, monkeypatch):
    bundles, heard = [], []
    for cores in (1, 2, 64):
        monkeypatch.setattr(training, "usable_cores", lambda cores=cores: cores)
        heard.append(Recorder())
        bundles.append(fit(refit=True, listener=heard[-1], **NUMBA))
    assert fitted_in[:2] == ["MainThread"] * 2
    assert len(fitted_in) == 6
    assert all(name.startswith("grutext-linear") for name in fitted_in[2:])
    assert len({weights_digest(bundle) for bundle in bundles}) == 1
    assert [bundle.data["refit"] for bundle in bundles] == [120] * 3
    assert [sum("linear part" in note for note in one.notes) for one in heard] == [2] * 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("grutext-linear")]


def test_with_a_time_budget_it_is_fitted_first_since_its_time_is_counted(fitted_in, monkeypatch):
    monkeypatch.setattr(training, "usable_cores", lambda: 64)
    fit(training__time_budget=60.0, **NUMBA)
    assert fitted_in == ["MainThread"]


def test_an_error_of_the_fit_ends_the_training(monkeypatch):
    def fail(*_):
        raise MemoryError("no room for the n-grams")

    monkeypatch.setattr(InMemoryCorpus, "fit_linear", fail)
    monkeypatch.setattr(training, "usable_cores", lambda: 64)
    with pytest.raises(MemoryError, match="no room"):
        fit(**NUMBA)
