"""`grutext train` as a user starts it: a process of its own, with TensorFlow."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import grutext

pytestmark = pytest.mark.tf

SETTINGS = ["--preset", "fast", "--seed", "3", "--set", "text.subword_buckets=500", "--set", "gru.units=8"]
TEXTS = {
    "billing": "the invoice of {} is wrong",
    "delivery": "my parcel from {} is late",
    "login": "{} forgot it",
}


@pytest.fixture
def mails(tmp_path) -> Path:
    names = [f"{a}{b}" for a in ("ada", "ben", "cleo", "dan", "eve") for b in ("x", "y", "z", "q")]
    rows = [f"{text.format(name)},{label}" for name in names for label, text in TEXTS.items()]
    (tmp_path / "mails.csv").write_text("\n".join(["text,label", *rows, ""]), encoding="utf-8")
    return tmp_path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.Popen(
        [sys.executable, "-m", "grutext", *arguments],
        cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out, err


def test_train_evaluate_classify(mails) -> None:
    out, err = finish(
        start(mails, "train", "mails.csv", "--test", "mails.csv", "--epochs", "2", "--json", *SETTINGS)
    )
    values = json.loads(out)
    assert (values["model"], values["epochs"], values["test"]["n"]) == ("model", 2, 60)
    starts = (
        "mails.csv: ",  # columns, label counts, and that its texts are in both sets
        "  line ",
        "few texts: 5-fold cross-validation on 60 of 60 texts",
        "60 texts of ",
        "training without each of 5 folds",
        "folds trained: ",
        "engine: ",
        "linear part: ",
        "epoch ",
        "GRU part: ",
    )
    noise = [line for line in err.splitlines() if not line.startswith(starts)]
    assert noise == []  # nothing of TensorFlow's
    folds = [line.partition(",")[0] for line in err.splitlines() if line.startswith("folds trained")]
    assert folds == [f"folds trained: {number} of 5" for number in range(1, 6)]
    assert (mails / "model-loss.png").read_bytes().startswith(b"\x89PNG")
    assert not (mails / "model.checkpoint").exists()
    report = json.loads(finish(start(mails, "evaluate", "mails.csv", "--json"))[0])
    diagnostics = report.pop("diagnostics")
    assert report == values["test"]
    assert sum(share["texts"] for share in diagnostics["lengths"]) == report["n"]
    (mails / "letter.txt").write_text("my parcel is late", encoding="utf-8")
    assert finish(start(mails, "classify", "letter.txt"))[0].startswith("letter.txt\tdelivery\t")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_an_interrupted_training_ends_like_one_that_was_not(mails) -> None:
    often = ("--set", "training.checkpoint_seconds=0.1")
    command = ("train", "mails.csv", "--set", "training.patience=0", "--epochs", "80", *often, *SETTINGS)
    whole = start(mails, *command, "-m", "whole")
    finish(whole)
    stopped = start(mails, *command, "-m", "parts")
    checkpoint = mails / "parts.checkpoint"
    end = time.monotonic() + 60
    while not list(checkpoint.glob("*.safetensors")) and stopped.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    stopped.send_signal(signal.SIGINT)
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, err
    assert "with --resume continues it" in err.splitlines()[-1]
    assert "parts has the best weights so far" in err.splitlines()[-1]
    (mails / "letter.txt").write_text("my parcel is late", encoding="utf-8")
    assert finish(start(mails, "classify", "letter.txt", "-m", "parts"))[0].startswith(
        "letter.txt\tdelivery\t"
    )
    finish(start(mails, *command, "-m", "parts", "--resume"))
    weights = [(mails / name / "weights.safetensors").read_bytes() for name in ("whole", "parts")]
    assert weights[0] == weights[1]
    assert not (mails / "parts.checkpoint").exists()
