"""What the README and the guides show is what happens: their commands and their Python blocks are run."""

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(text):
    return [line[2:] for block in blocks(text, "console") for line in block.splitlines() if line[:2] == "$ "]


def sample(part, count):
    with (ROOT / "datasets/helpdesk" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))[:count]


def write(path, rows, columns):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def test_the_scripts_that_the_readme_names_are_there():
    named = {line for line in commands(README) if line.startswith("scripts/")}
    assert named == {"scripts/quickstart", "scripts/test"}
    for script in named:
        assert os.access(ROOT / script, os.X_OK)


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


@pytest.mark.tf
def test_the_commands_and_the_python_block_of_the_readme_work(tmp_path):
    write(tmp_path / "reviews.csv", sample("train", 160), ["text", "label"])
    write(tmp_path / "held-out.csv", sample("test", 40), ["text", "label"])
    write(tmp_path / "new.csv", sample("dev", 20), ["text"])
    (tmp_path / "message.txt").write_text("where is my parcel?", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    shown = [line for line in commands(README) if "grutext " in line]
    assert len(shown) == 7
    for line in shown:
        # The first few epochs show as much as all of them.
        short = line.replace("grutext train", "grutext train --epochs 3")
        command = short.replace("grutext ", f"{shlex.quote(sys.executable)} -m grutext ")
        done = subprocess.run(
            command, check=False, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, (line, done.stderr)
        assert "Traceback" not in done.stderr
    with (tmp_path / "labelled.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == [row["text"] for row in sample("dev", 20)]
    assert all(row["label"] and 0 <= float(row["confidence"]) <= 1 for row in rows)
    for block in blocks(README, "python"):
        subprocess.run([sys.executable, "-c", block], cwd=tmp_path, env=environment, check=True)


@pytest.mark.tf
@pytest.mark.parametrize("block", range(3))
def test_the_python_blocks_of_the_encoder_guide_run(block, tmp_path):
    code = blocks((ROOT / "docs/guide/keras.md").read_text(encoding="utf-8"), "python")[block]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
