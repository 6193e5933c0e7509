"""`grutext check`: what is printed, JSON keys, exit codes, and the comparison with a model."""

import json
from dataclasses import replace

import pytest

from grutext.model.spec import Calibration

FAULTY = (
    "text,label\nmy parcel,delivery\nMy Parcel,delivery\nan invoice,billing\nan invoice,login\n,login\n"
    "the caf\ufffd,billing\nhello there,login\n"
)


@pytest.fixture
def faulty(tmp_path):
    (tmp_path / "mails.csv").write_text(FAULTY, encoding="utf-8")
    return "mails.csv"


def test_findings_say_what_where_and_what_to_do(run, faulty) -> None:
    result = run("check", faulty, "--text-column", "text", "--label-column", "label")
    assert result.stderr == ""
    assert result.stdout.startswith("mails.csv: 6 texts, 3 labels\ncharacters: median 9, 90 % of the texts")
    assert "5 findings:\n" in result.stdout
    contradiction = (
        '4. 1 text occurs with different labels (case and white space aside), such as "an invoice" with "billing" and "login"\n'
        "   lines 4, 5\n"
        "   Decide on one label for each, or write several in one row as a list if all apply.\n"
    )
    assert contradiction in result.stdout


def test_strict_exits_with_1_if_something_was_found(run, faulty, tmp_path) -> None:
    run("check", faulty, "--strict", check=1)
    rows = "".join(f"mail number {n},{'ab'[n % 2]}\n" for n in range(12))
    (tmp_path / "clean.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    result = run("check", "clean.csv", "--strict", "--quiet")
    assert result.stdout.endswith("\nnothing wrong was found\n")
    assert result.stderr == ""


def test_json_has_the_keys_of_the_reference(run, faulty) -> None:
    report = json.loads(run("check", faulty, "--against", faulty, "--json", "--quiet").stdout)
    assert list(report) == [
        *("source", "texts", "labels", "characters", "scripts", "model", "shifts", "findings")
    ]
    assert report["labels"] == {"delivery": 2, "billing": 2, "login": 2}
    assert list(report["characters"]) == ["min", "p5", "p25", "p50", "p75", "p95", "max"]
    assert [finding["kind"] for finding in report["findings"]] == [
        *("replacement_character", "empty_text", "copy", "contradicting_label", "small_class", "shared_text")
    ]
    assert report["findings"][0]["places"] == [{"source": "mails.csv", "line": 7}]
    assert all(list(one) == ["kind", "message", "count", "places", "remedy"] for one in report["findings"])


def test_a_model_knows_columns_labels_and_words(run, model, tmp_path) -> None:
    rows = [f"parcel number{n},delivery\n" for n in range(10)] + [f"invoice {n},returns\n" for n in range(10)]
    (tmp_path / "new.csv").write_text(
        f"message,topic,other\n{''.join(f'{row[:-1]},x{chr(10)}' for row in rows)}"
    )
    report = json.loads(run("check", "new.csv", "-m", "model", "--json").stdout)
    assert [(one["kind"], one["count"]) for one in report["findings"]] == [("unknown_label", 1)]
    assert report["model"]["unknown_words"] == 0.5
    assert report["model"]["familiarity"] is None  # a model of an old version
    assert len(report["model"]["most_frequent_unknown_words"]) == 20


def test_texts_unlike_the_models_are_unfamiliar_and_shifted(run, make_bundle, tmp_path) -> None:
    # The familiarity is 2 * known - 1: -1 where the model knows no word.
    calibration = Calibration(familiarity=(-1.0, 0.0, 2.0))
    thresholds = [{"refused": 0.05, "coverage": 0.95, "threshold": -0.9}]
    bundle = replace(make_bundle(multilabel=False), calibration=calibration, unfamiliar=thresholds)
    bundle.save(tmp_path / "model")
    (tmp_path / "own.csv").write_text("text\n" + "".join(f"my parcel {n} is late\n" for n in range(30)))
    (tmp_path / "new.csv").write_text("text\n" + "".join(f"my quarks {n} decayed\n" for n in range(30)))
    command = ("check", "new.csv", "--unlabelled", "--text-column", "text")
    report = json.loads(run(*command, "--against", "own.csv", "-m", "model", "--json").stdout)
    assert report["labels"] is None
    assert [shift["measure"] for shift in report["shifts"]] == ["characters", "unknown_words", "familiarity"]
    assert report["model"]["familiarity"] == -1.0
    unfamiliar = next(one for one in report["findings"] if one["kind"] == "unfamiliar_text")
    assert unfamiliar["count"] == 30
    shifted = [one["message"].split(" differ")[0] for one in report["findings"] if one["kind"] == "shift"]
    assert shifted == ["unknown words", "familiarity"]
    same = json.loads(
        run("check", "own.csv", *command[2:], "--against", "own.csv", "-m", "model", "--json").stdout
    )
    assert [one["kind"] for one in same["findings"]] == ["shared_text"]


def test_data_that_cannot_be_read_are_an_error(error) -> None:
    assert "there is no such file" in error("check", "missing.csv") or "missing.csv" in error(
        "check", "missing.csv"
    )


def test_copies_can_be_left_out(run, faulty, tmp_path) -> None:
    done = run("check", faulty, "-o", "distinct.csv")
    assert "distinct.csv: 6 rows; left out as copies: 1\n" in done.stderr
    assert "Keep one of each (`grutext check -o FILE` writes the data without copies)" in done.stdout
    rows = FAULTY.splitlines()
    assert (tmp_path / "distinct.csv").read_text(encoding="utf-8").splitlines() == rows[:2] + rows[3:]
    assert (tmp_path / faulty).read_text(encoding="utf-8") == FAULTY


def test_of_texts_without_labels_copies_are_left_out_too(run, tmp_path) -> None:
    rows = ['{"id": 1, "text": "my parcel"}', '{"id": 2, "text": "My  parcel"}', '{"id": 3, "text": ""}']
    (tmp_path / "new.jsonl").write_text("\n".join([*rows, rows[2]]), encoding="utf-8")
    done = run("check", "new.jsonl", "--unlabelled", "-o", "distinct.jsonl")
    assert "distinct.jsonl: 3 rows; left out as copies: 1\n" in done.stderr
    written = (tmp_path / "distinct.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in written] == [1, 3, 3]


def test_the_file_without_copies_is_checked_before_anything_is_read(run, error, faulty) -> None:
    assert faulty in error("check", faulty, "-o", faulty)
    assert "stdin cannot be read twice" in run("check", "-", "-o", "distinct.csv", check=2).stderr
    assert "stdout has the findings" in run("check", faulty, "-o", "-", check=2).stderr
