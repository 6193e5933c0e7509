"""The files of an export: whole, or not there."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grutext.errors import ExportError, MissingExtraError
from grutext.export import FORMATS, export, files
from grutext.inference import Classifier
from grutext.model.bundle import Bundle

TEXTS = ["the parcel", "", "invoice 4711"]


def read_npz(path) -> Bundle:
    """The model of a file, put together without grutext's own reader."""
    with np.load(path, allow_pickle=False) as arrays:
        entries = json.loads(bytes(arrays["model.json"]))
        weights = {name: arrays[name] for name in arrays.files if name != "model.json"}
    return Bundle._from_values(entries, weights)


def test_npz_has_the_whole_model(build_bundle, tmp_path):
    bundle = build_bundle()
    sizes = export(bundle, "npz", tmp_path / "model.npz")
    assert sizes == {tmp_path / "model.npz": (tmp_path / "model.npz").stat().st_size}
    again = read_npz(tmp_path / "model.npz")
    assert set(again.weights) == set(bundle.weights)
    for name, array in bundle.weights.items():
        assert again.weights[name].dtype == array.dtype
        np.testing.assert_array_equal(again.weights[name], array)
    assert replace(again, weights={}) == replace(bundle, weights={})
    expected = Classifier(bundle, compiled=False).predict_proba(TEXTS)
    np.testing.assert_array_equal(Classifier(again, compiled=False).predict_proba(TEXTS), expected)


def test_the_same_model_gives_the_same_file(build_bundle, tmp_path):
    for name in ("a.npz", "b.npz"):
        export(build_bundle(), "npz", tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_file_is_replaced_only_if_that_is_asked_for(build_bundle, tmp_path):
    path = tmp_path / "model.npz"
    path.write_text("mine")
    with pytest.raises(ExportError, match=r"model\.npz already exists; replace it with --overwrite"):
        export(build_bundle(), "npz", path)
    assert path.read_text() == "mine"
    export(build_bundle(), "npz", path, overwrite=True)
    assert read_npz(path).labels == ("ask", "buy", "cry")


@pytest.mark.parametrize("name", [".", "folder"])
def test_a_folder_is_never_replaced(build_bundle, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for form in FORMATS:
        with pytest.raises(ExportError, match=r"is a folder; name a file|is there and no export"):
            export(build_bundle(), form, name, overwrite=True)


def test_a_folder_that_is_missing_is_named(build_bundle, tmp_path):
    with pytest.raises(ExportError, match="nowhere does not exist; make it first"):
        export(build_bundle(), "npz", tmp_path / "nowhere" / "model.npz")


@pytest.mark.long
def test_a_full_disk_leaves_what_was_there(build_bundle, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    export(build_bundle(), "onnx", tmp_path / "model.onnx")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"model.onnx", "model.inputs.json"}
    own, written = files.write_durably, []

    def fail_second(path, content):
        written.append(path)
        own(path, content[: len(content) // len(written)])
        if len(written) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_durably", fail_second)
    with pytest.raises(OSError, match="No space left"):
        export(build_bundle(seed=6), "onnx", tmp_path / "model.onnx", overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_link_stays_a_link(build_bundle, tmp_path):
    (tmp_path / "real.npz").write_text("old")
    (tmp_path / "link.npz").symlink_to(tmp_path / "real.npz")
    export(build_bundle(), "npz", tmp_path / "link.npz", overwrite=True)
    assert (tmp_path / "link.npz").is_symlink()
    assert read_npz(tmp_path / "real.npz").labels == ("ask", "buy", "cry")


@pytest.fixture
def folder_format(monkeypatch):
    """The format `savedmodel` with two small files, for which TensorFlow is not needed."""
    contents = {"saved_model.pb": b"graph", "variables/variables.index": b"weights"}
    quick = replace(FORMATS["savedmodel"], build=lambda bundle: contents)
    monkeypatch.setitem(FORMATS, "savedmodel", quick)
    return contents


def test_a_folder_is_written_with_all_its_files(build_bundle, tmp_path, folder_format):
    sizes = export(build_bundle(), "savedmodel", tmp_path / "saved")
    assert {
        path.relative_to(tmp_path / "saved").as_posix(): path.read_bytes() for path in sizes
    } == folder_format
    assert list(sizes.values()) == [5, 7]
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


@pytest.mark.usefixtures("folder_format")
def test_only_a_folder_that_is_an_export_is_replaced(build_bundle, tmp_path):
    bundle, folder = build_bundle(), tmp_path / "saved"
    export(bundle, "savedmodel", folder)
    (folder / "old").write_text("")
    with pytest.raises(ExportError, match="already exists; replace it with --overwrite"):
        export(bundle, "savedmodel", folder)
    export(bundle, "savedmodel", folder, overwrite=True)
    assert not (folder / "old").exists()
    (folder / "saved_model.pb").unlink()
    with pytest.raises(ExportError, match="is there and no export"):
        export(bundle, "savedmodel", folder, overwrite=True)
    assert (folder / "variables").is_dir()


def test_without_tensorflow_the_extra_is_named(build_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("grutext.requirements.is_installed", lambda package: package != "tensorflow")
    with pytest.raises(MissingExtraError, match=r"pip install 'grutext\[tensorflow\]'"):
        export(build_bundle(), "savedmodel", tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_the_extra_is_named(build_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("grutext.requirements.is_installed", lambda package: package != "onnx")
    with pytest.raises(
        MissingExtraError, match=r"needs onnx; install it with: pip install 'grutext\[onnx\]'"
    ):
        export(build_bundle(), "onnx", tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_the_guide_reads_a_model_with_numpy(build_bundle, tmp_path, monkeypatch):
    guide = (Path(__file__).parents[2] / "docs/guide/export.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"## NumPy\n```python\n(.*?)```", guide, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    export(build_bundle(), "npz", "helpdesk.npz")
    names: dict = {}
    exec(block, names)
    assert names["model"]["labels"] == ["ask", "buy", "cry"]
    np.testing.assert_array_equal(names["words"], build_bundle().weights["embedding/words"])
