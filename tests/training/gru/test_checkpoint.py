"""Trainings that are stopped and gone on with: at any step, with a damaged state, with other data."""

import errno
import hashlib
import os
import shutil
import signal

import numpy as np
import pytest
from safetensors.numpy import load_file, save
from support.stopped_training import StopAt, check_same, kind_of_network, states
from support.tiny_training import DEV, TRAIN, Recorder, fit

from grutext.errors import TrainingError
from grutext.inference import Classifier
from grutext.kernels import why_unavailable
from grutext.model.bundle import weights_digest

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def whole():
    """The training that nothing disturbs: 4 epochs of 12 steps."""
    return fit()


@pytest.fixture(scope="module")
def stopped_at_20(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    stop(folder, 20, training__checkpoint_seconds=0)
    assert len(states(folder)) == 2
    return folder


@pytest.fixture
def stopped(stopped_at_20, tmp_path):
    """A copy of the folder of a training that kept its state after each step and was stopped after 20."""
    return shutil.copytree(stopped_at_20, tmp_path / "stopped")


def stop(checkpoint, steps, **settings):
    from grutext.training.gru.interruption import Interrupted

    with pytest.raises(Interrupted) as stopped:
        fit(checkpoint=checkpoint, listener=StopAt(steps), **settings)
    return stopped.value.bundle


@pytest.mark.parametrize("steps", [1, 12, 31])
def test_a_training_stopped_at_any_step_resumes_to_the_same_bytes(whole, tmp_path, steps):
    stop(tmp_path, steps)
    assert len(states(tmp_path)) == 1, "Ctrl-C keeps the state, however young the last one is"
    heard = Recorder()
    check_same(fit(checkpoint=tmp_path, resume=True, listener=heard), whole)
    first = (steps - 1) // 12 + 1
    assert heard.records[0].epoch == first
    assert f"resumed: training continues in epoch {first} of 4" in heard.notes


@pytest.mark.parametrize("phases", [0, 2])  # epochs of pretraining
def test_a_training_stopped_after_an_epoch_repeats_none(tmp_path, phases):
    from grutext.training.gru.interruption import Interrupted

    class Stop(Recorder):
        def epoch(self, record):
            super().epoch(record)
            if record.epoch == 2:
                raise KeyboardInterrupt

    settings = {"training__pretraining_epochs": phases}
    undisturbed = fit(**settings)
    with pytest.raises(Interrupted):
        fit(checkpoint=tmp_path, listener=Stop(), **settings)
    heard = Recorder()
    check_same(fit(checkpoint=tmp_path, resume=True, listener=heard, **settings), undisturbed)
    assert [record.epoch for record in heard.records] == [3, 4]


def test_a_training_with_tensorflow_resumes_to_the_same_bytes(whole, tmp_path):
    settings = {
        "training__engine": "tensorflow",
        "training__adversarial_direction": "shared",
        "training__adversarial_radius": 1.0,
    }
    by_tensorflow = fit(**settings)
    assert weights_digest(by_tensorflow) != weights_digest(whole)
    stop(tmp_path, 20, **settings)
    check_same(fit(checkpoint=tmp_path, resume=True, **settings), by_tensorflow)


@pytest.mark.parametrize("direction", ["own", "shared"])
def test_an_adversarial_training_resumes_to_the_same_bytes(whole, tmp_path, direction):
    settings = {"training__adversarial_direction": direction, "training__adversarial_radius": 1.0}
    adversarial = fit(**settings)
    assert weights_digest(adversarial) != weights_digest(whole)
    stop(tmp_path, 20, **settings)
    check_same(fit(checkpoint=tmp_path, resume=True, **settings), adversarial)


def test_ctrl_c_within_a_step_saves_the_state_after_it(whole, tmp_path, monkeypatch):
    from grutext.training.gru.interruption import Interrupted

    network = kind_of_network()
    step = network.train_step

    def press(self, batch, number, rate):
        value = step(self, batch, number, rate)
        if number == (2 << 18) + 5:
            signal.raise_signal(signal.SIGINT)  # Python hears of it before the step is noted as done
        return value

    with monkeypatch.context() as patch:
        patch.setattr(network, "train_step", press)
        with pytest.raises(Interrupted):
            fit(checkpoint=tmp_path)
    assert len(states(tmp_path)) == 1
    heard = Recorder()
    check_same(fit(checkpoint=tmp_path, resume=True, listener=heard), whole)
    assert [record.epoch for record in heard.records] == [2, 3, 4]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_pressed_twice_leaves_at_once():
    from grutext.training.gru.interruption import DeferredInterrupt

    with DeferredInterrupt() as held:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            held.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert held.pressed_again


def test_a_training_with_a_refit_and_two_stops_resumes_to_the_same_bytes(tmp_path):
    whole = fit(refit=True)
    stop(tmp_path, 5, refit=True)
    stop(tmp_path, 9, refit=True, resume=True)
    resumed = fit(checkpoint=tmp_path, resume=True, refit=True)
    check_same(resumed, whole)


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_state_is_skipped_for_the_one_before(whole, stopped, damage):
    newest = states(stopped)[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes({"cut": content[:1000], "flip": content}[damage])
    heard = Recorder()
    check_same(fit(checkpoint=stopped, resume=True, listener=heard), whole)
    assert [record.epoch for record in heard.records] == [2, 3, 4]
    assert newest not in states(stopped), "it would be taken for the one to keep"


def test_states_that_are_all_damaged_are_refused_in_one_line(stopped):
    for state in states(stopped):
        state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"is damaged .*; start again without --resume"):
        fit(checkpoint=stopped, resume=True)


def test_a_whole_file_that_is_no_state_is_refused_in_one_line(stopped):
    content = save({n: a for n, a in load_file(states(stopped)[0]).items() if not n.startswith("adam/")})
    for text in (content, b"no state"):
        for state in states(stopped):
            state.unlink()
        (stopped / f"000001-{hashlib.sha256(text).hexdigest()}.safetensors").write_bytes(text)
        with pytest.raises(TrainingError, match="cannot be read"):
            fit(checkpoint=stopped, resume=True)


def test_another_engine_is_refused_by_name(tmp_path):
    if why := why_unavailable("training"):
        pytest.skip(why)
    stop(tmp_path, 5, training__engine="tensorflow")
    with pytest.raises(
        TrainingError, match=r"training\.engine was tensorflow and is numba; repeat its command"
    ):
        fit(checkpoint=tmp_path, resume=True, training__engine="numba")


def test_other_data_or_settings_are_refused_by_name(stopped):
    for named, change in {
        "the training part": {"train_part": TRAIN[:-1]},
        "the dev part": {"dev": DEV[:-1]},
        "whether a text may have several labels": {"multilabel": True},
        r"training.epochs was 4 and is 5": {"training__epochs": 5},
        r"training.seed was 1 and is 2": {"training__seed": 2},
    }.items():
        with pytest.raises(TrainingError, match=f"differs: {named}; repeat its command"):
            fit(checkpoint=stopped, resume=True, **change)


def test_without_resume_an_old_state_is_not_read(whole, stopped):
    heard = Recorder()
    check_same(fit(checkpoint=stopped, listener=heard), whole)
    assert [record.epoch for record in heard.records] == [1, 2, 3, 4]


def test_an_interruption_brings_the_best_model_so_far(whole, tmp_path):
    early, later = stop(tmp_path / "a", 3), stop(tmp_path / "b", 40)
    assert (len(early.history), len(later.history)) == (0, 3)
    assert early.data["unfinished"] == later.data["unfinished"] == "it was interrupted"
    for bundle in (early, later):
        bundle.save(tmp_path / "model", overwrite=True)
        assert Classifier.load(tmp_path / "model").predict(["salt tide and fish"]) == ["sea"]
    assert later.history[2]["dev_loss"] == whole.history[2]["dev_loss"]


def test_a_full_disk_is_noted_once_and_the_training_continues(whole, tmp_path, monkeypatch):
    def fail(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("grutext.training.gru.checkpoint.write_durably", fail)
    heard = Recorder()
    bundle = fit(checkpoint=tmp_path / "c", listener=heard, training__checkpoint_seconds=0)
    check_same(bundle, whole)
    told = [note for note in heard.notes if "cannot be saved" in note]
    assert told == [
        f"{tmp_path / 'c'}: the state cannot be saved (No space left on device); the training continues"
    ]


def test_a_disk_that_fills_up_leaves_the_last_state(whole, stopped, monkeypatch):
    before = states(stopped)

    def fill(path, content):
        path.write_bytes(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr("grutext.training.gru.checkpoint.write_durably", fill)
        stop(stopped, 5, resume=True, training__checkpoint_seconds=0)
    assert states(stopped) == before
    assert not (stopped / "unfinished").exists(), "the room is given back"
    check_same(fit(checkpoint=stopped, resume=True), whole)


DIVERGING = {"training__learning_rate": 1e30, "training__clip_norm": 1e30, "training__epochs": 10}


def test_a_loss_that_is_not_finite_stops_with_advice():
    with pytest.raises(
        TrainingError, match=r"the loss became .* in epoch \d; --set training.learning_rate=2.5e\+29"
    ):
        fit(**DIVERGING)


def test_a_training_that_diverges_late_brings_the_best_weights_before(whole, monkeypatch):
    from grutext.training.gru.interruption import DivergenceError

    network = kind_of_network()
    step = network.train_step

    def diverge(self, batch, number, rate):
        return step(self, batch, number, rate) if number >> 18 < 3 else float("nan")

    monkeypatch.setattr(network, "train_step", diverge)
    with pytest.raises(DivergenceError, match=r"the loss became nan in epoch 3") as stopped:
        fit()
    monkeypatch.undo()
    bundle = stopped.value.bundle
    assert [record["epoch"] for record in bundle.history] == [1, 2]
    assert bundle.data["unfinished"].startswith("the loss became nan")
    assert bundle.history[1]["dev_loss"] == whole.history[1]["dev_loss"]
    assert np.isfinite(Classifier(bundle).predict_proba(["salt"])).all()
