"""`grutext audit`: the list, the JSON keys, and files that can be edited and trained on."""

import csv
import json

import pytest

pytest.importorskip("sklearn")
pytestmark = pytest.mark.long
WORDS = {"fruit": ("apple", "pear", "plum"), "tool": ("saw", "drill", "file")}
OPTIONS = ("--no-gru", "--folds", "3", "--set", "text.min_count=1", "--set", "linear.char_max=0")


@pytest.fixture
def labelled(tmp_path):
    rows = []
    for n in range(60):
        label = sorted(WORDS)[n % 2]
        words = [WORDS[label][(n // 2 + k * (n % 5)) % 3] for k in range(3)]
        rows.append([n, f"the {' '.join(words)} of {n}", "tool" if n == 20 else label])
    with (tmp_path / "words.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "text", "topic"], *rows])
    return "words.csv"


def test_files_have_all_columns_the_worst_first_and_can_be_trained_on(run, labelled, tmp_path) -> None:
    result = run("audit", labelled, *OPTIONS, "-o", "all.csv", "--errors", "wrong.jsonl")
    assert result.stdout.startswith("1 of 60 texts (1.7%) has a label that is likely wrong\n")
    assert "words.csv, line 22: " in result.stdout
    assert "tool → fruit: 1" in result.stdout
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    added = ["suggested", "given_probability", "suggested_probability", "line"]
    assert list(rows[0]) == ["id", "text", "topic", *added]
    assert (rows[0]["id"], rows[0]["topic"], rows[0]["suggested"]) == ("20", "tool", "fruit")
    assert [int(row["id"]) for row in rows[1:]] == [n for n in range(60) if n != 20]
    assert {row["suggested"] for row in rows[1:]} == {""}
    assert [int(row["line"]) for row in rows] == [int(row["id"]) + 2 for row in rows]
    (wrong,) = (tmp_path / "wrong.jsonl").read_text(encoding="utf-8").splitlines()
    assert (json.loads(wrong)["suggested"], json.loads(wrong)["line"]) == ("fruit", 22)
    trained = run("check", "all.csv", "--json")
    assert json.loads(trained.stdout)["labels"] == {"tool": 31, "fruit": 29}


def test_rows_of_several_files_are_found_again_and_columns_of_the_data_stay(run, labelled, tmp_path) -> None:
    head, *lines = (tmp_path / labelled).read_text(encoding="utf-8").splitlines()
    for name, some in (("a.csv", lines[:15]), ("b.csv", lines[15:])):
        (tmp_path / name).write_text("\n".join([head.replace("id", "line"), *some]), encoding="utf-8")
    run("audit", "a.csv", "b.csv", *OPTIONS, "--text-column", "text", "--errors", "wrong.jsonl")
    wrong = json.loads((tmp_path / "wrong.jsonl").read_text(encoding="utf-8"))
    assert (wrong["source"], wrong["line"]) == ("b.csv", "20")


def test_json_has_the_keys_of_the_reference(run, labelled) -> None:
    report = json.loads(run("audit", labelled, *OPTIONS, "--json", "--quiet").stdout)
    assert list(report) == ["texts", "multilabel", "likely_errors", "confusions", "errors"]
    assert report["confusions"] == [{"given": "tool", "suggested": "fruit", "count": 1}]
    (error,) = report["errors"]
    assert list(error) == [
        *("source", "line", "text", "label", "suggested", "given_probability", "suggested_probability")
    ]
    assert (error["source"], error["line"], error["label"]) == ("words.csv", 22, "tool")


def test_names_of_files_are_checked_before_the_training(error, run, labelled) -> None:
    assert "words.csv" in error("audit", labelled, "-o", "words.csv")
    assert "parquet" in error("audit", labelled, "--errors", "wrong.parquet")
    assert "stdin cannot be read twice" in run("audit", "-", "-o", "all.csv", check=2).stderr
    assert "the folder does not exist" in error("audit", labelled, "-o", "nowhere/all.csv")
    same = run("audit", labelled, "-o", "all.csv", "--errors", "./all.csv", check=2).stderr
    assert "name the same file" in same


@pytest.mark.parametrize("option", ["-o", "--errors"])
def test_corrected_labels_are_replaced_only_with_overwrite(option, error, run, labelled, tmp_path) -> None:
    (tmp_path / "corrected.csv").write_text("text,topic\nby hand,tool\n", encoding="utf-8")
    message = error("audit", labelled, *OPTIONS, option, "corrected.csv")
    assert message == "corrected.csv: already exists; replace it with --overwrite, or choose another name"
    assert (tmp_path / "corrected.csv").read_text(encoding="utf-8") == "text,topic\nby hand,tool\n"
    run("audit", labelled, *OPTIONS, option, "corrected.csv", "--overwrite")
    assert "by hand" not in (tmp_path / "corrected.csv").read_text(encoding="utf-8")


def test_formulas_are_kept_from_spreadsheets(run, labelled, tmp_path) -> None:
    with (tmp_path / labelled).open("a", encoding="utf-8") as file:
        file.write("60,=1+1 the saw and the drill,tool\n")
    for options, cell in (
        (("--safe-csv",), "'=1+1 the saw and the drill"),
        ((), "=1+1 the saw and the drill"),
    ):
        run("audit", labelled, *OPTIONS, "-o", "all.csv", "--overwrite", *options)
        with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
            assert [row["text"] for row in csv.DictReader(file) if row["id"] == "60"] == [cell]
    no_table = run("audit", labelled, "--errors", "wrong.jsonl", "--safe-csv", check=2)
    assert "--safe-csv is for CSV and TSV" in no_table.stderr
    assert "-o and --errors" in run("audit", labelled, "--safe-csv", check=2).stderr


def test_rows_with_different_fields_become_a_table(run, labelled, tmp_path) -> None:
    with (tmp_path / labelled).open(newline="", encoding="utf-8") as file:
        rows = [{"text": row["text"], "topic": row["topic"]} for row in csv.DictReader(file)]
    rows[30]["note"] = "late"
    (tmp_path / "words.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    run("audit", "words.jsonl", *OPTIONS, "-o", "all.csv")
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [row["text"] for row in written if row["note"] == "late"] == [rows[30]["text"]]
    assert len(written) == 60


def test_texts_that_are_too_few_are_an_error_that_names_the_file(error, tmp_path) -> None:
    (tmp_path / "tiny.csv").write_text("text,label\na b,x\nc d,y\ne f,x\n", encoding="utf-8")
    assert error("audit", "tiny.csv", "--quiet").startswith(
        "tiny.csv: a part of 2 texts cannot be trained on: each of the 2 labels has a single text"
    )


def test_rows_that_are_left_out_stand_below_the_likely_errors(run, labelled, tmp_path) -> None:
    with (tmp_path / labelled).open("a", encoding="utf-8") as file:
        file.write("60,a text that waits for its label,\n61,a rare one,other\n")
    options = (*OPTIONS, "--skip-empty", "--min-class-size", "2")
    assert "all.csv: 62 rows" in run("audit", labelled, *options, "-o", "all.csv").stderr
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == [20, 60, 61, *(n for n in range(60) if n != 20)]
    assert [(row["topic"], row["suggested"]) for row in rows[1:3]] == [("", ""), ("other", "")]
