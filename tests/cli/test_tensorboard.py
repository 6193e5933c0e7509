"""`grutext train --tensorboard DIR`."""

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("numba")
pytest.importorskip("tensorboard")
pytestmark = pytest.mark.long

TOPICS = {"sea": "salt wave tide shell fish", "wood": "moss fern owl bark root"}


@pytest.fixture
def training(tmp_path):
    rows = [f"{topic},{words} {n}" for n in range(30) for topic, words in TOPICS.items()]
    (tmp_path / "train.csv").write_text("\n".join(["label,text", *rows]), encoding="utf-8")
    return ("train", "train.csv", "-m", "topics", "--dev-fraction", "0.2", "--epochs", "1")


def test_the_epochs_of_a_training_are_written(run, training, tmp_path):
    short = ("--no-linear", "--engine", "numba", "--set", "training.pretraining_epochs=0")
    result = run(*training, *short, "--tensorboard", "runs/first")
    assert "epoch 1/1" in result.stderr
    (file,) = (tmp_path / "runs" / "first").iterdir()
    for tag in (b"training/loss", b"dev/loss", b"dev/score"):
        assert tag in file.read_bytes()
    again = run(*training, *short, "--overwrite", "--tensorboard", "runs/first", check=1)
    assert again.stderr == (
        "grutext: error: runs/first: has the events of another training, and TensorBoard would draw both as one; "
        "name another folder\n"
    )
    run(*training, *short, "--resume", "--tensorboard", "runs/first")


def test_a_folder_that_cannot_be_made_and_a_training_without_epochs_are_errors(
    run, error, training, tmp_path
):
    assert error(*training, "--tensorboard", "train.csv/runs") == "train.csv/runs: Not a directory"
    without = run(*training, "--no-gru", "--tensorboard", "runs", check=2)
    assert "leave out --no-gru" in without.stderr
    assert not (tmp_path / "topics").exists()
