"""Cells that spreadsheets would read as formulas, and cells that only look like formulas."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.data import open_writer, read_rows
from grutext.data.cells import JsonNumber
from grutext.data.formats.cells import render_cells

FORMULAS = [
    "=1+1",
    "+49 30 1234",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\tx",
    "\rx",
    "\nx",
    " =1",
    '"=1',
    "'=1",
    " ' \"@x",
    "\u00a0=1",
    "＝1",
    "－1",
    "-",
    "-3.5e",
    "-3.5\n",
    "-Infinity",
    '=HYPERLINK("http://a.example/?x="&A1,"click")',
]
OTHERS = ["", "a=1", "x", "[]", "(=1)", "-3.5", "+3", "-.5", "-1e-07", "-1.", "0", "’=1", "'x", "3-4", '"x"']


def read_cells(line: str, delimiter: str = ",") -> list[str]:
    (row,) = csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, strict=True)
    return row


def undo(cell: str) -> str:
    """Remove the apostrophe, as docs/reference/cli.md says."""
    without = cell.removeprefix("'")
    is_prefixed = without != cell and read_cells(render_cells([without], ",", safe=True)) == [cell]
    return without if is_prefixed else cell


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("cell", FORMULAS)
def test_formulas_begin_with_an_apostrophe(cell, delimiter):
    assert read_cells(render_cells([cell, 1], delimiter, safe=True), delimiter) == ["'" + cell, "1"]
    assert read_cells(render_cells([cell, 1], delimiter), delimiter) == [cell, "1"]


@pytest.mark.parametrize("cell", OTHERS)
def test_other_cells_and_numbers_stay(cell):
    assert read_cells(render_cells([cell, "x"], ",", safe=True)) == [cell, "x"]


def test_values_that_are_not_strings_are_not_changed():
    line = render_cells([-3.5, JsonNumber("-1.50"), None, True, ["=1"]], ",", safe=True)
    assert line == '-3.5,-1.50,,true,"[""=1""]"\n'


@given(st.text(alphabet=st.sampled_from("=+-@\t\r\n \"'＝a1.e,"), max_size=6))
def test_no_safe_cell_begins_like_a_formula_and_every_cell_can_be_recovered(cell):
    (safe,) = read_cells(render_cells([cell], ",", safe=True)) if cell else [""]
    if safe[:1] in set("=+-@\t\r\n＝"):
        float(safe)
    assert undo(safe) == cell


def test_names_of_columns_and_labels_are_cells_too(write):
    name = write("a.csv", "=id,text\n1,one two\n")
    with read_rows(name) as reader, open_writer("out.csv", None, reader, safe=True) as writer:
        for row in reader:
            writer.write(
                row.fields, {"label": "@x", "confidence": JsonNumber("0.5"), "p_-y": JsonNumber("0.5")}
            )
    assert Path("out.csv").read_text() == "'=id,text,label,confidence,p_-y\n1,one two,'@x,0.5,0.5\n"
