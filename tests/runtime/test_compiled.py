"""The loops in machine code, by themselves; that they say what NumPy says is tested beside NumPy's."""

import subprocess
import sys

import numpy as np
import pytest

from grutext import Classifier
from grutext.errors import ConfigError

numba = pytest.importorskip("numba")


@pytest.fixture(scope="module")
def tanh():
    from grutext.compiled import tanh as compiled

    return numba.vectorize(compiled.py_func)


def test_tanh_is_right_to_the_last_bits(tanh):
    x = np.concatenate([np.linspace(-12, 12, 1_000_001), np.geomspace(1e-30, 12, 100_001)]).astype(np.float32)
    expected = np.tanh(x.astype(float))
    np.testing.assert_allclose(tanh(x), expected, rtol=4e-7, atol=0)
    assert np.abs(tanh(x)).max() <= 1


def test_tanh_of_what_is_no_number_and_of_what_is_beyond(tanh):
    x = np.array([0, -0.0, np.inf, -np.inf, np.nan, 3e38, -3e38], np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        found = tanh(x)
    np.testing.assert_allclose(found, [0, 0, 1, -1, np.nan, 1, -1], rtol=2e-7)


def test_texts_are_answered_in_machine_code_by_default(build_bundle, monkeypatch):
    from grutext.runtime import loops

    calls = []
    monkeypatch.setattr(loops, "run_steps", lambda *arguments: calls.append(len(arguments)))
    for asked, expected in ((None, 1), (True, 1), (False, 0)):
        calls.clear()
        Classifier(build_bundle(), compiled=asked).predict(["the parcel"])
        assert len(calls) == expected


NO_NUMBA = """
import sys
sys.modules["numba"] = None  # importing it fails
from grutext import Classifier
from grutext.errors import ConfigError
print(Classifier.load(sys.argv[1]).predict(["the parcel"]))
try:
    Classifier.load(sys.argv[1], compiled=True)
except ConfigError as error:
    print(error)
"""


def test_without_numba_numpy_answers(build_bundle, tmp_path):
    bundle = build_bundle()
    bundle.save(tmp_path / "model")
    command = [sys.executable, "-c", NO_NUMBA, str(tmp_path / "model")]
    labels, error = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert labels == str(Classifier(bundle).predict(["the parcel"]))
    assert error.startswith("compiled loops need Numba: pip install 'grutext[fast]' (")


def test_another_blas_than_openblas_is_refused(build_bundle, monkeypatch):
    """Its threads could not be held, and would fight with ours for the cores."""
    from grutext import blas

    monkeypatch.setattr(blas, "_find_openblas", lambda package: None)
    for module in ("grutext.compiled", "grutext.runtime.loops"):
        monkeypatch.delitem(sys.modules, module)
    assert Classifier(build_bundle()).predict(["the parcel"])
    with pytest.raises(ConfigError, match="SciPy has another BLAS"):
        Classifier(build_bundle(), compiled=True)


def test_machine_code_that_may_not_be_kept_is_made_anew(tmp_path):
    """As where the package's folder is read-only, and there is no home."""
    from grutext.compiled import compile_loop

    namespace = {}
    exec("def double(x):\n    return x + x", namespace)  # Numba finds no file to keep the code beside
    assert compile_loop(namespace["double"])(21) == 42
