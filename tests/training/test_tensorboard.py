"""What TensorBoard's own reader finds in the files of a `TensorBoardListener`."""

import subprocess
import sys

import pytest
from support.tiny_training import Recorder, fit

from grutext.errors import MissingExtraError
from grutext.progress import EpochRecord
from grutext.training.tensorboard import TensorBoardListener

pytest.importorskip("tensorboard")
pytestmark = pytest.mark.long  # TensorBoard loads for seconds


def read(folder):
    """The steps and values of each tag."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, make_ndarray(event.tensor_proto).item()) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


def record(epoch):
    return EpochRecord(epoch, 1.5 / epoch, 0.75 / epoch, 0.25 * epoch, 1024.0 * epoch, 2.0, True)


def test_every_epoch_is_written_and_passed_on(tmp_path):
    inner = Recorder()
    with TensorBoardListener(tmp_path / "runs" / "first", inner) as listener:
        listener.note("engine: numba")
        listener.begin(3, 100, "pretraining")
        for epoch, loss in ((1, 6.0), (1, 5.5), (2, 4.75), (2, 4.5)):
            listener.step(epoch, 50, loss)
        listener.end()
        listener.begin(2, 100)
        for epoch in (1, 2):
            listener.step(epoch, 100, 9.0)
            listener.epoch(record(epoch))
        listener.end()
        listener.end()
    assert read(tmp_path / "runs" / "first") == {
        "pretraining/loss": [(1, 5.5), (2, 4.5)],
        "training/loss": [(1, 1.5), (2, 0.75)],
        "training/tokens_per_second": [(1, 1024.0), (2, 2048.0)],
        "dev/loss": [(1, 0.75), (2, 0.375)],
        "dev/score": [(1, 0.25), (2, 0.5)],
    }
    assert inner.notes == ["engine: numba"]
    assert inner.records == [record(1), record(2)]
    assert inner.ended == 3


def test_the_events_of_a_training_are_its_history(tmp_path):
    with TensorBoardListener(tmp_path) as listener:
        history = fit(listener=listener, training__pretraining_epochs=2, training__engine="numba").history
    found = read(tmp_path)
    assert len(history) == 4
    for tag, key in (("training/loss", "loss"), ("dev/loss", "dev_loss"), ("dev/score", "dev_score")):
        assert found[tag] == [(one["epoch"], pytest.approx(one[key], rel=1e-6)) for one in history]
    assert [step for step, _ in found["pretraining/loss"]] == [1, 2]


def test_without_tensorboard_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("grutext.requirements.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'grutext\[tensorboard\]'"):
        TensorBoardListener(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_tensorflow_is_not_loaded_and_nothing_is_printed(tmp_path):
    code = (
        "import sys; from grutext.training.tensorboard import TensorBoardListener\n"
        "with TensorBoardListener('runs') as listener:\n"
        "    listener.begin(1, 10, 'pretraining'); listener.step(1, 10, 0.5); listener.end()\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == done.stderr == ""
    assert read(tmp_path / "runs") == {"pretraining/loss": [(1, 0.5)]}
