"""Where a training writes: one at a time, and nothing is left behind but what can be gone on from."""

import dataclasses
import os
import signal

import pytest

from grutext.errors import GrutextError
from grutext.model.bundle import Bundle
from grutext.training import target


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_second_training_is_refused_while_the_first_lives(tmp_path):
    folder, checkpoint = tmp_path / "a" / "model", tmp_path / "a" / "model.checkpoint"
    with target.lock_target(folder, checkpoint):
        with (
            pytest.raises(GrutextError, match="another training is writing to it; wait for it, or -m names"),
            target.lock_target(folder, checkpoint),
        ):
            pytest.fail("two at a time")
        assert checkpoint.exists(), "the second leaves the first one's folder alone"
    assert entries(tmp_path) == [], "folders that were made for nothing are removed"
    with target.lock_target(folder, checkpoint):
        pass


def test_a_state_stays_and_so_does_what_was_there(tmp_path):
    folder, checkpoint = tmp_path / "model", tmp_path / "model.checkpoint"
    with target.lock_target(folder, checkpoint):
        (checkpoint / "000001-0.safetensors").touch()
    assert target.is_kept(checkpoint)
    with target.lock_target(folder, checkpoint):
        target.discard_states(checkpoint)
    assert entries(tmp_path) == []


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="there is no such signal")
def test_a_request_to_end_is_like_ctrl_c():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), target.interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_unfinished_model_replaces_none_but_its_like(build_bundle, tmp_path):
    folder = tmp_path / "model"
    whole = build_bundle()
    first, second = (
        dataclasses.replace(whole, data={"unfinished": "it was interrupted", "n": n}) for n in (1, 2)
    )
    for bundle in (first, second):
        assert target.save_unfinished(bundle, folder).endswith("has the best weights so far")
        assert Bundle.load(folder).data == bundle.data
    whole.save(folder, overwrite=True)
    assert target.save_unfinished(first, folder).endswith("is still the model from before")
    assert Bundle.load(folder).data == whole.data
    (folder / "model.json").write_text("{", encoding="utf-8")
    assert target.save_unfinished(first, folder).startswith("no model is saved (")


def test_what_killed_trainings_left_is_removed_and_nothing_else(tmp_path):
    others = [
        ".mode.saving-a",
        ".model.ab12cd34",
        ".model.v2",
        ".model.v2.saving-ab12cd34",
        ".models.saving-a",
    ]
    for name in [*others, ".model.saving-ab12cd34", ".model.replaced-x1"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").touch()
    target.remove_leftovers(tmp_path / "model")
    assert entries(tmp_path) == others
