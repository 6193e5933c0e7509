"""`grutext export`."""

import json

import pytest

from grutext.cli.export import export_command
from grutext.export import FORMATS


def test_every_format_is_offered():
    (form,) = (option for option in export_command.params if option.name == "form")
    assert tuple(form.type.choices) == tuple(FORMATS)


def test_files_and_sizes_are_printed(run, model, tmp_path):
    result = run("export", "--to", "npz", "out.npz", "-m", model)
    size = (tmp_path / "out.npz").stat().st_size
    assert result.stdout == f"out.npz  {size:,} bytes\n"


def test_json(run, model, tmp_path):
    printed = json.loads(run("export", "--to", "npz", "out.npz", "-m", model, "--json").stdout)
    assert printed == {
        "model": str(model),
        "to": "npz",
        "files": {"out.npz": (tmp_path / "out.npz").stat().st_size},
    }


@pytest.mark.long
def test_onnx_comes_with_its_contract(run, model, tmp_path):
    pytest.importorskip("onnx")
    run("export", "--to", "onnx", "out.onnx", "-m", model)
    contract = json.loads((tmp_path / "out.inputs.json").read_text())
    assert contract["labels"] == ["billing", "delivery", "login"]
    assert (tmp_path / "out.onnx").stat().st_size > 1000


def test_an_existing_file_is_an_error_on_one_line(error, run, model):
    run("export", "--to", "npz", "out.npz", "-m", model)
    assert "out.npz already exists" in error("export", "--to", "npz", "out.npz", "-m", model)
    run("export", "--to", "npz", "out.npz", "-m", model, "--overwrite")


def test_a_missing_model_is_an_error_on_one_line(error):
    assert "does not exist" in error("export", "--to", "npz", "out.npz", "-m", "nothing")


def test_the_format_must_be_named(run):
    assert "--to" in run("export", "out.npz", check=2).stderr
