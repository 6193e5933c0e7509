"""`--abstain-below` and `--familiarity`, to the letter, in every command that has them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grutext.cli.abstention import familiar_line, list_gaps, offer_line
from grutext.inference import Classifier
from grutext.model.bundle import Bundle

GOLDEN = Path(__file__).parents[1] / "golden" / "format-1"
UNFAMILIAR = [
    {"refused": 0.02, "coverage": 0.981, "threshold": 2.5},
    {"refused": 0.05, "coverage": 0.952, "threshold": 8.5},
]
CHOSEN = [
    {"errors": 0.01, "coverage": 0.0, "threshold": None},
    {"errors": 0.02, "coverage": 0.819, "threshold": 0.74},
    {"errors": 0.05, "coverage": 1.0, "threshold": 0.0},
]


@pytest.fixture
def familiar(make_bundle, tmp_path):
    """A model whose familiarity is the largest score (3 with one known word) plus ten times the known share."""
    bundle = make_bundle(multilabel=False)
    calibration = replace(bundle.calibration, familiarity=(0.5, 1.0, 10.0))
    replace(bundle, calibration=calibration, abstention=CHOSEN, unfamiliar=UNFAMILIAR).save(
        tmp_path / "familiar"
    )
    return tmp_path / "familiar"


def test_predict_leaves_unsure_rows_without_a_label(run, model) -> None:
    arguments = ("predict", "-", "--format", "csv", "--abstain-below", 0.5)
    assert run(*arguments, stdin="text\nparcel\nhello\n").stdout == (
        "text,label,confidence,abstained\nparcel,delivery,0.909443,false\nhello,,0.333333,true\n"
    )
    out = run("predict", "-", "--format", "jsonl", "--abstain-below", 0.5, stdin='{"text": "hello"}').stdout
    assert out == '{"text": "hello", "label": null, "confidence": 0.333333, "abstained": true}\n'


def test_a_confidence_equal_to_the_bound_is_answered(run, model) -> None:
    arguments = ("predict", "-", "--format", "jsonl", "--abstain-below")
    for below, abstained in ((0.909443, False), (0.909444, True), (0, False)):
        answer = json.loads(run(*arguments, below, stdin='{"text": "parcel"}').stdout)
        assert answer["abstained"] is abstained
        assert answer["label"] == (None if abstained else "delivery")


def test_classify_leaves_unsure_texts_to_a_person(run, model, monkeypatch) -> None:
    arguments = ("classify", "--lines", "--abstain-below", "0.5")
    assert run(*arguments, stdin="parcel\n\n").stdout == "-:1\tdelivery\t0.909443\n-:2\t\t0.333333\n"
    sure, unsure = json.loads(run(*arguments, "--json", "--top-k", 1, stdin="parcel\n\n").stdout)
    assert list(sure) == ["source", "label", "confidence", "abstained", "top"]
    assert (sure["label"], sure["abstained"]) == ("delivery", False)
    assert (unsure["label"], unsure["abstained"], unsure["confidence"]) == (None, True, 0.333333)
    assert unsure["top"] == [{"label": "billing", "probability": 0.333333}]
    monkeypatch.setattr("grutext.cli.classify._is_terminal", lambda stream: stream == "stdout")
    assert run(*arguments, stdin="parcel\n\n").stdout == (
        "-:1  delivery        0.9094  ██████████████████░░\n"
        "-:2  (ask a person)  0.3333  ███████░░░░░░░░░░░░░\n"
    )


def test_familiarity_is_a_column_and_a_key(run, familiar, monkeypatch) -> None:
    options = ("-m", familiar, "--familiarity")
    # One of two words is known; and an empty text has nothing that is known.
    text = 'text\nparcel\nparcel hello\n""\n'
    assert run("predict", "-", "--format", "csv", *options, stdin=text).stdout == (
        "text,label,confidence,familiarity\n"
        "parcel,delivery,0.909443,13.5\nparcel hello,delivery,0.909443,8.5\n,billing,0.333333,0.5\n"
    )
    arguments = ("classify", *options)
    assert run(*arguments, stdin="parcel").stdout == "-\tdelivery\t0.909443\t13.5\n"
    with_top = run(*arguments, "--top-k", 1, "--abstain-below", 0.95, stdin="parcel").stdout
    assert with_top == '-\t\t0.909443\t13.5\t[{"label": "delivery", "probability": 0.909443}]\n'
    answer = json.loads(run(*arguments, "--json", stdin="hello parcel").stdout)[0]
    assert list(answer) == ["source", "label", "confidence", "familiarity", "top"]
    assert answer["familiarity"] == 8.5
    monkeypatch.setattr("grutext.cli.classify._is_terminal", lambda stream: stream == "stdout")
    assert run(*arguments, stdin="parcel").stdout == (
        "-  delivery  0.9094  ██████████████████░░  familiarity 13.50\n"
    )


MIXED = 'text\nparcel\nparcel hello\n""\nhello\n'  # of the familiarity 13.5, 8.5, 0.5 and 0.5


def test_predict_leaves_unfamiliar_rows_without_a_label(run, familiar) -> None:
    arguments = ("predict", "-", "--format", "csv", "-m", familiar, "--familiar-above")
    done = run(*arguments, 8.5, stdin=MIXED)
    assert done.stdout == (
        "text,label,confidence,abstained\nparcel,delivery,0.909443,false\n"
        "parcel hello,delivery,0.909443,false\n,,0.333333,true\nhello,,0.333333,true\n"
    )
    assert done.stderr.endswith("-: 2 of 4 texts are left to a person (0 unsure, 2 unfamiliar)\n")
    both = run(*arguments, 1, "--abstain-below", 0.95, "--familiarity", stdin=MIXED)
    assert both.stdout.splitlines()[1] == "parcel,,0.909443,true,13.5"
    assert both.stderr.endswith("-: 4 of 4 texts are left to a person (2 unsure, 2 unfamiliar)\n")
    low = run(*arguments, "-3", stdin=MIXED)
    assert "true" not in low.stdout
    assert low.stderr.endswith("-: 0 of 4 texts are left to a person (0 unsure, 0 unfamiliar)\n")


def test_a_resumed_run_counts_what_is_left_to_a_person_in_all_rows(
    run, familiar, tmp_path, monkeypatch
) -> None:
    (tmp_path / "in.csv").write_text("text\n" + "hello\nparcel\n" * 40, encoding="utf-8")
    monkeypatch.setattr("grutext.cli.predict.BATCH", 16)
    monkeypatch.setattr("grutext.data.writing.resumable.SECONDS", 0)
    arguments = ("predict", "in.csv", "-m", familiar, "--familiar-above", 1, "-o", "out.csv")
    real, calls = Classifier.answer, []

    def fail_later(self, *args, **kwargs):
        calls.append(None)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Classifier, "answer", fail_later)
    assert "48 rows are saved" in run(*arguments, check=130).stderr
    done = run(*arguments, "--resume")
    assert "in.csv: 40 of 80 texts are left to a person (0 unsure, 40 unfamiliar)\n" in done.stderr


def test_classify_leaves_unfamiliar_texts_to_a_person(run, familiar) -> None:
    arguments = ("classify", "--lines", "-m", familiar, "--familiar-above", "8.5")
    assert run(*arguments, stdin="parcel\nhello\n").stdout == "-:1\tdelivery\t0.909443\n-:2\t\t0.333333\n"
    known, unknown = json.loads(run(*arguments, "--json", stdin="parcel\nhello\n").stdout)
    assert list(known) == ["source", "label", "confidence", "abstained", "top"]
    assert (known["abstained"], unknown["abstained"], unknown["label"]) == (False, True, None)


def test_evaluate_counts_unfamiliar_texts(run, familiar, tmp_path) -> None:
    (tmp_path / "t.csv").write_text(
        "topic,message\nbilling,parcel\ndelivery,parcel\nlogin,hello\n", encoding="utf-8"
    )
    arguments = ("evaluate", "t.csv", "-m", familiar, "--familiar-above", 1)
    assert json.loads(run(*arguments, "--json").stdout)["abstention"] == {
        "errors": 0.5, "coverage": pytest.approx(2 / 3), "threshold": None,
        "familiar_above": 1.0, "unsure": 0, "unfamiliar": 1,
    }  # fmt: skip
    assert run(*arguments, "--abstain-below", 0.2).stdout.splitlines()[-1] == (
        "--abstain-below 0.2 --familiar-above 1 answers 66.7 % of texts, 50.0 % of these wrongly; "
        "1 of 3 texts is left to a person (0 unsure, 1 unfamiliar)"
    )


def test_a_model_with_several_labels_can_leave_unfamiliar_texts(run, make_bundle, tmp_path) -> None:
    bundle = make_bundle(multilabel=True)
    calibration = replace(bundle.calibration, familiarity=(0.5, 1.0, 10.0))
    replace(bundle, calibration=calibration).save(tmp_path / "several")
    (tmp_path / "t.csv").write_text(
        'message,topic\nparcel,"[""delivery""]"\nhello,"[""login""]"\n', encoding="utf-8"
    )
    arguments = ("evaluate", "t.csv", "-m", tmp_path / "several", "--familiar-above", 4, "--json")
    found = json.loads(run(*arguments).stdout)["abstention"]
    assert (found["errors"], found["unsure"], found["unfamiliar"]) == (0.0, 0, 1)


@pytest.mark.parametrize("value", ["nan", "inf", "much"])
def test_a_familiarity_that_is_no_number_is_a_usage_error(run, familiar, value) -> None:
    arguments = ("predict", "-", "-m", familiar, "--familiar-above", value)
    assert "--familiar-above" in run(*arguments, check=2, stdin="hello").stderr


def test_show_lists_the_thresholds_of_familiarity(run, familiar) -> None:
    assert json.loads(run("show", "-m", familiar, "--json").stdout)["unfamiliar"] == UNFAMILIAR
    (line,) = [
        line for line in run("show", "-m", familiar).stdout.splitlines() if line.startswith("familiarity")
    ]
    assert (
        line.split(maxsplit=1)[1] == "2.5 refuses 1.9 % of the dev texts, 8.5 refuses 4.8 % of the dev texts"
    )
    assert familiar_line(UNFAMILIAR) == (
        "leaves the least familiar texts to a person, 4.8 % of the dev texts: --familiar-above 8.5"
    )


@pytest.mark.parametrize("option", [["--familiarity"], ["--familiar-above", "-2"]])
def test_an_old_model_has_no_familiarity_and_nothing_is_written(error, tmp_path, option) -> None:
    (tmp_path / "a.csv").write_text("text\ntide\n", encoding="utf-8")
    line = error("predict", "a.csv", "-m", GOLDEN, *option, "-o", "out.csv", "--quiet")
    assert line == "this model has no familiarity: an older version trained it; train it again"
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("command", [["predict"], ["classify", "--lines"], ["evaluate"]], ids=" ".join)
def test_a_model_with_several_labels_refuses_to_abstain(error, multilabel_model, tmp_path, command) -> None:
    (tmp_path / "a.csv").write_text('message,topic\nparcel,"[""login""]"\n', encoding="utf-8")
    line = error(*command, "a.csv", "-m", multilabel_model, "--abstain-below", 0.5)
    assert line.startswith("--abstain-below is for models that give one label to a text")


def test_evaluate_reports_the_outcome_of_abstaining(run, model, tmp_path) -> None:
    (tmp_path / "t.csv").write_text(
        "topic,message\nbilling,invoice\ndelivery,parcel\ndelivery,password\nlogin,hello\n", encoding="utf-8"
    )
    plain = json.loads(run("evaluate", "t.csv", "--json").stdout)
    assert "abstention" not in plain
    report = json.loads(run("evaluate", "t.csv", "--json", "--abstain-below", 0.5).stdout)
    assert report.pop("abstention") == {
        "errors": pytest.approx(1 / 3), "coverage": 0.75, "threshold": 0.5,
        "familiar_above": None, "unsure": 1, "unfamiliar": 0,
    }  # fmt: skip
    assert report == plain
    last = run("evaluate", "t.csv", "--abstain-below", 0.5).stdout.splitlines()[-1]
    assert (
        last
        == "--abstain-below 0.5 answers 75.0 % of texts, 33.3 % of these wrongly; 1 of 4 texts is left to a person (1 unsure, 0 unfamiliar)"
    )
    none = run("evaluate", "t.csv", "--abstain-below", 1).stdout.splitlines()[-1]
    assert none == (
        "--abstain-below 1 answers none of the texts; "
        "4 of 4 texts are left to a person (4 unsure, 0 unfamiliar)"
    )


def test_an_unknown_label_counts_as_an_error_when_abstaining(run, model, tmp_path) -> None:
    (tmp_path / "t.csv").write_text("topic,message\nspam,parcel\ndelivery,parcel\n", encoding="utf-8")
    report = json.loads(run("evaluate", "t.csv", "--json", "--abstain-below", 0.5).stdout)
    assert report["abstention"]["errors"] == 0.5


def test_show_lists_the_thresholds(run, familiar) -> None:
    assert json.loads(run("show", "-m", familiar, "--json").stdout)["abstention"] == CHOSEN
    line = next(
        line for line in run("show", "-m", familiar).stdout.splitlines() if line.startswith("abstention")
    )
    assert line.split(maxsplit=1)[1] == (
        "≤ 2 % errors for 81 % of texts from 0.74, ≤ 5 % errors for 100 % of texts from 0; "
        "cannot be promised with these dev texts (too few, or too many errors): ≤ 1 % errors"
    )
    assert Bundle.load(familiar).abstention == CHOSEN


def test_show_lists_the_gaps_as_it_lists_the_thresholds() -> None:
    held, not_held = (
        {"gap": 0.02, "threshold": 0.9, "words_read": 0.65},
        {"gap": 0.005, "threshold": None, "words_read": 1.0},
    )
    reason = "cannot be promised with these dev texts (too few, or too many errors): gap 0.005"
    assert list_gaps([held]) == "gap 0.02 reads 65 % of the words"
    assert list_gaps([not_held, held]) == f"gap 0.02 reads 65 % of the words; {reason}"
    assert list_gaps([not_held]) == reason


def entry(errors, coverage, threshold=0.74):
    return {"errors": errors, "coverage": coverage, "threshold": threshold}


@pytest.mark.parametrize(
    ("abstention", "line"),
    [
        (CHOSEN, "answers 81 % of texts at ≤ 2 % errors; the rest go to a person: --abstain-below 0.74"),
        (
            [entry(0.01, 0.499), entry(0.05, 0.5, 0.61), entry(0.1, 0.9)],
            "answers 50 % of texts at ≤ 5 % errors; the rest go to a person: --abstain-below 0.61",
        ),
        (
            [entry(0.01, 0.98), entry(0.02, 1.0, 0.0), entry(0.05, 1.0, 0.0)],
            "answers all texts at ≤ 2 % errors",
        ),
        ([entry(0.01, 1.0, 0.0), entry(0.02, 1.0, 0.0)], "answers all texts at ≤ 1 % errors"),
        ([entry(0.02, 0.0, None), entry(0.05, 1.0, 0.0)], "answers all texts at ≤ 5 % errors"),
        (
            [entry(0.02, 0.0, None), entry(0.1, 0.4)],
            "--abstain-below cannot be sure of ≤ 10 % errors for half of the texts: too many errors, or too few dev texts (1,234)",
        ),
    ],
)
def test_the_line_after_training_names_the_most_useful_threshold(abstention, line) -> None:
    assert offer_line(abstention, 1234) == line
