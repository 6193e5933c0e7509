"""The files that `grutext evaluate` writes: every answer, or the wrong ones."""

import csv
import gzip
import json

import pytest

ROWS = "topic,message\nbilling,an invoice\ndelivery,my parcel\ndelivery,my password\nlogin,hello\nreturns,parcel\n"
HEADER = ["source", "line", "text", "label", "predicted", "confidence", "loss", "right"]


@pytest.fixture
def labelled(tmp_path):
    (tmp_path / "test.csv").write_text(ROWS, encoding="utf-8")
    return "test.csv"


def test_every_text_is_written_the_worst_first(run, model, labelled, tmp_path) -> None:
    before = run("evaluate", labelled)
    result = run("evaluate", labelled, "-o", "all.csv")
    assert result.stdout == before.stdout
    assert result.stderr == before.stderr + "all.csv: 5 rows\n"
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            HEADER,
            ["test.csv", "6", "parcel", "returns", "delivery", "0.909443", "15.9424", "false"],
            ["test.csv", "4", "my password", "delivery", "login", "0.909443", "3.0949", "false"],
            ["test.csv", "5", "hello", "login", "billing", "0.333333", "1.0986", "false"],
            ["test.csv", "2", "an invoice", "billing", "billing", "0.909443", "0.0949", "true"],
            ["test.csv", "3", "my parcel", "delivery", "delivery", "0.909443", "0.0949", "true"],
        ]


def test_errors_are_the_wrong_ones(run, model, labelled, tmp_path) -> None:
    result = run("evaluate", labelled, "-o", "all.jsonl", "--errors", "wrong.jsonl.gz", "--quiet")
    assert result.stderr == ""
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()]
    assert list(rows[0]) == HEADER
    wrong = gzip.decompress((tmp_path / "wrong.jsonl.gz").read_bytes()).decode().splitlines()
    assert [json.loads(line) for line in wrong] == [row for row in rows if not row["right"]]
    assert len(wrong) == 3


def test_formulas_are_kept_from_spreadsheets(run, model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text("topic,message\nbilling,=1+1 parcel\n", encoding="utf-8")
    for options, cell in (((), "=1+1 parcel"), (("--safe-csv",), "'=1+1 parcel")):
        run("evaluate", "test.csv", "-o", "all.csv", "--errors", "wrong.csv", *options)
        for name in ("all.csv", "wrong.csv"):
            with (tmp_path / name).open(newline="", encoding="utf-8") as file:
                assert [row["text"] for row in csv.DictReader(file)] == [cell]
    no_table = run("evaluate", "test.csv", "-o", "all.jsonl", "--safe-csv", check=2)
    assert "--safe-csv is for CSV and TSV" in no_table.stderr
    assert "-o and --errors" in run("evaluate", "test.csv", "--safe-csv", check=2).stderr


def test_without_a_wrong_answer_there_is_only_the_line_of_names(run, model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text("topic,message\nbilling,an invoice\n", encoding="utf-8")
    run("evaluate", "test.csv", "--errors", "wrong.tsv")
    assert (tmp_path / "wrong.tsv").read_text(encoding="utf-8") == "\t".join(HEADER) + "\n"


def test_several_labels_are_lists(run, multilabel_model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text("message,topic\ninvoice parcel,billing\nhello,\n", encoding="utf-8")
    run("evaluate", "test.csv", "-m", "several", "--label-separator", "|", "-o", "all.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["label"], row["predicted"], row["right"]) for row in rows] == [
        (["billing"], ["billing", "delivery"], False),
        ([], [], True),
    ]


def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_computed(
    run, error, model, labelled, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("grutext.inference.Classifier.predict_proba", None)
    assert error("evaluate", labelled, "-o", "all.parquet").startswith(
        'all.parquet: ".parquet" cannot be written; end the name in one of .csv'
    )
    assert error("evaluate", labelled, "--errors", labelled) == (
        "test.csv: is the input, which is not replaced; name another file to write"
    )
    assert error("evaluate", labelled, "-o", "no/all.csv") == (
        "no/all.csv: cannot be written: the folder does not exist; make it first"
    )
    same = run("evaluate", labelled, "-o", "all.csv", "--errors", "./all.csv", check=2)
    assert "-o and --errors name the same file." in same.stderr
    assert "stdout has the report" in run("evaluate", labelled, "-o", "-", check=2).stderr
    assert (tmp_path / "test.csv").read_text(encoding="utf-8") == ROWS
