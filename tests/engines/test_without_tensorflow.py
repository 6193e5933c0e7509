"""Training where importing TensorFlow or Keras fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import grutext
from grutext import kernels
from grutext.model.bundle import Bundle

pytestmark = pytest.mark.long

GRUTEXT = """
import sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            print("looked for", name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Forbidden())
from grutext.cli import main
main(prog_name="grutext")
"""


@pytest.fixture
def train(tmp_path):
    """Trains on 60 short texts in a new interpreter."""
    rows = [
        f"{word} number {n},{label}" for n in range(30) for word, label in (("parcel", "a"), ("login", "b"))
    ]
    (tmp_path / "data.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-c", GRUTEXT, "train", "data.csv", "--epochs", "2", *arguments],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("pooling", ["max", "mean", "max+mean"])
def test_numba_trains_what_it_knows(train, tmp_path, pooling):
    pytest.importorskip("sklearn")
    if why := kernels.why_unavailable("training"):
        pytest.skip(why)
    done = train("--set", f"gru.pooling={pooling}", "--set", "training.pretraining_epochs=1")
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("engine: numba (")]) == 1
    if "no GPU was found" in done.stderr:
        assert "looked for" not in done.stdout
    bundle = Bundle.load(tmp_path / "model")
    assert bundle.engine == "numba"
    assert "gru/0/forward/kernel" in bundle.weights
    assert len(bundle.history) == 2


@pytest.mark.parametrize(
    ("arguments", "feature"),
    [
        (["--set", "gru.pooling=attention"], 'training the pooling "attention"'),
        (["--set", "gru.pooling=last"], 'training the pooling "last"'),
        (["--set", "gru.reset_after=false"], "training gru.reset_after = false"),
        (["--engine", "tensorflow"], "--engine tensorflow"),
    ],
)
def test_what_only_tensorflow_trains_is_one_line_that_names_its_extra(train, tmp_path, arguments, feature):
    pytest.importorskip("sklearn")
    done = train(*arguments)
    assert done.returncode == 1
    line = f"grutext: error: {feature} needs tensorflow; install it with: pip install 'grutext[tensorflow]'"
    assert done.stderr.splitlines() == [line]
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]
