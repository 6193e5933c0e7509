"""What a command loads, seen from a fresh interpreter: the heavy packages only where they are used."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import grutext

pytestmark = pytest.mark.long

HEAVY = ("tensorflow", "keras", "sklearn", "scipy", "pyarrow", "matplotlib", "threadpoolctl", "rich")
PROBE = """
import json, sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FORBIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

FORBIDDEN = set(json.loads(sys.argv.pop(1)))
sys.meta_path.insert(0, Forbidden())
before = set(sys.modules)
from grutext.cli import main
try:
    main(prog_name="grutext")
finally:
    new = {name for name in set(sys.modules) - before if "cython" not in name}  # made up by Cython
    loaded = {name.partition(".")[0] for name in new} - set(sys.stdlib_module_names)
    sys.stderr.write(json.dumps(sorted(loaded)))
"""


def run_fresh(
    folder: Path, *arguments: str, forbidden: tuple[str, ...] = HEAVY
) -> subprocess.CompletedProcess[str]:
    """Run a command in a new interpreter in which importing `forbidden` fails."""
    return subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(forbidden), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["classify", "--help"], ["--version"]]
)
def test_help_loads_click_only(tmp_path, arguments) -> None:
    done = run_fresh(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stderr)) == {"click", "grutext"}


def test_classify_loads_numpy_and_safetensors_only(tmp_path, model) -> None:
    (tmp_path / "a.txt").write_text("parcel", encoding="utf-8")
    done = run_fresh(tmp_path, "classify", "a.txt")
    assert done.stdout == "a.txt\tdelivery\t0.909443\n"
    assert set(json.loads(done.stderr)) == {"click", "grutext", "numpy", "safetensors"}


def test_predict_and_show_need_the_base_installation_only(tmp_path, model) -> None:
    (tmp_path / "a.csv").write_text("text\nparcel\n", encoding="utf-8")
    done = run_fresh(tmp_path, "predict", "a.csv", "--quiet")
    assert done.stdout.splitlines() == ["text,label,confidence", "parcel,delivery,0.909443"]
    loaded = set(json.loads(done.stderr)) - {"numba", "llvmlite"}  # tried, and left: it needs SciPy
    assert loaded == {"click", "grutext", "numpy", "safetensors"}
    assert run_fresh(tmp_path, "show", forbidden=HEAVY[:-1]).returncode == 0


def test_evaluate_needs_only_scikit_learn_beside_the_base_installation(tmp_path, model) -> None:
    pytest.importorskip("sklearn")
    (tmp_path / "a.csv").write_text("message,topic\nparcel,delivery\n", encoding="utf-8")
    for name, row in (
        ("a.jsonl", '{"message": "parcel", "topic": "delivery"}\n'),
        ("a.txt", "__label__login password\n"),
    ):
        (tmp_path / name).write_text(row, encoding="utf-8")
    # scikit-learn brings SciPy, and rich is of the base installation.
    others = ("tensorflow", "keras", "tensorflow_datasets", "pyarrow", "matplotlib", "numba", "pandas")
    for name in ("a.csv", "a.jsonl", "a.txt"):
        done = run_fresh(tmp_path, "evaluate", name, "--json", forbidden=others)
        assert json.loads(done.stdout)["accuracy"] == 1.0
        assert not set(json.loads(done.stderr.splitlines()[-1])) & set(others)


def test_verify_loads_numpy_and_safetensors_only(tmp_path, make_bundle) -> None:
    rows = [{"text": "", "probabilities": [1 / 3] * 3}]
    replace(make_bundle(multilabel=False), golden=rows).save(tmp_path / "model")
    done = run_fresh(tmp_path, "verify")
    assert done.stdout.startswith("1 of 1 golden texts: largest difference")
    assert set(json.loads(done.stderr)) == {"click", "grutext", "numpy", "safetensors"}


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        (["train"], "scikit-learn", "train"),
        (["evaluate", "a.csv"], "scikit-learn", "train"),
    ],
)
def test_a_command_without_its_extra_says_what_to_install(tmp_path, command, package, extra) -> None:
    done = run_fresh(tmp_path, *command, forbidden=HEAVY[:-1])  # rich is of the base installation
    assert done.returncode == 1
    feature = f"grutext {command[0]}"
    line = f"grutext: error: {feature} needs {package}; install it with: pip install 'grutext[{extra}]'"
    assert done.stderr.splitlines()[0] == line
    assert list(tmp_path.iterdir()) == []
