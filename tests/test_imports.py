"""Prediction needs the base installation alone: neither TensorFlow nor any other package of training.

Each test starts a new interpreter in which importing a heavy package fails with an error that no `except ImportError`
catches, so that not even an attempt is allowed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import grutext

pytestmark = pytest.mark.long

HEAVY = ("tensorflow", "keras", "sklearn", "scipy", "pyarrow", "matplotlib", "tensorflow_datasets")
PROBE = """
import json, sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        assert name.partition(".")[0] not in FORBIDDEN, f"{name} was imported"

FORBIDDEN = set(json.loads(sys.argv[1]))
for name in FORBIDDEN:
    assert name not in sys.modules
sys.meta_path.insert(0, Forbidden())
sys.modules["threadpoolctl"] = None  # optional: as if it were not installed
before = set(sys.modules)
exec(sys.argv[2])
new = {name for name in set(sys.modules) - before if "cython" not in name}  # made up by Cython
loaded = {name.partition(".")[0] for name in new} - set(sys.stdlib_module_names)
print(json.dumps(sorted(name for name in loaded if not name.startswith("_"))))
"""


def run(code: str, folder: Path, forbidden: tuple[str, ...] = HEAVY) -> list[str]:
    """Run code in a fresh interpreter; return the lines that it printed, then the list of packages that it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(forbidden), code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *lines, loaded = done.stdout.splitlines()
    return [*lines, json.loads(loaded)]


def test_import_grutext_loads_no_other_package(tmp_path):
    assert run("import grutext; grutext.__version__", tmp_path, (*HEAVY, "numpy", "click", "rich")) == [
        ["grutext"]
    ]


def test_notices_a_heavy_import(tmp_path):
    with pytest.raises(AssertionError, match="numpy was imported"):
        run("import grutext.inference", tmp_path, ("numpy",))
    with pytest.raises(AssertionError, match="numpy was imported"):
        run("try:\n    import numpy.linalg\nexcept ImportError:\n    pass", tmp_path, ("numpy",))


def test_predicts_with_numpy_and_safetensors_alone(tmp_path, build_bundle, texts):
    bundle = build_bundle()
    bundle.save(tmp_path / "model")
    expected = grutext.Classifier(bundle).predict(texts)
    code = f"""
from grutext import Classifier
model = Classifier.load("model", compiled=False)  # Numba is another extra
print(json.dumps(model.predict({texts!r})))
assert model.predict_proba(["a"]).shape == (1, 3)
assert model.encode(["a"]).shape == (1, 16)
"""
    labels, loaded = run(code, tmp_path)
    assert json.loads(labels) == expected
    assert loaded == ["grutext", "numpy", "safetensors"]


def test_exports_to_onnx_without_a_package_of_training(tmp_path, build_bundle):
    pytest.importorskip("onnx")
    build_bundle().save(tmp_path / "model")
    code = "from grutext.export import export; from grutext.model.bundle import Bundle; "
    (loaded,) = run(f"{code} export(Bundle.load('model'), 'onnx', 'model.onnx')", tmp_path)
    assert "onnx" in loaded
    assert (tmp_path / "model.onnx").is_file()


def modules_of(package: str) -> list[str]:
    """Return the names of a module, or of a package and all modules in it."""
    path = Path(grutext.__file__).parent.joinpath(*package.split("."))
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    parts = [file.relative_to(path.parents[package.count(".")]).with_suffix("").parts for file in files]
    return sorted(".".join(("grutext", *(part for part in names if part != "__init__"))) for names in parts)


def test_lists_all_modules_of_a_package():
    assert modules_of("errors") == ["grutext.errors"]
    assert {"grutext.engines.numpy", "grutext.engines.numpy.gru"} < set(modules_of("engines.numpy"))


@pytest.mark.parametrize(
    "package",
    [
        "config", "data", "engines.base", "engines.choose", "engines.layers", "engines.numba", "engines.numpy", "errors",
        "inference", "messages", "model", "progress", "settings", "text",
    ],
)  # fmt: skip
def test_imports_only_base_packages(tmp_path, package):
    (loaded,) = run("\n".join(f"import {module}" for module in modules_of(package)), tmp_path)
    assert set(loaded) <= {"grutext", "numpy", "safetensors"}


def command(*arguments: str) -> str:
    """Return code that runs `python -m grutext` with these arguments."""
    return f"""
import runpy
sys.argv = {["grutext", *arguments]!r}
try:
    runpy.run_module("grutext", run_name="__main__")
except SystemExit as done:
    assert not done.code, done.code
"""


def test_help_needs_no_heavy_package(tmp_path):
    *lines, loaded = run(command("--help"), tmp_path)
    assert any("classify" in line for line in lines)
    assert "numpy" not in loaded


def test_classify_needs_no_heavy_package(tmp_path, build_bundle):
    bundle = build_bundle()
    bundle.save(tmp_path / "model")
    (tmp_path / "mail.txt").write_text("where is the parcel?", encoding="utf-8")
    line, loaded = run(command("classify", "mail.txt"), tmp_path)
    assert line.split("\t")[:2] == [
        "mail.txt",
        grutext.Classifier(bundle).predict(["where is the parcel?"])[0],
    ]
    assert loaded == ["click", "grutext", "numpy", "safetensors"]


@pytest.mark.parametrize("name", ["GRUTextClassifier", "GRUTextVectorizer", "pretrain"])
def test_what_needs_training_says_what_to_install(name, tmp_path):
    code = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "sklearn":  # as if it were not installed
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import grutext
try:
    grutext.{name}
except grutext.errors.MissingExtraError as error:
    print(error)
"""
    line, _ = run(code, tmp_path)
    assert line == f"grutext.{name} needs scikit-learn; install it with: pip install 'grutext[train]'"
