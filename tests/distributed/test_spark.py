"""Prediction on a real Spark cluster, and on engines that speak Spark Connect. Starting Spark is slow: few tests, each with much in it."""

import csv
import json
import shutil

import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet
from support.keyword_model import build_keyword_model

from grutext.cli import main

pytestmark = pytest.mark.long

TEXTS = ["my parcel", None, 'invoice "and"\n password', " parcel parcel, ", "nothing known", ""]
ROWS = [{"id": f"{n:03}", "message": TEXTS[n % len(TEXTS)], "label": "x"} for n in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model, and with rows in every format."""
    folder = tmp_path_factory.mktemp("prediction")
    build_keyword_model(multilabel=False).save(folder / "model")
    parquet.write_table(pa.Table.from_pylist(ROWS), folder / "rows.parquet", row_group_size=7)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ROWS[0], lineterminator="\n")
        table.writeheader()
        table.writerows(ROWS)
    return folder


def run(*arguments):
    """Run `grutext predict`, in the session of the fixture; return its exit code, and the lines that it printed on stderr."""
    result = CliRunner().invoke(main, ["predict", *map(str, arguments)], prog_name="grutext")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.stdout == ""
    return result.exit_code, result.stderr.splitlines()


def read_folder(folder, suffix):
    """Return the rows of a complete folder, by their ids."""
    assert (folder / "_SUCCESS").exists()
    parts = sorted(folder.glob(f"part-*{suffix}"))
    if suffix == ".parquet":
        rows = [row for part in parts for row in parquet.read_table(part).to_pylist()]
    elif suffix == ".json":
        rows = [json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").splitlines()]
    else:
        rows = []
        for part in parts:
            with part.open(encoding="utf-8", newline="") as file:
                rows += csv.DictReader(file)
    return sorted(rows, key=lambda row: row["id"])


def expect(folder, name, *arguments):
    """Return what `grutext predict` on one machine makes of the rows."""
    code, _ = run(folder / "rows.csv", "-m", folder / "model", "-o", folder / name, *arguments)
    assert code == 0
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)) if name.endswith(".csv") else list(map(json.loads, file))


def check_formats(folder):
    """The command writes the rows of one machine, whatever the formats; a missing text is an empty one."""
    cells = expect(folder, "expected.csv", "--proba")
    values = expect(folder, "expected.jsonl", "--proba")
    model = ("-m", folder / "model", "--on", "spark", "--proba")
    for source, target, suffix in (
        ("rows.parquet", "a.parquet", ".parquet"),
        ("rows.csv", "b.csv", ".csv"),
        ("rows.jsonl", "c.jsonl", ".json"),
        ("row?.parquet", "d.tsv", ".csv"),
    ):
        code, lines = run(folder / source, "-o", folder / target, *model)
        empty = sum(not (row["message"] or "").strip() for row in ROWS)
        assert code == 0
        assert lines == [
            f"{folder / source}: {empty} texts are empty (labelled nevertheless)",
            f"{folder / target}: {len(ROWS)} rows",
        ]
        if target == "d.tsv":
            (tsv,) = (folder / target).glob("part-*")
            assert tsv.read_text(encoding="utf-8").startswith(
                "id\tmessage\tlabel\tpredicted_label\tconfidence\t"
            )
        elif suffix == ".csv":
            assert read_folder(folder / target, suffix) == cells
        else:
            rows = read_folder(folder / target, suffix)
            missing = [row | {"message": row["message"] or ""} for row in rows]
            assert missing == values


def check_errors(folder):
    """Bad input is one line, and no folder looks complete."""
    parquet.write_table(pa.table({"message": ["parcel", b"\xff"][1:]}), folder / "bytes.parquet")
    (folder / "broken.csv").write_text("id,message\n1,parcel\n2\n", encoding="utf-8")
    (folder / "broken.jsonl").write_text('{"message": "parcel"}\nparcel\n', encoding="utf-8")
    for source, arguments, expected in (
        ("gone.parquet", (), f"Spark: Path does not exist: file:{folder / 'gone.parquet'}."),
        (
            "rows.parquet",
            ("--text-column", "mesage"),
            'there is no column "mesage", did you mean "message"? The columns are',
        ),
        ("rows.parquet", ("-m", folder / "gone"), f"the model folder {folder / 'gone'} does not exist"),
        (
            "rows.parquet",
            ("-m", "/proc/self/cwd/model", "--model-on-workers"),
            "/proc/self/cwd/model is no model on ",
        ),
        ("bytes.parquet", (), 'the text column "message" holds a value of type bytes, not text'),
        (
            "broken.csv",
            (),
            f"Spark: Encountered error while reading file file://{folder / 'broken.csv'}: Malformed CSV",
        ),
        ("broken.jsonl", (), "Spark: "),
        ("rows.txt", (), f"{folder / 'rows.txt'}: on Spark tables are csv, jsonl, parquet, tsv; "),
    ):
        output = folder / "never.parquet"
        given = () if "-m" in arguments else ("-m", folder / "model")
        code, lines = run(folder / source, "-o", output, "--on", "spark", *given, *arguments)
        assert code == 1
        assert len(lines) == 1
        assert lines[0].startswith(f"grutext: error: {expected}")
        assert not output.exists() or not any(output.iterdir())
        shutil.rmtree(output, ignore_errors=True)
    taken = run(folder / "rows.csv", "-o", folder / "a.parquet", "--on", "spark", "-m", folder / "model")
    already = f"Spark: Path file:{folder / 'a.parquet'} already exists; delete it, or name another folder"
    assert taken == (1, [f"grutext: error: {already}"])


def test_the_command_labels_tables_on_a_cluster(spark, folder, monkeypatch):
    monkeypatch.chdir(folder)
    check_formats(folder)
    check_errors(folder)
