"""The formats that the registry finds, and what a module with one more format adds."""

from __future__ import annotations

import gzip
import importlib
import sys
from pathlib import Path

import click
import pytest

from grutext.cli.train import train_command
from grutext.data import ReadOptions, format_names, open_writer, read_dataset, read_rows, written_formats
from grutext.data import formats as formats_package
from grutext.data.formats.registry import load_formats
from grutext.errors import DataError, MissingExtraError

TOY = '''
"""Lines of `label|text`."""

from grutext.data.formats.lines import read_records
from grutext.data.formats.registry import Format
from grutext.data.records import Record, Table


def open_toy(source, encoding):
    return Table(source.name, read_records(source, encoding, build), empty="is empty")


def build(source, number, line):
    label, _, text = line.partition("|")
    return Record(number, {"label": label, "text": text}, source.name, len(line))


def write_row(columns, row, safe):
    return "|".join(str(row.get(name, "")) for name in columns) + "\\n"


def open_heavy(source, encoding):
    import a_package_that_is_not_installed


FORMATS = (
    Format("toy", open_toy, (".toy",), write_row=write_row, magic=b"\\xffTOY"),
    Format("heavy", open_heavy, (".heavy",), package="heavy-package", extra="heavy"),
)
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """One more module in the package of formats, for the time of a test."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "toy.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(formats_package, "__path__", [*formats_package.__path__, str(folder)])
    importlib.invalidate_caches()
    load_formats.cache_clear()
    yield
    load_formats.cache_clear()
    sys.modules.pop("grutext.data.formats.toy", None)
    vars(formats_package).pop("toy", None)


@pytest.fixture
def table(write) -> str:
    """The name of a file in the toy format."""
    return write("a.toy", "x|one\ny|two\n")


def test_formats_are_sorted_and_each_extension_stands_for_one():
    assert format_names() == (
        "csv",
        "excel",
        "fasttext",
        "folder",
        "json",
        "jsonl",
        "parquet",
        "shards",
        "tsv",
        "txt",
    )
    assert written_formats() == ("csv", "fasttext", "jsonl", "tsv", "txt")
    suffixes = [suffix for form in load_formats().values() for suffix in form.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert {".csv", ".json", ".jsonl", ".ods", ".parquet", ".tsv", ".txt", ".xlsx"} <= set(suffixes)


@pytest.mark.usefixtures("toy")
def test_a_format_in_one_new_module_is_read(write, table):
    assert [(e.text, e.labels) for e in read_dataset(table).examples] == [("one", ("x",)), ("two", ("y",))]
    packed = write("b.TOY.gz", gzip.compress(Path(table).read_bytes()))
    assert len(read_dataset(packed).examples) == 2
    other = write("c.txt", Path(table).read_bytes())
    assert len(read_dataset(other, ReadOptions(format="toy")).examples) == 2


@pytest.mark.usefixtures("toy")
def test_a_format_in_one_new_module_is_a_choice_of_the_command_line():
    kind = next(option.type for option in train_command.params if option.name == "form")
    assert isinstance(kind, click.Choice)
    kind.__dict__.pop("choices", None)
    try:
        assert "toy" in kind.choices
    finally:
        kind.__dict__.pop("choices", None)


@pytest.mark.usefixtures("toy")
def test_a_format_in_one_new_module_is_written(table):
    for target in ("out.toy", "out"):
        with read_rows(table) as reader, open_writer(target, None, reader) as writer:
            for row in reader:
                writer.write(row.fields, {"score": 1})
        assert Path(target).read_text() == "x|one|1\ny|two|1\n"


@pytest.mark.usefixtures("toy")
def test_a_format_in_one_new_module_is_in_the_messages(write, problem, table):
    assert ".toy" in problem(write("a.other", b""))
    assert "toy" in problem(table, ReadOptions(format="other"))
    assert problem(write("wrong.csv", b"\xffTOY")).endswith("it is a toy file; try --format toy")
    with read_rows(table) as reader, pytest.raises(DataError, match=r"end the name in one of .*\.toy"):
        open_writer("out.other", None, reader)


@pytest.mark.usefixtures("toy")
def test_a_format_without_its_package_names_the_extra(write):
    line = r"reading heavy needs heavy-package; install it with: pip install 'grutext\[heavy\]'"
    with pytest.raises(MissingExtraError, match=line):
        read_dataset(write("a.heavy", b""))
