import datetime as dt
import io
import zipfile

import pytest

from grutext.data import read_dataset, read_rows
from grutext.data.formats import spreadsheet
from grutext.errors import MissingExtraError

TYPES = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def build_sheet(rows) -> str:
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            f'<c r="{chr(65 + place)}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
            if isinstance(value, str)
            else f'<c r="{chr(65 + place)}{number}"><v>{value}</v></c>'
            for place, value in enumerate(row)
            if value is not None
        )
        lines.append(f'<row r="{number}">{cells}</row>')
    return f'<worksheet xmlns="{TYPES}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def build_workbook(*sheets) -> bytes:
    """Return a workbook in the form of .xlsx."""
    names = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n, _ in enumerate(sheets, start=1))
    relations = "".join(
        f'<Relationship Id="r{n}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n, _ in enumerate(sheets, start=1)
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="a" Type="{RELATIONS}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{TYPES}" xmlns:r="{RELATIONS}"><sheets>{names}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}">{relations}</Relationships>'
        )
        for number, rows in enumerate(sheets, start=1):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", build_sheet(rows))
    return buffer.getvalue()


ROWS = [
    ("id", "text", "label"),
    (1, "my card was charged twice", "billing"),
    (2.5, "the van is lost", "delivery"),
]


def test_without_its_package_the_extra_is_named(write, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    line = r"reading excel needs python-calamine; install it with: pip install 'grutext\[excel\]'"
    with pytest.raises(MissingExtraError, match=line):
        read_dataset(write("a.xlsx", build_workbook(ROWS)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (2.5, "2.5"),
        (True, "true"),
        ("007", "007"),
        ("", ""),
        (dt.date(2024, 5, 1), "2024-05-01"),
        (dt.datetime.fromisoformat("2024-05-01 10:00:00"), "2024-05-01 10:00:00"),
        (dt.time(10, 30), "10:30:00"),
    ],
)
def test_cells_are_text_as_in_csv(value, text):
    assert spreadsheet._render(value) == text


class TestWithCalamine:
    """Workbooks that are really read."""

    @pytest.fixture(autouse=True)
    def calamine(self):
        pytest.importorskip("python_calamine")

    def test_rows_become_examples_with_their_numbers(self, write):
        name = write("a.xlsx", build_workbook(ROWS))
        assert [(e.text, e.labels[0], e.row) for e in read_dataset(name).examples] == [
            ("my card was charged twice", "billing", 2),
            ("the van is lost", "delivery", 3),
        ]
        with read_rows(name) as reader:
            assert [row.fields["id"] for row in reader] == ["1", "2.5"]

    def test_other_sheets_are_told_and_blank_rows_skipped(self, write):
        name = write("a.xlsx", build_workbook([(), *ROWS[:2], (), ROWS[2]], [("other",)]))
        dataset = read_dataset(name)
        assert [e.row for e in dataset.examples] == [3, 5]
        assert dataset.notes[0] == "a.xlsx: only the first of 2 sheets is read, not S2"

    def test_a_workbook_without_rows_is_refused(self, write, problem):
        assert problem(write("a.xlsx", build_workbook(ROWS[:1]))).endswith("no rows below it; add some")
        assert problem(write("a.xlsx", build_workbook([]))) == (
            "a.xlsx: its first sheet is empty; the first row names the columns, such as text, label"
        )

    def test_what_is_no_workbook_or_is_damaged_is_refused(self, write, problem):
        packed = build_workbook(ROWS)
        for content in (b"", b"text,label\na,b\n", packed[:200], packed[:-30]):
            assert problem(write("a.xlsx", content)).startswith(
                "a.xlsx: is not a spreadsheet, or is damaged ("
            )

    def test_a_workbook_that_is_too_large_is_refused(self, write, problem, monkeypatch):
        packed = build_workbook(ROWS)
        monkeypatch.setattr(spreadsheet, "_LARGEST_UNPACKED", 100)
        assert problem(write("a.xlsx", packed)) == "a.xlsx: unpacks to more than 100 bytes; save it as CSV"
        monkeypatch.setattr(spreadsheet, "_LARGEST", len(packed) - 1)
        assert "a spreadsheet of more than" in problem("a.xlsx")
