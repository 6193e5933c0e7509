"""A damaged model through every command that reads one: exit code 1, one line, and nothing written."""

import json
import os
import random
from pathlib import Path

import pytest

COMMANDS = {
    "classify": ["a.txt"],
    "predict": ["a.csv", "-o", "out.csv"],
    "evaluate": ["a.csv"],
    "show": [],
    "verify": [],
}


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    place = random.Random(3).randrange(len(raw) // 2, len(raw))
    raw[place] ^= 0x04
    path.write_bytes(raw)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def grow(path: Path) -> None:
    os.truncate(path, 100 << 30)


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


FAULTS = {"flipped": flip, "cut off": cut, "grown": grow, "missing": Path.unlink, "a pipe": replace_by_pipe}


@pytest.mark.long
@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_damaged_model_is_one_line(error, tmp_path, model, command, fault, name) -> None:
    (tmp_path / "a.txt").write_text("parcel", encoding="utf-8")
    (tmp_path / "a.csv").write_text("message,topic\nparcel,delivery\ninvoice,billing\n", encoding="utf-8")
    before = set(tmp_path.iterdir())
    FAULTS[fault](model / name)
    line = error(command, *COMMANDS[command])
    assert name in line
    assert any(remedy in line for remedy in ("train it again", "copy", "with -m")), line
    assert set(tmp_path.iterdir()) == before


def seal(path: Path, change) -> None:
    """Changes entries of `model.json`; its checksum fits."""
    from grutext.model.reading import checksum

    values = json.loads((path / "model.json").read_bytes())
    del values["checksum"]
    change(values)
    (path / "model.json").write_text(json.dumps(values | {"checksum": checksum(values)}), encoding="utf-8")


UNSHOWABLE = {
    "a report without its numbers": lambda values: values["metrics"].update(dev={"accuracy": 0.5}),
    "a report of words": lambda values: values["metrics"]["dev"].update(macro_f1="good"),
    "a calibration of words": lambda values: values["metrics"].update(calibration={"before": "bad"}),
    "an epoch without its loss": lambda values: values["history"][0].pop("loss"),
    "a loss without end": lambda values: values["history"][0].update(loss=10**4000),
    "thresholds without their errors": lambda values: values.update(abstention=[{"coverage": 0.5}]),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNSHOWABLE)
def test_entries_that_cannot_be_shown_are_one_line_and_the_model_answers(
    error, run, trained_model, kind
) -> None:
    seal(trained_model, UNSHOWABLE[kind])
    line = error("show", "-m", "trained")
    assert line.startswith("trained/model.json has entries that this version cannot show")
    assert line.endswith("--json prints them")
    assert json.loads(run("show", "-m", "trained", "--json").stdout)["model"] == "trained"
    assert run("classify", "-m", "trained", stdin="parcel").stdout == "-\tdelivery\t0.909443\n"


def test_nan_is_null_in_json(run, trained_model) -> None:
    def change(values):
        values["history"][0]["loss"] = float("nan")
        values["metrics"]["dev"]["ece"] = float("inf")

    seal(trained_model, change)
    assert "nan" in run("show", "-m", "trained").stdout
    shown = json.loads(run("show", "-m", "trained", "--json").stdout)
    assert shown["history"][0]["loss"] is None
    assert shown["metrics"]["dev"]["ece"] is None
    assert shown["history"][1]["loss"] == 0.75
