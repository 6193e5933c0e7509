"""Which engine trains: what `auto` takes and why, and what the other values refuse."""

import sys

import numpy as np
import pytest

import grutext.engines
from grutext import requirements
from grutext.config import Config
from grutext.engines import choose
from grutext.engines.choose import EngineChoice, check_engine, choose_engine, make_cbow, make_network
from grutext.errors import ConfigError, MissingExtraError

AUTO = Config()
NOT_BY_NUMBA = [
    ({"gru.pooling": "attention"}, 'the pooling "attention"'),
    ({"gru.pooling": "last"}, 'the pooling "last"'),
    ({"gru.reset_after": False}, "gru.reset_after = false"),
]


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine with both engines and without a GPU; `machine(...)` takes something away, or adds a GPU."""

    def change(gpu_device=None, missing=(), numba=None):
        monkeypatch.setattr(choose, "_GPU_DEVICES", () if gpu_device is None else (str(gpu_device),))
        monkeypatch.setattr(requirements, "find_spec", lambda name: None if name in missing else True)
        monkeypatch.setattr(choose, "why_unavailable", lambda module: numba)

    change()
    return change


def test_auto_is_numba_where_there_is_no_gpu():
    assert choose_engine(AUTO) == EngineChoice("numba", "no GPU was found")


@pytest.mark.parametrize(("settings", "what"), NOT_BY_NUMBA)
def test_auto_is_tensorflow_where_numba_does_not_know_the_encoder(settings, what):
    choice = choose_engine(AUTO.override(settings))
    assert choice == EngineChoice("tensorflow", f"Numba does not train {what}")


def test_auto_is_tensorflow_where_numba_cannot_be_had(machine):
    machine(numba="RuntimeError: cannot cache")
    assert choose_engine(AUTO) == EngineChoice("tensorflow", "Numba: RuntimeError: cannot cache")
    machine(numba="ModuleNotFoundError", missing=["numba"])
    assert choose_engine(AUTO) == EngineChoice("tensorflow", "Numba is not installed")


@pytest.mark.tf
@pytest.mark.parametrize(("is_usable", "name"), [(True, "tensorflow"), (False, "numba")])
def test_auto_asks_tensorflow_where_there_is_a_device_of_a_gpu(
    machine, monkeypatch, tmp_path, is_usable, name
):
    from grutext.engines.keras import cudnn

    monkeypatch.setattr(cudnn, "sees_gpu", lambda: is_usable)
    machine(gpu_device=tmp_path)
    choice = choose_engine(AUTO)
    assert choice == EngineChoice(name, "it sees a GPU" if is_usable else "TensorFlow sees no GPU")
    machine(gpu_device=tmp_path / "none")
    assert choose_engine(AUTO).name == "numba"


def test_a_gpu_does_not_matter_where_tensorflow_is_not_installed(machine, monkeypatch, tmp_path):
    machine(gpu_device=tmp_path, missing=["tensorflow"])
    for name in [name for name in sys.modules if name.startswith("grutext.engines.keras")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(grutext.engines, "keras", raising=False)
    for name in ("tensorflow", "keras"):
        monkeypatch.setitem(sys.modules, name, None)
    assert choose_engine(AUTO) == EngineChoice("numba", "TensorFlow is not installed")


@pytest.mark.parametrize("name", ["numba", "tensorflow"])
def test_an_engine_that_is_asked_for_is_taken_whatever_auto_would_take(machine, name, tmp_path):
    machine(gpu_device=tmp_path)
    asked = AUTO.override({"training.engine": name})
    assert choose_engine(asked) == EngineChoice(name, "training.engine asks for it")


@pytest.mark.parametrize(("settings", "what"), NOT_BY_NUMBA)
def test_numba_is_refused_where_it_does_not_know_the_encoder(settings, what):
    config = AUTO.override(settings | {"training.engine": "numba"})
    for function in (check_engine, choose_engine):
        with pytest.raises(ConfigError) as refused:
            function(config)
        message = str(refused.value)
        assert message.startswith(f"Numba does not train {what}")
        assert "max, mean, max+mean" in message
        assert "--engine tensorflow" in message


def test_numba_is_refused_where_it_does_not_work(machine):
    machine(numba="NUMBA_DISABLE_JIT is set")
    with pytest.raises(ConfigError, match="Numba cannot train here: NUMBA_DISABLE_JIT is set; --engine tens"):
        choose_engine(AUTO.override({"training.engine": "numba"}))


@pytest.mark.parametrize(
    ("settings", "missing", "message"),
    [
        ({"training.engine": "tensorflow"}, ["tensorflow"], "--engine tensorflow needs tensorflow; .*tensorflow"),
        ({"training.engine": "numba"}, ["numba"], "--engine numba needs numba; .*train"),
        ({"gru.pooling": "last"}, ["tensorflow"], 'training the pooling "last" needs tensorflow; .*tensorflow'),
        ({}, ["numba", "tensorflow"], "training needs numba; .*train"),
        ({}, ["tensorflow"], r"training without Numba \(it is broken\) needs tensorflow; .*tensorflow"),
    ],
)  # fmt: skip
def test_an_engine_that_is_not_installed_is_named_with_its_extra(machine, settings, missing, message):
    machine(missing=missing, numba="it is broken")
    with pytest.raises(MissingExtraError, match=rf"{message}\]'$"):
        choose_engine(AUTO.override(settings))


@pytest.mark.long
@pytest.mark.parametrize("name", ["numba", pytest.param("tensorflow", marks=pytest.mark.tf)])
def test_networks_are_of_the_engine_that_is_chosen(name):
    if name == "numba":
        pytest.importorskip("grutext.kernels.training", exc_type=ImportError)
    config = AUTO.override({"training.engine": name})
    module = f"grutext.engines.{'keras' if name == 'tensorflow' else name}."
    for network in (make_network(config, 5, 2, False, np.ones(2, np.float32)), make_cbow(config, 5)):
        assert type(network).__module__.startswith(module)


@pytest.mark.parametrize("settings", [settings for settings, _ in NOT_BY_NUMBA])
@pytest.mark.tf
def test_every_encoder_that_numba_does_not_know_is_trained_by_tensorflow(settings):
    config = AUTO.override(settings)
    network = make_network(config, 5, 2, False, np.ones(2, np.float32))
    assert type(network).__module__ == "grutext.engines.keras.network"
