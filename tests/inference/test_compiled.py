"""The compiled kernels by themselves; that they compute what NumPy computes is tested beside NumPy's."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import grutext
from grutext import Classifier, kernels
from grutext.errors import ConfigError

numba = pytest.importorskip("numba")
gru = pytest.importorskip("grutext.kernels.gru", exc_type=ImportError)


def apply(name, x) -> np.ndarray:
    """Return the values of a function that the kernels call."""
    with np.errstate(all="ignore"):
        return numba.vectorize(getattr(gru, name).py_func)(np.asarray(x, np.float32))


@pytest.mark.long
def test_tanh_is_right_to_the_last_bits():
    x = np.concatenate([np.linspace(-12, 12, 1_000_001), np.geomspace(1e-30, 12, 100_001)]).astype(np.float32)
    np.testing.assert_allclose(apply("tanh", x), np.tanh(x.astype(float)), rtol=4e-7, atol=0)
    assert np.abs(apply("tanh", x)).max() <= 1


@pytest.mark.long
def test_a_gate_is_right_to_the_last_bits_also_near_zero():
    x = np.linspace(-80, 80, 1_000_001).astype(np.float32)
    np.testing.assert_allclose(
        apply("one_minus_sigmoid", x), 1 / (1 + np.exp(x.astype(float))), rtol=4e-7, atol=0
    )


@pytest.mark.long
def test_functions_of_nan_infinities_and_huge_numbers():
    x = [0, -0.0, np.inf, -np.inf, np.nan, 3e38, -3e38, -1e9]
    np.testing.assert_array_equal(apply("tanh", x), np.array([0, 0, 1, -1, np.nan, 1, -1, -1], np.float32))
    found = apply("one_minus_sigmoid", [*x, 1e9])
    np.testing.assert_array_equal(found, np.array([0.5, 0.5, 0, 1, np.nan, 0, 1, 1, 0], np.float32))


WIDEN = """
import sys
import numpy as np
from numba import vectorize
from grutext.kernels.compiling import widen
bits = np.frombuffer(sys.stdin.buffer.read(), np.int16)
sys.stdout.buffer.write(vectorize(lambda one: widen(one))(bits).tobytes())
"""


@pytest.mark.long
@pytest.mark.parametrize("processor", ["", "generic"], ids=["this processor", "one that knows no float16"])
def test_float16_is_widened_exactly(processor):
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    done = subprocess.run(
        [sys.executable, "-c", WIDEN],
        env={"PYTHONPATH": str(Path(grutext.__file__).parents[1])} | dict(os.environ) | {"NUMBA_CPU_NAME": processor},
        input=halves.tobytes(), capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout == halves.astype(np.float32).tobytes()


@pytest.mark.long
@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 53])
def test_products_are_the_same_however_many_rows_are_multiplied_at_once(rng, rows):
    compiling = importlib.import_module("grutext.kernels.compiling")
    inputs, kernel = (rng.normal(size=size).astype(np.float32) for size in ((rows, 5), (5, 7)))
    outputs = np.empty((rows, 7), np.float32)
    total, work = np.ones((5, 7), np.float32), np.empty((5, 7), np.float32)
    compiling.multiply_blocks(inputs, kernel, outputs, 16)
    np.testing.assert_allclose(outputs, inputs.astype(float) @ kernel, rtol=1e-5, atol=1e-5)
    compiling.add_product_blocks(inputs, outputs, total, work, 16)
    np.testing.assert_allclose(total, 1 + inputs.astype(float).T @ outputs, rtol=1e-4, atol=1e-4)


KERNELS = {"inference": ["embed", "run_layer"],
         "ngrams": ["hash_ngrams", "hash_subwords", "hash_types", "score_ngrams"],
         "tokens": ["cut_texts", "find_types", "number_tokens"]}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "kernel"), [(module, kernel) for module in KERNELS for kernel in KERNELS[module]]
)
def test_kernels_compute_where_that_is_asked_for(build_bundle, monkeypatch, module, kernel):
    calls = []
    module = importlib.import_module(f"grutext.kernels.{module}")
    run = getattr(module, kernel)
    monkeypatch.setattr(module, kernel, lambda *arguments: calls.append(1) or run(*arguments))
    for asked, expected in ((None, False), (True, True), (False, False)):
        calls.clear()
        Classifier(build_bundle({"gru.convolution": 3}), compiled=asked).predict(["the parcel"])
        assert bool(calls) == expected


@pytest.mark.parametrize("module", KERNELS)
def test_numpy_computes_if_one_module_of_kernels_is_unavailable(build_bundle, monkeypatch, module):
    real = kernels.why_unavailable
    monkeypatch.setattr(
        "grutext.inference.kernel_switch.why_unavailable",
        lambda *names: "it is broken" if module in names else real(*names),
    )
    monkeypatch.setitem(sys.modules, f"grutext.kernels.{module}", None)
    assert Classifier(build_bundle()).predict(["the parcel"])
    with pytest.raises(ConfigError, match="it is broken"):
        Classifier(build_bundle(), compiled=True)


PROBE = """
import sys
exec(sys.argv[2])
from grutext import Classifier
from grutext.errors import ConfigError
print(Classifier.load(sys.argv[1]).predict(["the parcel"]))
try:
    Classifier.load(sys.argv[1], compiled=True)
except ConfigError as error:
    print(error)
else:
    print("compiled")
"""


def ask(folder: Path, before: str = "", **environment) -> list[str]:
    """Return what a fresh process prints: a label, and whether compiled kernels are available."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(folder), before],
        cwd=folder.parent,
        env={"PYTHONPATH": str(Path(grutext.__file__).parents[1])} | dict(os.environ) | environment,
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.long
@pytest.mark.parametrize(
    "before",
    [
        "sys.modules['numba'] = None",  # importing it fails
        "import os; os.environ['NUMBA_DISABLE_JIT'] = '1'",
        "import numba; numba.njit = lambda *a, **k: 1 / 0",  # it fails later
        "import os, numba; numba.core.config.CACHE_DIR = os.devnull + '/no'; numba.core.caching.FunctionCache._impl_class._locator_classes = []",
    ],
    ids=["no numba", "switched off", "a numba that fails", "no cache"],
)
def test_numpy_computes_where_kernels_are_unavailable(build_bundle, tmp_path, before):
    bundle = build_bundle()
    bundle.save(tmp_path / "model")
    labels, error = ask(tmp_path / "model", before)
    assert labels == str(Classifier(bundle).predict(["the parcel"]))
    assert error.startswith("there are no compiled kernels (")
    assert error.endswith("); pip install 'grutext[fast]' brings Numba")


@pytest.mark.slow
def test_a_cached_kernel_is_not_used_for_another_source_file(build_bundle, tmp_path):
    """A release that corrects a function must not answer with the cached code of the one before."""
    package = tmp_path / "grutext"
    shutil.copytree(Path(grutext.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    bundle = build_bundle()
    bundle.save(tmp_path / "model")
    before = ask(tmp_path / "model", PYTHONPATH=str(tmp_path))
    assert before[1] == "compiled"
    hits = "from grutext.kernels import inference; print(sum(inference.run_layer.stats.cache_hits.values()))"
    assert ask(tmp_path / "model", hits, PYTHONPATH=str(tmp_path))[0] == "1"
    file = package / "kernels" / "gru.py"
    source = file.read_text(encoding="utf-8")
    file.write_text(
        source.replace("        y = _ONE\n", "        y = -_ONE\n").replace("return y", "return -y"),
        encoding="utf-8",
    )
    assert ask(tmp_path / "model", hits, PYTHONPATH=str(tmp_path))[0] == "0"
