"""What the README and the docs show is what happens: commands and Python blocks are run, figures and paths are checked."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from statistics import fmean

import pytest
from benchmarks.readme import BEGIN, END, read_all, render_tables
from benchmarks.results import read_results
from benchmarks.tables import MARGINS, group_rows, replace_tables
from documentation.terminal import COMMANDS, PICTURE, draw

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")]
PAGES += [ROOT / "scripts/README.md", ROOT / "datasets/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHORT = "--epochs 1 --set training.pretraining_epochs=0"
RESULTS = read_results(ROOT / "benchmarks/accuracy.jsonl")


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(text):
    return [line[2:] for block in blocks(text, "console") for line in block.splitlines() if line[:2] == "$ "]


def run_block(code, folder):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)


def sample(part, count):
    with (ROOT / "datasets/helpdesk" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))[:count]


def write(path, rows, columns):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def anchors(page):
    """The names that links may give the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_scripts_that_the_readme_names_are_there():
    named = {line for line in commands(README) if line.startswith("scripts/")}
    assert named == {"scripts/quickstart", "scripts/test"}
    for script in named:
        assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_a_page_and_to_a_heading(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {path}"
        assert not heading or heading in anchors(target), f"{page.name} links to {link}"


def test_every_page_is_listed_in_the_index():
    index = ROOT / "docs/README.md"
    linked = re.findall(r"\]\(([^)#]+)[^)]*\)", index.read_text(encoding="utf-8"))
    listed = {(index.parent / link).resolve() for link in linked} | {index}
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    tops = "grutext|tests|scripts|docs|constraints|datasets|benchmarks"
    paths = {path.rstrip(".") for path in re.findall(rf"(?<![\w./-])((?:{tops})/[\w./-]+)", text)}
    for path in paths:
        assert (ROOT / path).exists() or (page.parent / path).exists(), f"{page.name} names {path}"


@pytest.mark.slow
def test_the_commands_of_the_page_about_reliability_select_tests():
    page = (ROOT / "docs/research/reliability.md").read_text(encoding="utf-8")
    lines = {line for line in re.findall(r"`(pytest [^`]+)`", page) if " -k " in line}
    assert lines
    for line in lines:
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *shlex.split(line)[1:]]
        done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, line


def test_every_promise_names_its_tests():
    page = (ROOT / "docs/promises.md").read_text(encoding="utf-8")
    promises = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| ")][1:]
    assert len(promises) > 10
    for name, _, tests in promises:
        assert re.fullmatch(r"`(tests|scripts)/[^`]+`(, `(tests|scripts)/[^`]+`)*", tests.strip()), name


def test_the_tables_of_the_readme_are_those_of_the_results():
    assert replace_tables(README, render_tables(*read_all()), BEGIN, END) == README


def test_the_margins_that_the_readme_tells_are_those_that_were_measured():
    rows = [row for row in group_rows(RESULTS, None) if not row.multilabel]
    over_svm, over_linear = (
        fmean([value for row in rows if (value := MARGINS[name](row)) is not None])
        for name in ("grutext over SVM", "grutext over its linear part")
    )
    told = re.search(
        r"Over (\d+) sets grutext is (\S+) points above the SVM .* adds (\S+) to the linear",
        " ".join(README.split()),
    )
    assert told
    assert told.groups() == (str(len(rows)), f"{over_svm:.1f}", f"{over_linear:.1f}")


def test_the_picture_of_the_readme_shows_the_commands_that_draw_it_and_loads_nothing():
    picture = PICTURE.read_text(encoding="utf-8")
    lines = [re.sub("&#160;", " ", line) for line in re.findall(r"<text [^>]*>([^<]*)</text>", picture)]
    assert all(f"$ {command}" in lines for command in COMMANDS)
    assert set(re.findall(r"https?://[^\"' )]*", picture)) == {"http://www.w3.org/2000/svg"}
    assert re.search(r"!\[[^\]]+\]\(docs/assets/terminal.svg\)", README)


def test_a_terminal_is_drawn_with_its_text_and_colours():
    drawn = draw([("grutext show", "plain \x1b[48;5;25mdeep\x1b[0m <&>\n\n")])
    assert ">$&#160;grutext&#160;show</text>" in drawn
    assert "&lt;&amp;&gt;</text>" in drawn
    assert '<rect fill="#005faf"' in drawn


@pytest.mark.long
def test_the_commands_and_the_python_blocks_of_the_readme_work(tmp_path):
    for package in ("sklearn", "numba", "matplotlib", "pandas"):  # the extra `train`, and pandas
        pytest.importorskip(package)
    write(tmp_path / "reviews.csv", sample("train", 160), ["text", "label"])
    write(tmp_path / "held-out.csv", sample("test", 40), ["text", "label"])
    write(tmp_path / "new.csv", sample("dev", 20), ["text"])
    (tmp_path / "message.txt").write_text("where is my parcel?", encoding="utf-8")
    mails = [json.dumps({"text": row["text"]}) for row in sample("train", 300)[160:]]
    (tmp_path / "mails.jsonl").write_text("\n".join(mails), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    shown = [line for line in commands(README) if "grutext " in line]
    assert len(shown) == 10
    for line in shown:
        # An epoch shows as much as all of them.
        short = line.replace("grutext train", f"grutext train {SHORT}")
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
    pages = ["README.md", "docs/reference/python-api.md"]
    shown = [block for page in pages for block in blocks((ROOT / page).read_text(encoding="utf-8"), "python")]
    for block in shown:
        run_block(block.replace('preset="fast"', 'preset="fast", epochs=1'), tmp_path)


@pytest.mark.long
def test_the_python_block_of_the_page_about_the_gru_runs(tmp_path):
    block, _ = blocks((ROOT / "docs/research/gru.md").read_text(encoding="utf-8"), "python")
    run_block(block, tmp_path)


def test_the_page_about_other_libraries_names_tests_that_are_there():
    page = (ROOT / "docs/guide/ecosystem.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[^`]+)`", page)
    assert len(named) > 10
    assert all((ROOT / name).is_file() for name in named)
