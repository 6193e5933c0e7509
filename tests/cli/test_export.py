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
        "shrunk": None,
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


@pytest.mark.parametrize("options", [("--max-size", "1MB"), ("--dev", "sample")])
def test_a_largest_size_and_dev_data_need_each_other(run, options):
    assert "need each other" in run("export", "--to", "npz", "out.npz", *options, check=2).stderr


def test_a_saved_model_has_no_largest_size(run):
    result = run("export", "--to", "savedmodel", "out", "--max-size", "1MB", "--dev", "sample", check=2)
    assert "--max-size is for onnx and npz" in result.stderr


@pytest.mark.parametrize("size", ["", "big", "1TB", "-5", "1,5MB"])
def test_a_size_that_is_none_is_named(run, size):
    result = run("export", "--to", "npz", "out.npz", "--max-size", size, "--dev", "sample", check=2)
    assert f'"{size}" is no size' in result.stderr


@pytest.mark.long
def test_a_smaller_model_and_what_it_costs(run, model, tmp_path):
    pytest.importorskip("sklearn")
    dev = tmp_path / "dev.csv"
    dev.write_text("message,topic\nmy invoice,billing\nmy parcel,delivery\nmy password,login\n")
    arguments = ("export", "--to", "npz", "-m", model, "--max-size", "0.1MB", "--dev", dev)
    *_, kept, cost = run(*arguments, "out.npz").stdout.splitlines()
    assert kept.endswith("bytes; kept 3 of 3 n-grams")
    assert (
        cost
        == "on dev: accuracy 1.0000 → 1.0000, macro-F1 1.0000 → 1.0000, log loss 0.0949 → 0.0949 (3 texts)"
    )
    shrunk = json.loads(run(*arguments, "out2.npz", "--json").stdout)["shrunk"]
    assert shrunk["limit"] == 100_000
    assert set(shrunk["before"]) == {
        "bytes",
        "ngrams",
        "words",
        "buckets",
        "n",
        "accuracy",
        "macro_f1",
        "log_loss",
    }
    assert shrunk["after"]["bytes"] == (tmp_path / "out2.npz").stat().st_size


@pytest.mark.long
def test_a_size_that_cannot_be_had_is_an_error_on_one_line(error, model, tmp_path):
    pytest.importorskip("sklearn")
    (tmp_path / "dev.csv").write_text("message,topic\nmy invoice,billing\nmy parcel,delivery\n")
    line = error(
        "export", "--to", "npz", "a.npz", "-m", model, "--max-size", "1kB", "--dev", "dev.csv", "--quiet"
    )
    assert "1,000 bytes cannot be had" in line
    assert not (tmp_path / "a.npz").exists()
