"""The notebooks of the docs run, and what is stored in them is what they print."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")
pytest.importorskip("nbclient")
pytest.importorskip("numba")
pytest.importorskip("pandas")
pytest.importorskip("sklearn")

import nbformat
from documentation.notebooks import run_notebook

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
# The outputs of cells with this in their metadata have times, or depend on the last digits of sums, and so on the machine.
VARIES = "varies"


def code_cells(notebook) -> Iterator:
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def kinds(cell):
    return [(one.output_type, *sorted(one.get("data", ()))) for one in cell.outputs]


def printed(cell):
    return "".join(one.text if one.output_type == "stream" else shown(one.data) for one in cell.outputs)


def shown(data):
    return data["text/html"] if "text/html" in data else data["text/plain"]


def numbers(text):
    return [float(number) for number in NUMBER.findall(text)]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["classification", "inside", pytest.param("keras", marks=pytest.mark.tf)])
def test_a_notebook_prints_what_is_stored_in_it(name, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1]))
    stored = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    again = run_notebook(FOLDER / f"{name}.ipynb")
    for before, now in zip(code_cells(stored), code_cells(again), strict=True):
        assert kinds(before) == kinds(now), before.source
        if not before.metadata.get(VARIES):
            assert NUMBER.sub("#", printed(before)) == NUMBER.sub("#", printed(now)), before.source
            # Trainings differ a little between machines.
            assert numbers(printed(before)) == pytest.approx(numbers(printed(now)), rel=0.1, abs=0.1)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_small_and_holds_nothing_of_one_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 150_000
    notebook = nbformat.reads(text, as_version=4)
    assert any("image/png" in one.get("data", ()) for cell in code_cells(notebook) for one in cell.outputs)
    for number, cell in enumerate(code_cells(notebook), start=1):
        assert cell.execution_count == number
        assert all(one.output_type != "error" and one.get("name") != "stderr" for one in cell.outputs)
    assert not re.search(r"/home/|/tmp/|/Users/|site-packages", text)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_links_of_a_notebook_lead_to_a_page(path):
    notebook = nbformat.read(path, as_version=4)
    prose = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)\s]+)\)", prose)
    assert links
    assert all((path.parent / link.partition("#")[0]).exists() for link in links)
