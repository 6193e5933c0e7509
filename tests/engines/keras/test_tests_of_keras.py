"""Keras' own tests of recurrent layers, read from the installed package, with the project's GRU in the place of Keras'."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tf, pytest.mark.slow]

ROOT = Path(__file__).parents[3]


def test_keras_own_tests_pass_with_this_gru(tmp_path):
    from grutext.engines.keras.backend import keras

    folder = Path(keras.__file__).parent / "src/layers/rnn"
    if not (folder / "gru_test.py").exists():
        pytest.skip("this installation of Keras has no tests")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "support.gru_in_keras", "-p", "no:cacheprovider",
         "-c", os.devnull, "--rootdir", str(tmp_path), *map(str, sorted(folder.glob("*_test.py")))],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "KERAS_BACKEND": "tensorflow"},
        cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    passed = int(re.search(r"(\d+) passed", done.stdout).group(1))
    assert passed >= 14, done.stdout
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert all("torch" in line for line in skipped), skipped
    assert int(re.search(r"own recurrence: (\d+)", done.stdout).group(1)) >= 20
