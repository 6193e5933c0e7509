"""Checks and shards on a Spark cluster, compared with those of one machine."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from grutext.data import ReadOptions, ShardFolder
from grutext.data_quality import check_data
from grutext.distributed import ShardSettings
from grutext.distributed import write_shards as write_shards_here
from grutext.errors import DataError
from grutext.progress import Notes, Silent

pytestmark = pytest.mark.long

LABELS = (
    "billing",
    "delivery",
    "Delivery",
    "refund",
    "refudn",
    " account",
    "cafe\u0301",
    "1",
    "1.0",
    "nan",
    None,
)
ODD = (
    "", "  ", None, "caf\ufffd", "in S\u00c3\u00a3o Paulo", "don\x92t", "a\0b", "17 %",
    "\u0413\u0434\u0435 \u043f\u043e\u0441\u044b\u043b\u043a\u0430?", "long " * 1_500, "long " * 2_000,
)  # fmt: skip
SETTINGS = ShardSettings(shards=3, dev_fraction=0.2)
SKIP = ReadOptions(text_column="the text", label_column="a.b", skip_empty=True)


@pytest.fixture(scope="module")
def table():
    """Rows with every fault that a check finds."""
    texts = [f"where is parcel {n % 230}?" if n % 7 else f"WHERE is  parcel {n % 90}?" for n in range(400)]
    labels = [LABELS[n % 230 % 4 if n % 30 else n % len(LABELS)] for n in range(400)]
    return pa.table(
        {
            "number": range(400 + len(ODD)),
            "a.b": [*labels, *("billing" for _ in ODD)],
            "the text": [*texts, *ODD],
        }
    )


def _without_places(findings):
    """Return the findings without what depends on the order of the rows: where they are, and which is shown."""
    return [
        finding.to_dict() | {"places": [], "message": finding.message.partition(", such as ")[0].partition("; the most")[0]}
        for finding in findings
    ]  # fmt: skip


def test_a_check_finds_what_it_finds_on_one_machine(spark, table):
    from grutext.distributed.spark import check

    reading = ReadOptions(text_column="the text", label_column="a.b")
    frame = spark.createDataFrame(table).repartition(3, "`a.b`")  # some partitions have no rows
    found, expected = check(frame, reading), check_data(table, reading=reading)
    kinds = [finding.kind for finding in expected.findings]
    assert kinds == [
        "replacement_character", "mojibake", "nul_character", "control_character", "empty_text", "copy",
        "contradicting_label", "long_text", "rare_script", "no_letters", "missing_label", "label_spelling",
        "similar_label", "small_class",
    ]  # fmt: skip
    assert _without_places(found.findings) == _without_places(expected.findings)
    same = [found.to_dict() | {"findings": []}, expected.to_dict() | {"findings": []}]
    assert same[0] == same[1]
    often = [next(f.message for f in c.findings if f.kind == "copy") for c in (found, expected)]
    assert (
        often[0].rpartition(", ")[2] == often[1].rpartition(", ")[2]
    )  # how often the most frequent text occurs


def _rows(folder, part):
    return [
        parquet.ParquetFile(folder.path / shard.file).read().to_pylist() for shard in getattr(folder, part)
    ]


def _assert_same_shards(on_spark, here):
    for part in ("train", "dev"):
        assert _rows(on_spark, part) == _rows(here, part)
    for name in ("labels", "multilabel", "characters", "fingerprint", "copies"):
        assert getattr(on_spark, name) == getattr(here, name)
    assert ShardFolder.load(on_spark.path) == on_spark


def test_shards_are_those_of_one_machine(spark, table, tmp_path):
    from grutext.distributed.spark import write_shards

    notes = Notes(Silent())
    frame = spark.createDataFrame(table).repartition(3)
    on_spark = write_shards(frame, tmp_path / "on [spark]", SKIP, SETTINGS, notes)
    here = write_shards_here(table, tmp_path / "here", SKIP, SETTINGS)
    _assert_same_shards(on_spark, here)
    assert on_spark.dev
    assert on_spark.copies > 100
    assert "the table: 3 rows dropped: text empty" in notes.lines
    assert notes.lines[-1] == on_spark.summary()


def test_the_same_over_spark_connect_with_several_labels(spark, table, tmp_path):
    from pyspark.sql.connect.session import SparkSession

    from grutext.distributed.spark import check, write_shards

    several = pa.table(
        {
            "text": [f"text {n % 90}" for n in range(120)],
            "label": [["a", "b"], ["b"], [], ["c", "b", "a"]] * 30,
        }
    )
    port = spark.conf.get("spark.connect.grpc.binding.port")
    session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
    try:
        frame = session.createDataFrame(several)
        assert _without_places(check(frame).findings) == _without_places(check_data(several).findings)
        _assert_same_shards(
            write_shards(frame, tmp_path / "on_spark", settings=SETTINGS),
            write_shards_here(several, tmp_path / "here", settings=SETTINGS),
        )
    finally:
        session.stop()


def test_bad_input_is_one_line_and_leaves_nothing_behind(spark, table, tmp_path, monkeypatch):
    from grutext.distributed.spark import check, write_shards

    monkeypatch.chdir(tmp_path)
    frame = spark.createDataFrame(table)

    def problem(run, *arguments):
        with pytest.raises(DataError) as caught:
            run(*arguments)
        return str(caught.value)

    wrong = ReadOptions(text_column="the test", label_column="a.b")
    expected = 'the table: there is no column "the test", did you mean "the text"? The columns are: number, a.b, the text'
    assert problem(check, frame, wrong) == expected
    assert problem(write_shards, frame, "cut", wrong) == expected
    twice = spark.createDataFrame([("a", "x", "y")], "text string, label string, label string")
    assert problem(check, twice) == 'the table: two columns are called "label"; rename one of them'
    alike = spark.createDataFrame([("a", "x", "y")], "text string, label string, Label string")
    named = ReadOptions(text_column="text", label_column="Label")
    assert check(alike, named).to_dict()["labels"] == {"y": 1}
    assert problem(check, frame.where("number < 0"), SKIP) == "the table: has no rows"
    late = spark.createDataFrame(
        [(f"text {n}", None if n == 1_500 else "a") for n in range(2_000)], "text string, label string"
    )
    assert problem(write_shards, late, "cut").startswith('the table: the label column "label" is empty;')
    uncertain = spark.createDataFrame(pa.table({"text": ["a"], "label": [{"x": 0.5, "y": 0.5}]}))
    assert problem(write_shards, uncertain, "cut") == (
        "the table: has probabilities of labels, which shards do not hold; keep the likeliest label"
    )
    assert list(Path().iterdir()) == []
    Path("cut").mkdir()
    assert (
        problem(write_shards, frame, "cut", SKIP)
        == "cut: exists already; name a new folder, or delete this one"
    )
