import csv
import datetime as dt
import decimal
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grutext.data import Columns, Example, ReadOptions, open_writer, read_dataset, read_rows

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def save(name: str, columns, **kwargs) -> str:
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer, **kwargs)
    data = buffer.getvalue()
    Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return name


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_texts_and_labels_of_every_string_type_are_read(suffix, kind):
    name = save(
        f"a.parquet{suffix}",
        {
            "text": pa.array(["one", "007", None]).cast(kind),
            "label": pa.array(["x", "NA", "null"]).cast(kind),
        },
        row_group_size=2,
    )
    assert read_dataset(name, ReadOptions(keep_missing=True)).examples == [
        Example("one", ("x",), name, 1),
        Example("007", ("NA",), name, 2),
        Example("", ("null",), name, 3),
    ]


def test_labels_may_be_lists_numbers_and_truth_values():
    texts = ["a b", "c d"]
    lists = read_dataset(save("l.parquet", {"text": texts, "labels": [["x", "y"], []]}))
    assert lists.multilabel
    assert [example.labels for example in lists.examples] == [("x", "y"), ()]
    for values, expected in (
        ([3, 12], ["3", "12"]),
        ([0.5, 2.0], ["0.5", "2.0"]),
        ([True, False], ["true", "false"]),
    ):
        dataset = read_dataset(save("n.parquet", {"text": texts, "label": values}))
        assert [example.labels for example in dataset.examples] == [(label,) for label in expected]
        assert not dataset.multilabel


def test_other_types_are_refused(problem):
    assert problem(save("a.parquet", {"text": [1, 2], "label": ["x", "y"]})) == (
        'a.parquet, line 1: the text column "text" holds a value of type int, not text'
    )
    day = dt.date(2024, 5, 1)
    assert problem(save("a.parquet", {"text": ["t"], "label": [day]})) == (
        'a.parquet, line 1: the label column "label" holds a value of type date; a label is text, or a list of texts'
    )
    assert problem(save("a.parquet", {"text": ["t", "u"], "label": ["x", None]})) == (
        'a.parquet, line 2: the label column "label" is empty; --skip-empty drops such rows'
    )


def test_files_that_are_not_parquet_or_are_damaged_are_refused(write, problem):
    def check(name):
        message = problem(name)
        assert message.startswith(f"{name}: is not a parquet file, or is damaged (")
        assert message.endswith("); write it again")

    data = Path(save("a.parquet", {"text": ["t"] * 999, "label": ["x"] * 999})).read_bytes()
    for content in (b"", b"junk", b"PAR1" + b"x" * 99 + b"PAR1", data[:-1], data[: len(data) // 2]):
        check(write("b.parquet", content))
    assert problem(write("c.parquet.gz", gzip.compress(data)[:-20])) == (
        "c.parquet.gz: the .gz file is cut off here; copy it again"
    )
    assert problem(write("d.parquet.gz", data)) == (
        "d.parquet.gz: is not compressed with gzip, although its name ends in .gz; rename it"
    )
    assert problem(save("e.parquet", {"text": pa.array([], pa.string())})) == (
        "e.parquet: has columns, but no rows; add some"
    )


@pytest.mark.parametrize("piped", [True, False])
def test_standard_input_may_be_parquet(monkeypatch, piped):
    data = Path(save("a.parquet", {"text": ["t"], "label": ["x"]})).read_bytes()

    class Pipe(io.BytesIO):
        def seekable(self):
            return not piped

        def seek(self, *args):
            assert not piped
            return super().seek(*args)

    stdin = io.TextIOWrapper(Pipe(data))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert read_dataset("-", ReadOptions(format="parquet")).examples == [
        Example("t", ("x",), "standard input", 1)
    ]
    assert not stdin.buffer.closed


def test_rows_to_predict_keep_their_columns_and_become_json_lines(capsysbinary):
    day = dt.date(2024, 5, 1)
    name = save("a.parquet", {"id": [7], "body": ["a text"], "tags": [["p", "q"]], "day": [day]})
    with read_rows(name, known=Columns("body", None)) as reader, open_writer(None, None, reader) as writer:
        for row in reader:
            assert (row.number, row.text) == (1, "a text")
            writer.write(row.fields, {"label": "x"})
    assert capsysbinary.readouterr().out == (
        b'{"id": 7, "body": "a text", "tags": ["p", "q"], "day": "2024-05-01", "label": "x"}\n'
    )


@pytest.mark.long
def test_without_pyarrow_the_error_names_the_extra(write, run_python):
    write("a.parquet", b"")
    code = "import sys; sys.modules['pyarrow'] = None\nfrom grutext.data import read_dataset\nread_dataset('a.parquet')"
    assert run_python(code).stderr.splitlines()[-1] == (
        "grutext.errors.MissingExtraError: reading parquet needs pyarrow; install it with: pip install 'grutext[train]'"
    )


READ_ALL = """
import sys
from pathlib import Path
from grutext.data import read_rows

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

with read_rows(sys.argv[1]) as rows:
    held = [resident() for number, _ in enumerate(rows) if number % 6_000 == 1]
print(held[-1] - held[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is told in /proc")
def test_a_row_group_is_freed_before_the_next_is_read(tmp_path):
    rng = np.random.default_rng(1)
    schema = pa.schema([("text", pa.string())])
    with parquet.ParquetWriter(tmp_path / "a.parquet", schema) as writer:
        for _ in range(60):
            texts = ["".join(map(chr, row)) for row in rng.integers(97, 123, (1000, 1500))]
            writer.write_table(pa.table({"text": texts}, schema))
    command = [sys.executable, "-c", READ_ALL, str(tmp_path / "a.parquet")]
    grown = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 30, "of 80 MB that were read"


ODD = {
    "text": ["one", "two", "three"],
    "day": pa.array([dt.date(2024, 5, 1), None, dt.date(2024, 5, 3)]),
    "at": pa.array([1_714_559_400_000_000, None, 1_714_694_400_000_000], pa.timestamp("us")),
    "exact": pa.array([1_700_000_000_123_456_789, None, 0], pa.timestamp("ns")),
    "price": pa.array([decimal.Decimal("1.10"), None, decimal.Decimal("-0.05")]),
    "open": pa.array([True, None, False]),
    "kind": pa.array(["a", None, "b"]).dictionary_encode(),
    "raw": pa.array([b"caf\xc3\xa9", None, b"a,b"]),
    "score": pa.array([1.5, float("nan"), float("inf")]),
    "day,time": pa.array(["x", "y", "z"]),
}


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_values_of_every_type_are_written_in_tables_as_pandas_writes_them(suffix):
    name = save("a.parquet", ODD)
    with read_rows(name) as reader, open_writer(f"out.{suffix}", None, reader) as writer:
        for row in reader:
            writer.write(row.fields, {"abstained": True})
    with Path(f"out.{suffix}").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="," if suffix == "csv" else "\t"))
    assert rows[0] == [*ODD, "abstained"]
    at = "2024-05-01 10:30:00"
    exact = "2023-11-14 22:13:20.123456789"
    assert rows[1] == ["one", "2024-05-01", at, exact, "1.10", "True", "a", "café", "1.5", "x", "true"]
    assert rows[2] == ["two", "", "", "", "", "", "", "", "", "y", "true"]
    assert rows[3][1:4] == ["2024-05-03", "2024-05-03 00:00:00", "1970-01-01 00:00:00.000000000"]
    assert rows[3][4:] == ["-0.05", "False", "b", "a,b", "inf", "z", "true"]


def test_values_of_every_type_are_valid_json():
    name = save("a.parquet", ODD)
    with read_rows(name) as reader, open_writer("out.jsonl", None, reader) as writer:
        for row in reader:
            writer.write(row.fields)

    def refuse(constant):
        raise AssertionError(constant)

    lines = Path("out.jsonl").read_text(encoding="utf-8").splitlines()
    first, second, third = (json.loads(line, parse_constant=refuse) for line in lines)
    assert first["at"] == "2024-05-01T10:30:00"
    assert (first["day"], first["price"], first["open"], first["raw"]) == ("2024-05-01", 1.1, True, "café")
    assert set(second) == set(ODD)
    assert [value for name, value in second.items() if name not in {"text", "day,time"}] == [None] * 8
    assert third["score"] is None


def test_binary_columns_that_hold_utf8_are_texts_and_labels():
    name = save(
        "a.parquet", {"text": [b"a caf\xc3\xa9", b"b"], "label": pa.array([b"x", b"y"]).dictionary_encode()}
    )
    assert [(e.text, e.labels) for e in read_dataset(name).examples] == [("a café", ("x",)), ("b", ("y",))]


DAY = 86_400
STAMPS = {
    "dates only": [DAY, None, -DAY, 0],
    "a time": [DAY, None, 1, 2],
    "zone": [0, None, DAY, 2 * DAY],
    "missing": [None, None],
    "before 1970": [-1, 0, -DAY, None],
    "far": [-62_135_596_800, 253_402_214_400],
    "near": [0, DAY * 365 * 200],
}


def stamp_columns():
    """Yield columns of every unit, with and without a time zone and decimals."""
    for unit, second in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        for name, seconds in STAMPS.items():
            if name == "far" and unit == "ns":
                continue
            for part in {0, second // 1000, second // 10**6, second // 10**9}:
                values = [
                    None if value is None else value * second + part * (n == 1)
                    for n, value in enumerate([*seconds, None, None][:4])
                ]
                for zone in (None, "UTC", "Europe/Berlin", "+05:30") if name != "far" else (None,):
                    yield pa.array(values, pa.timestamp(unit, zone))


@pytest.mark.parametrize("size", [1, 100])
def test_time_stamps_are_written_in_tables_as_pandas_writes_them(size):
    pandas = pytest.importorskip("pandas")
    table = pa.table(
        {f"{n}: {column.type}": column for n, column in enumerate(stamp_columns())} | {"text": ["x"] * 4}
    )
    parquet.write_table(table, "a.parquet", row_group_size=size)
    with read_rows("a.parquet") as reader, open_writer("out.csv", None, reader) as writer:
        for row in reader:
            writer.write(row.fields)
    expected = pandas.read_parquet("a.parquet").to_csv(index=False, lineterminator="\n")
    assert Path("out.csv").read_text(encoding="utf-8") == expected


def test_time_stamps_of_a_column_have_one_form():
    table = {
        "text": ["a", "b", "c"],
        "day": pa.array([0, DAY * 10**6, None], pa.timestamp("us")),
        "at": pa.array([0, None, 1_714_559_400_120_000], pa.timestamp("us")),
        "berlin": pa.array([0, None, DAY], pa.timestamp("s", "Europe/Berlin")),
    }
    with read_rows(save("a.parquet", table)) as reader, open_writer("out.jsonl", None, reader) as writer:
        rows = [row.fields for row in reader]
        for fields in rows:
            writer.write(fields)
    assert [list(row) for row in rows] == [list(table)] * 3
    assert [row["day"] for row in rows] == ["1970-01-01", "1970-01-02", None]
    assert [row["at"] for row in rows] == ["1970-01-01 00:00:00.000", None, "2024-05-01 10:30:00.120"]
    assert [row["berlin"] for row in rows] == ["1970-01-01 01:00:00+01:00", None, "1970-01-02 01:00:00+01:00"]
    last = json.loads(Path("out.jsonl").read_text(encoding="utf-8").splitlines()[2])
    assert (last["at"], last["berlin"]) == ("2024-05-01T10:30:00.120", "1970-01-02T01:00:00+01:00")
