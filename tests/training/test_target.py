"""Where a training writes: one training at a time, and nothing is left behind but what can be resumed."""

import dataclasses
from pathlib import Path

import pytest

from grutext.errors import GrutextError
from grutext.model.bundle import Bundle
from grutext.training.target import TrainingTarget


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_second_training_is_refused_while_the_first_runs(tmp_path):
    target = TrainingTarget(tmp_path / "a" / "model")
    with target.lock():
        with (
            pytest.raises(
                GrutextError, match="another training is writing to it; wait for it, or name another folder"
            ),
            target.lock(),
        ):
            pytest.fail("two at a time")
        assert target.checkpoint.exists(), "the second leaves the first one's folder alone"
    assert entries(tmp_path) == [], "folders that were made for nothing are removed"
    with target.lock():
        pass


def test_the_lock_leaves_a_state_and_removes_an_empty_checkpoint(tmp_path):
    target = TrainingTarget(tmp_path / "model")
    with target.lock():
        (target.checkpoint / "000001-0.safetensors").touch()
    assert target.has_state
    with target.lock():
        target.discard_states()
    assert entries(tmp_path) == []


def test_a_link_and_the_folder_that_it_points_to_share_a_checkpoint(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    assert TrainingTarget(tmp_path / "link").checkpoint == tmp_path / "real.checkpoint"


def test_the_current_folder_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert TrainingTarget(Path()).folder == tmp_path


def test_an_unfinished_model_replaces_only_an_unfinished_one(build_bundle, tmp_path):
    target = TrainingTarget(tmp_path / "model")
    whole = build_bundle()
    first, second = (
        dataclasses.replace(whole, data={"unfinished": "it was interrupted", "n": n}) for n in (1, 2)
    )
    for bundle in (first, second):
        assert target.save_unfinished(bundle).endswith("has the best weights so far")
        assert Bundle.load(target.folder).data == bundle.data
        assert target.load_finished() is None
    whole.save(target.folder, overwrite=True)
    assert target.save_unfinished(first).endswith("is still the model from before")
    assert target.load_finished().data == whole.data
    (target.folder / "model.json").write_text("{", encoding="utf-8")
    assert target.save_unfinished(first).startswith("no model is saved (")


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
    TrainingTarget(tmp_path / "model").remove_leftovers()
    assert entries(tmp_path) == others
