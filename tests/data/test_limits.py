"""The limit on the size of a record, in every format; reading needs memory for one record only."""

import gzip
import io
import itertools
import os
import re
from pathlib import Path

import pytest

from grutext.data import ReadOptions, read_dataset, read_rows
from grutext.data.formats import parquet
from grutext.data.limits import LARGEST_IN_MEMORY, LONGEST_RECORD, MOST_COLUMNS, MOST_LEVELS
from grutext.data.records import PEEKED, Record, Table
from grutext.data.vectors import Wanted, read_vectors
from grutext.errors import DataError
from grutext.settings import LONGEST_FILE

TOO_LONG = f"is longer than {LONGEST_RECORD:,} characters; split it"
LONG = "a" * (LONGEST_RECORD + 1)
# Each form: what comes before an endless line, and on which line that is.
BEFORE = {
    "csv": ("text,label\na b,x\n", 3),
    "tsv": ("text\tlabel\r\na b\tx\r\n", 3),
    "jsonl": ('{"text": "a b", "label": "x"}\n\n', 3),
    "fasttext": ("__label__x a b\n", 2),
    "txt": ("__label__x a\r\r", 3),
}


@pytest.mark.long
@pytest.mark.parametrize("form", BEFORE)
def test_an_endless_line_is_refused_by_its_number(write, problem, form):
    before, number = BEFORE[form]
    name = write("bomb.txt", before + LONG)
    for read in (read_dataset, read_rows):
        assert problem(name, ReadOptions(format=form), read) == f"bomb.txt, line {number}: {TOO_LONG}"


@pytest.mark.long
def test_a_line_as_long_as_the_limit_is_read(write):
    name = write("long.txt", LONG[:-2] + "\nb\n")
    with read_rows(name) as reader:
        assert [len(row.text) for row in reader] == [LONGEST_RECORD - 1, 1]


@pytest.mark.long
@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_a_too_long_row_over_many_lines_is_named_by_its_first_line(write, problem, form):
    delimiter = "," if form == "csv" else "\t"
    lines = "a" * 2**20 + "\n"
    quoted = f'text{delimiter}label\n"one\ncell"{delimiter}x\n"{lines * 17}'
    assert problem(write(f"open.{form}", quoted)) == f"open.{form}, line 4: {TOO_LONG}"
    cells = f"text{delimiter}label\n" + delimiter.join([f'"{lines}"'] * 17)
    assert problem(write(f"wide.{form}", cells)) == f"wide.{form}, line 2: {TOO_LONG}"


@pytest.mark.long
def test_rows_that_are_short_may_be_any_number(write):
    row = '"two\nlines",' + "b" * 2**20 + "\n"
    name = write("many.csv", "text,more\n" + row * 20)
    with read_rows(name, ReadOptions(text_column="text")) as reader:
        assert sum(1 for _ in reader) == 20


@pytest.mark.long
def test_a_file_of_a_class_folder_has_the_limit_of_one_text(write, problem):
    write("classes/good/1.txt", "fine")
    write("classes/bad/1.txt", ("a" * 2**20 + "\n") * 16)
    assert problem("classes") == f"{Path('classes/bad/1.txt')}: {TOO_LONG}"


@pytest.mark.long
def test_a_row_of_word_vectors_has_the_same_limit(write):
    path = Path(write("any.vec", b"1 2\nthe 1 2\n" + b"a" * (LONGEST_RECORD + 1)))
    with pytest.raises(
        DataError, match=rf"^any.vec, line 3: is longer than {LONGEST_RECORD:,} bytes; split it$"
    ):
        read_vectors(path, Wanted({"the"}, str.lower))


@pytest.mark.parametrize("digits", [16, 5000])
def test_a_first_line_of_more_digits_than_a_file_has_rows_is_a_word(write, digits):
    path = Path(write("any.vec", b"9" * digits + b" 2\nthe 1\n"))
    assert set(read_vectors(path, Wanted({"the", "9" * digits}, str)).rows) == {"the", "9" * digits}


@pytest.mark.long
@pytest.mark.parametrize("zeros", [b"\0", b"a"])
def test_a_compressed_file_of_gigabytes_is_refused_at_its_first_endless_line(write, problem, zeros):
    member = gzip.compress(zeros * 2**24, 1)  # members follow one another in a .gz file
    name = write("bomb.csv.gz", member * 640)  # 10 GiB unpacked
    assert problem(name) == f"bomb.csv.gz, line 1: {TOO_LONG}"


@pytest.mark.long
def test_memory_stays_bounded_whatever_the_length_of_a_line(run_python):
    resource = pytest.importorskip("resource")
    assert resource
    with Path("line").open("wb") as file:
        file.truncate(2**30)  # a gigabyte that needs no room on the disk
    code = """
import resource
from pathlib import Path
from grutext.data import ReadOptions, read_rows
from grutext.data.vectors import Wanted, read_vectors
from grutext.errors import DataError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for form in ("csv", "tsv", "jsonl", "txt", "fasttext", "vectors"):
    try:
        read_vectors(Path("line"), Wanted((), str)) if form == "vectors" else read_rows("line", ReadOptions(format=form))
    except DataError as error:
        assert "line 1: is longer than" in str(error), error
    else:
        raise AssertionError(form)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 250  # MiB


def test_columns_are_no_more_than_a_spreadsheet_has(write, problem):
    names = [f"c{number}" for number in range(MOST_COLUMNS + 1)]
    has = f"has {MOST_COLUMNS + 1:,} columns, and may have {MOST_COLUMNS:,}; keep those with texts and labels"
    assert problem(write("linear.csv", ",".join(names) + "\n")) == f"linear.csv, line 1: {has}"
    fields = ", ".join(f'"{name}": 1' for name in names)
    assert problem(write("linear.jsonl", f"{{{fields}}}\n")) == f"linear.jsonl: {has}"


@pytest.mark.long
def test_duplicate_names_are_found_in_linear_time(write, problem):
    cells = [f"c{number}" for number in range(100_000)]
    fields = ", ".join(f'"{name}": 1' for name in [*cells, cells[-1]])
    doubled = 'two fields are called "c99999"; rename one of them'
    assert problem(write("double.jsonl", f"{{{fields}}}\n")) == f"double.jsonl, line 1: {doubled}"


@pytest.mark.parametrize(("size", "read"), [(0, PEEKED), (LONGEST_RECORD // 4, 4), (LONGEST_RECORD + 1, 1)])
def test_fewer_long_records_are_read_ahead(size, read):
    taken = itertools.count()
    records = (Record(number, {"text": "a"}, "made", size) for number in range(1, 1000) if next(taken) >= 0)
    table = Table("made", records, empty="")
    assert len(table.first) == next(taken) == read
    assert [record.number for record in table] == list(range(1, 1000))


@pytest.mark.parametrize("form", ["csv", "jsonl", "fasttext", "txt", "folder", "parquet"])
def test_every_format_sets_the_size_of_its_records(write, form):
    text = "a b c " * 1000
    contents = {
        "csv": f"text,label\n{text},x\n",
        "jsonl": f'{{"text": "{text}", "label": "x"}}\n',
        "fasttext": f"__label__x {text}\n",
        "txt": f"{text}\n",
    }
    if form == "parquet":
        pa, writer = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        writer.write_table(pa.table({"text": [text], "label": ["x"]}), "any")
        name = "any"
    elif form == "folder":
        write("any/x/1.txt", text)
        name = "any"
    else:
        name = write("any", contents[form])
    from grutext.data.formats.registry import find_source, open_table

    with open_table(find_source(name, form), ReadOptions(), labelled=form != "txt") as table:
        assert len(text) - 1 <= table.first[0].size <= len(text) + 50


@pytest.mark.parametrize("codec", ["idna", "punycode", "raw_unicode_escape", "unicode-escape", "UTF7"])
def test_codecs_that_may_buffer_a_whole_file_are_refused(write, problem, codec):
    name = write("any.csv", "text,label\na,x\n")
    assert problem(name, ReadOptions(encoding=codec)) == (
        f'any.csv: the encoding "{codec}" is not supported; save the file as UTF-8'
    )


class TestParquet:
    """Cells of parquet, and parquet that has to be kept in memory."""

    @pytest.fixture
    def save(self):
        pa, writer = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

        def save(texts):
            writer.write_table(pa.table({"text": texts, "label": ["x"] * len(texts)}), "any.parquet")
            return "any.parquet"

        return save

    @pytest.mark.long
    @pytest.mark.parametrize(("before", "after"), [(0, 0), (3, 9), (250, 0)])
    def test_a_cell_that_is_too_long_is_refused_by_its_row(self, save, problem, before, after):
        name = save(["a b"] * before + [LONG] + ["c"] * after)
        assert (
            problem(name)
            == f"any.parquet, line {before + 1}: is longer than {LONGEST_RECORD:,} bytes; split it"
        )

    @pytest.mark.long
    def test_long_cells_that_are_within_the_limit_are_read(self, save):
        texts = [letter * 2**20 for letter in "abcdefghijklmnopqrst"]
        assert [example.text for example in read_dataset(save(texts)).examples] == texts

    def test_the_size_of_lists_and_objects_is_that_of_their_values(self):
        assert parquet._weigh({"a": ["abc", {"b": b"de"}], "c": None, "d": (1.5, "f")}) == 5 + 8 + 8 + 1

    @pytest.mark.parametrize("name", ["any.parquet.gz", "-"])
    def test_parquet_that_must_be_held_in_memory_has_a_limit(self, save, problem, monkeypatch, name):
        content = Path(save(["a b"])).read_bytes()
        monkeypatch.setattr(parquet, "LARGEST_IN_MEMORY", len(content) - 1)
        Path("any.parquet.gz").write_bytes(gzip.compress(content))
        readable, writable = os.pipe()
        os.write(writable, content)
        os.close(writable)
        with os.fdopen(readable, "rb") as pipe:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(pipe))
            message = problem(name, ReadOptions(format="parquet"))
        called = "standard input" if name == "-" else name
        assert message == (
            f"{called}: parquet of more than {len(content) - 1:,} bytes is read from a file of its own; save it "
            "uncompressed, and name that file"
        )


def test_the_guide_names_every_limit():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    for limit in (LONGEST_RECORD, MOST_COLUMNS, MOST_LEVELS, LARGEST_IN_MEMORY, LONGEST_FILE):
        assert re.search(rf"^\|.*\| {limit:,}\b", page, flags=re.MULTILINE), limit
