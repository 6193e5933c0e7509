"""Prediction on a real Spark cluster, and on engines that speak Spark Connect. Starting Spark is slow: few tests, each with much in it."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet
from support.keyword_model import build_keyword_model
from support.spark import why_no_cluster, why_no_sail

from grutext.cli import main
from grutext.distributed.spark import predict
from grutext.errors import DataError
from grutext.inference import AnswerOptions

pytestmark = pytest.mark.long

TEXTS = ["my parcel", None, 'invoice "and"\n password', " parcel parcel, ", "nothing known", ""]
# Serves Sail, and is killed as soon as it has loaded a model to label rows.
MORTAL = """
import os, signal, time
from grutext.distributed import models
from support.spark import start_sail
with start_sail() as server:
    print(server, flush=True)
    while not models._load.cache_info().currsize:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
"""
IMPATIENT = """
from grutext.cli import main
from grutext.distributed.spark import sessions
sessions._TRIES = 1
main(prog_name="grutext")
"""
ROWS = [{"id": f"{n:03}", "message": TEXTS[n % len(TEXTS)], "label": "x"} for n in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model, and with rows in every format."""
    folder = tmp_path_factory.mktemp("prediction")
    build_keyword_model(multilabel=False).save(folder / "model")
    parquet.write_table(pa.Table.from_pylist(ROWS), folder / "rows.parquet", row_group_size=7)
    parquet.write_table(pa.table({"message": [b"\xff"]}), folder / "bytes.parquet")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    for name, columns in (("rows.csv", ["id", "message", "label"]), ("two.csv", ["id", "message"])):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
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


def start_python(*arguments, **pipes):
    """Start Python with this grutext in a process of its own."""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'tests'}", "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, text=True, **pipes)


def start_process(*arguments, program=("-m", "grutext")):
    """Start `grutext predict --on spark` in a process of its own."""
    return start_python(*program, "predict", *arguments, "--on", "spark", stderr=subprocess.PIPE)


def run_process(*arguments, program=("-m", "grutext")):
    """Run it to its end; return its exit code, and the lines that it printed on stderr."""
    with start_process(*arguments, program=program) as process:
        lines = process.stderr.read().splitlines()
    return process.returncode, lines


def java_of(pid):
    """Return the process of Java among the children of a process."""
    (children,) = Path(f"/proc/{pid}/task").glob(f"{pid}/children")
    return int(children.read_text(encoding="ascii").split()[0])


def read_folder(folder, suffix, by="id"):
    """Return the rows of a complete folder, in the order of a column."""
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
    return sorted(rows, key=lambda row: row[by])


def expect(folder, name, *arguments, source="rows.csv"):
    """Return what `grutext predict` on one machine makes of the rows."""
    code, _ = run(folder / source, "-m", folder / "model", "-o", folder / name, *arguments)
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


def check_several_files(folder):
    """Files that are read together lose no column, and no cell gets into another one."""
    parquet.write_table(pa.table({"message": ["parcel"]}), folder / "part-1.parquet")
    parquet.write_table(pa.table({"id": ["7"], "message": ["invoice"]}), folder / "part-2.parquet")
    model = ("-m", folder / "model", "--on", "spark")
    assert run(folder / "part-?.parquet", "-o", folder / "parts.parquet", *model)[0] == 0
    rows = read_folder(folder / "parts.parquet", ".parquet", by="message")
    assert [(row["id"], row["label"]) for row in rows] == [("7", "billing"), (None, "delivery")]
    (folder / "first.csv").write_text(
        " ,id , message\n0,1,parcel\n", encoding="utf-8"
    )  # as pandas writes its index
    assert run(folder / "first.csv", "-o", folder / "index.csv", *model)[0] == 0
    (row,) = read_folder(folder / "index.csv", ".csv")
    assert (row["id"], row["message"], row["label"]) == ("1", "parcel", "delivery")
    (folder / "latin.csv").write_bytes("message\ncaf\xe9\n".encode("latin-1"))
    lines = run(folder / "latin.csv", "-o", folder / "lost.csv", *model)[1]
    assert lines[0].startswith(f"{folder / 'latin.csv'}: a text has characters that are lost (U+FFFD), as if")
    lines = run(folder / "latin.csv", "-o", folder / "read.csv", "--encoding", "latin-1", *model)[1]
    assert lines == [f"{folder / 'read.csv'}: 1 row"]
    (line,) = (folder / "read.csv").glob("part-*")
    assert line.read_text(encoding="utf-8").splitlines()[1].startswith("caf\xe9,")


def check_errors(folder):
    """Bad input is one line, and no folder looks complete."""
    (folder / "ordered-1.csv").write_text("id,message\n1,parcel\n", encoding="utf-8")
    (folder / "ordered-2.csv").write_text("message,id\ninvoice,2\n", encoding="utf-8")
    (folder / "twice.csv").write_text("message,message\nparcel,2\n", encoding="utf-8")
    (folder / "unnamed-1.csv").write_text(",message\n1,parcel\n", encoding="utf-8")
    (folder / "unnamed-2.csv").write_text(",message\n1,parcel\n", encoding="utf-8")
    (folder / "nothing.csv").touch()
    other = (
        ": its first line has other columns than the other files, or in another order, or one of them twice"
    )
    both = pa.table([pa.array(["a"]), pa.array(["b"])], ["message", "Message"])
    parquet.write_table(both, folder / "both.parquet")
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
        ("ordered-?.csv", (), f"file://{folder / 'ordered-2.csv'}{other}"),
        (
            "unnamed-?.csv",
            (),
            f"{folder / 'unnamed-?.csv'}: has a column without a name; files that are read",
        ),
        ("twice.csv", ("--text-column", "message1"), f"file://{folder / 'twice.csv'}{other}"),
        ("nothing.csv", (), f"{folder / 'nothing.csv'}: has no columns"),
        ("both.parquet", (), "Spark: The column `message` already exists. Choose another name or rename the"),
        (
            "rows.parquet",
            ("--delimiter", ";"),
            f"{folder / 'rows.parquet'}: is read as parquet; --delimiter is for",
        ),
        ("rows.parquet", ("--format", "csv"), 'there is no column "message". The columns are: PAR1'),
        (
            "rows.csv",
            ("--encoding", "cp1252"),
            'on Spark there is no encoding "cp1252"; encode the files in one of ',
        ),
        (
            "rows.csv",
            (folder / "rows.parquet",),
            f"{folder / 'rows.csv'} {folder / 'rows.parquet'}: are files of several",
        ),
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


def check_connect(spark, folder):
    """A Spark Connect server does the same, and its answers come without Spark's messages."""
    server = f"sc://127.0.0.1:{spark.conf.get('spark.connect.grpc.binding.port')}"
    arguments = (folder / "rows.parquet", "-o", folder / "connect.parquet", "-m", folder / "model", "--proba")
    code, lines = run_process(*arguments, "--remote", server)
    assert (code, lines[-1]) == (0, f"{folder / 'connect.parquet'}: {len(ROWS)} rows")
    assert len(lines) == 2
    assert read_folder(folder / "connect.parquet", ".parquet") == read_folder(
        folder / "a.parquet", ".parquet"
    )
    code, (line,) = run_process(*arguments, "--remote", server)
    assert code == 1
    assert line.endswith("connect.parquet already exists; delete it, or name another folder")
    # Spark would send the archives of these sessions, which are gone, with all later jobs of a driver that also has a session of its own.
    spark.sparkContext._jsc.sc().addedArchives().clear()


def test_the_command_labels_tables_on_a_cluster(spark, folder, monkeypatch):
    monkeypatch.chdir(folder)
    check_formats(folder)
    check_several_files(folder)
    check_errors(folder)
    check_connect(spark, folder)


def test_a_dataframe_is_labelled_in_any_partitions_and_as_a_stream(spark, folder, tmp_path, monkeypatch):
    rows = spark.createDataFrame([(row["id"], row["message"]) for row in ROWS], "id string, message string")
    expected = {
        (row["id"], row["label"], row["confidence"])
        for row in expect(folder, "frame.jsonl", source="two.csv")
    }
    for partitions in (1, 7, 60):
        labelled = predict(rows.repartition(partitions), folder / "model")
        assert labelled.columns == ["id", "message", "label", "confidence"]
        assert {(row.id, row.label, row.confidence) for row in labelled.collect()} == expected
    check_names(rows, folder)
    check_loads(rows.repartition(9), folder)
    check_stream(spark, folder, tmp_path, monkeypatch)


def check_names(rows, folder):
    """Spark does not tell apart names by their case; names may have dots; a text column is found before any work begins."""
    labelled = predict(
        rows.selectExpr("message", "id as Label"), folder / "model", options=AnswerOptions(top_k=1)
    )
    assert labelled.columns == ["message", "Label", "predicted_label", "confidence", "top"]
    dotted = predict(rows.selectExpr("id as `mail.id`", "message"), folder / "model")
    assert dotted.columns == ["mail.id", "message", "label", "confidence"]
    assert {row["mail.id"] for row in dotted.collect()} == {row["id"] for row in ROWS}
    with pytest.raises(DataError, match='there is no column "message", did you mean "messages"'):
        predict(rows.withColumnRenamed("message", "messages"), folder / "model")


def check_loads(rows, folder):
    """Each worker loads the model once for all its tasks, and uses the cores of one task."""
    build_keyword_model(multilabel=True).save(folder / "several")  # a model that no worker has yet
    parts = {"columns": rows.columns, "schema": rows.schema, "sparkSession": rows.sparkSession}
    numbered = SimpleNamespace(mapInArrow=lambda label, _schema: label)
    label = predict(SimpleNamespace(**parts, toDF=lambda *_names: numbered), folder / "several")

    def probe(batches):
        from grutext import Classifier
        from grutext.distributed import models

        if not hasattr(models, "loads"):
            load, models.loads = Classifier.load, []
            Classifier.load = lambda *given, **named: models.loads.append(given[1]) or load(*given, **named)
        count = sum(batch.num_rows for batch in label(batches))
        yield pa.RecordBatch.from_pylist(
            [{"pid": os.getpid(), "rows": count, "loads": len(models.loads), "threads": models.loads[-1]}]
        )

    tasks = rows.mapInArrow(probe, "pid long, rows long, loads long, threads long").collect()
    assert sum(task.rows for task in tasks) == len(ROWS)
    assert len(tasks) == 9
    assert len({task.pid for task in tasks}) <= 2
    assert {(task.loads, task.threads) for task in tasks} == {(1, 1)}


def check_stream(spark, folder, tmp_path, monkeypatch):
    """The example of a stream in docs/guide/cluster.md labels what has arrived."""
    page = (Path(__file__).parents[2] / "docs/guide/cluster.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^A stream .*?\n\n```python\n(.*?)```", page, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "arriving").mkdir()
    lines = (json.dumps({"id": n, "body": text}) + "\n" for n, text in enumerate(TEXTS))
    (tmp_path / "arriving/first.jsonl").write_text("".join(lines), encoding="utf-8")
    monkeypatch.chdir(folder)
    (folder / "reviews").symlink_to("model")
    exec(code.replace("s3a://mails", str(tmp_path)), {"spark": spark, "predict": predict})
    rows = parquet.read_table(sorted((tmp_path / "labelled").glob("part-*"))).sort_by("id").to_pylist()
    assert [row["body"] for row in rows] == TEXTS
    assert [row["label"] for row in rows] == [
        "delivery",
        "billing",
        "billing",
        "delivery",
        "billing",
        "billing",
    ]


def test_a_driver_that_is_killed_is_one_line_and_leaves_nothing_that_looks_complete(folder):
    reason = why_no_cluster()
    if reason:
        pytest.skip(reason)
    output = folder / "killed.parquet"
    with start_process(
        folder / "rows.parquet", "-o", output, "-m", folder / "model", "--master", "local[1]"
    ) as process:
        while not (output / "_temporary").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        os.kill(java_of(process.pid), signal.SIGKILL)
        lines = process.stderr.read().splitlines()
        assert (process.wait(30), len(lines)) == (1, 1)
    assert lines[0].startswith("grutext: error: the connection to Spark is lost; ")
    assert not (output / "_SUCCESS").exists()
    assert not list(output.glob("part-*"))


def test_workers_run_the_python_of_the_command_and_their_errors_are_one_line(folder, monkeypatch):
    """In a session of the command's own, without an activated environment."""
    reason = why_no_cluster()
    if reason:
        pytest.skip(reason)
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(shutil.which("java")).parent), "/usr/bin", "/bin"]))
    output = folder / "own.parquet"
    lines = run_process(
        folder / "bytes.parquet", "-o", output, "-m", folder / "model", "--master", "local[1]"
    )
    expected = 'the text column "message" holds a value of type bytes, not text'
    assert lines == (1, [f"grutext: error: {expected}"])
    assert not any(output.iterdir())


def test_a_connect_server_that_is_killed_is_one_line_and_leaves_nothing(folder):
    reason = why_no_sail()
    if reason:
        pytest.skip(reason)
    texts = pa.table({"message": [f"parcel {n} and invoice" for n in range(60_000)]})
    parquet.write_table(texts, folder / "many.parquet")
    output = folder / "lost.parquet"
    arguments = (
        folder / "many.parquet",
        "-o",
        output,
        "-m",
        folder / "model",
        "--model-on-workers",
        "--quiet",
    )
    with start_python("-c", MORTAL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        address = server.stdout.readline().strip()
        code, lines = run_process(*arguments, "--remote", address, program=("-c", IMPATIENT))
    expected = "the connection to Spark is lost; what was written is not complete, start again"
    assert (code, lines) == (1, [f"grutext: error: {expected}"])
    assert server.returncode == -signal.SIGKILL
    assert not output.exists()


def test_sail_labels_rows_without_java(sail, folder):
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.types import StringType, StructField, StructType

    session = SparkSession.builder.remote(sail).create()
    try:
        schema = StructType([StructField(name, StringType()) for name in ("id", "message")])
        rows = session.createDataFrame([(row["id"], row["message"]) for row in ROWS], schema)
        labelled = predict(rows.repartition(3), folder / "model", on_workers=True).collect()
    finally:
        session.stop()
    expected = {
        (row["id"], row["label"], row["confidence"]) for row in expect(folder, "sail.jsonl", source="two.csv")
    }
    assert {(row.id, row.label, row.confidence) for row in labelled} == expected


def test_spark_that_does_not_start_or_cannot_be_reached_is_one_line(folder, monkeypatch):
    if find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed")
    arguments = (folder / "rows.parquet", "-o", folder / "never", "-m", folder / "model")
    monkeypatch.setenv("JAVA_HOME", "/gone")
    code, (line,) = run_process(*arguments)
    assert code == 1
    assert re.fullmatch(
        r"grutext: error: Spark does not start \(.*/gone/bin/java.*\); check Java and JAVA_HOME", line
    )
    for option, url in (("--remote", "sc://127.0.0.1:1"), ("--master", "spark://127.0.0.1:1,127.0.0.1:2")):
        code, (line,) = run_process(*arguments, option, url)
        assert (code, line) == (1, f"grutext: error: {url} cannot be reached: Connection refused")
    monkeypatch.delenv("JAVA_HOME")
    if why_no_cluster() is None:
        code, (line,) = run_process(*arguments, "--master", "local:2")
        assert code == 1
        assert line.startswith("grutext: error: Spark: Could not parse Master URL: ")


def test_without_pyspark_the_remedy_is_one_line(folder, monkeypatch):
    monkeypatch.setattr("grutext.requirements.find_spec", lambda name: None if name == "pyspark" else name)
    code, (line,) = run(folder / "rows.csv", "-o", folder / "never", "-m", folder / "model", "--on", "spark")
    what = "grutext predict --on spark needs pyspark"
    assert (code, line) == (1, f"grutext: error: {what}; install it with: pip install 'grutext[spark]'")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--on", "spark", "--resume"), "--resume does not work with --on spark."),
        (("--on", "spark", "--escape", "~"), "--escape does not work with --on spark."),
        (("--on", "spark", "--threads", 2), "--threads does not work with --on spark."),
        (("--on", "spark", "--master", "yarn", "--remote", "sc://a"), "Give --master or --remote, not both."),
        (("--master", "yarn"), "--master needs --on spark."),
        (("--remote", "sc://a"), "--remote needs --on spark."),
        (("--model-on-workers",), "--model-on-workers needs --on spark."),
    ],
)
def test_options_that_do_not_fit_are_a_usage_error(folder, arguments, expected):
    code, lines = run(folder / "rows.csv", "-o", folder / "never", "-m", folder / "model", *arguments)
    assert (code, lines[-1]) == (2, f"Error: {expected}")


def test_a_folder_must_be_named_for_the_output(folder):
    for arguments in ((), ("-o", "-")):
        code, lines = run(folder / "rows.csv", "-m", folder / "model", "--on", "spark", *arguments)
        assert (code, lines[-1]) == (2, "Error: --on spark reads files and writes a folder: INPUT -o FOLDER.")
