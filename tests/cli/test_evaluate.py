"""`grutext evaluate`, to the letter."""

import json
from dataclasses import replace

import pytest

from grutext.model.bundle import Bundle

TEXTS = "topic,message\nbilling,an invoice\ndelivery,my parcel\ndelivery,my password\nlogin,password\n"


@pytest.fixture
def labelled(tmp_path):
    (tmp_path / "test.csv").write_text(TEXTS, encoding="utf-8")
    return "test.csv"


def test_the_report_is_drawn_on_stdout(run, model, labelled) -> None:
    result = run("evaluate", labelled)
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "accuracy 0.7500  macro-F1 0.7778  weighted-F1 0.7500  log loss 0.8449  ECE 0.1594  (4 texts)",
        "",
        "label      precision   recall       F1   texts",
        "──────────────────────────────────────────────",
        "billing       1.0000   1.0000   1.0000       1",
        "delivery      1.0000   0.5000   0.6667       2",
        "login         0.5000   1.0000   0.6667       1",
        "",
        "true \\ predicted   billing   delivery   login",
        "─────────────────────────────────────────────",
        "billing                  1          .       .",
        "delivery                 .          1       1",
        "login                    .          .       1",
    ]
    assert result.stderr == ""  # the columns are those of the training, nothing was guessed


def test_json_has_the_keys_that_others_rely_on(run, model, labelled) -> None:
    values = json.loads(run("evaluate", labelled, "--json").stdout)
    assert set(values) >= {
        "n", "accuracy", "macro_f1", "micro_f1", "log_loss", "ece", "labels", "per_label", "confusion",
    }  # fmt: skip
    assert values["n"] == 4
    assert values["per_label"]["delivery"] == {
        "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2,
    }  # fmt: skip
    assert values["confusion"] == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]


def test_labels_that_the_model_does_not_know_are_named_and_counted_as_errors(run, model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text(TEXTS + "returns,my parcel\nreturns,parcel\n", encoding="utf-8")
    result = run("evaluate", "test.csv")
    assert (
        result.stderr == 'test.csv: labels that the model does not know, counted as errors: "returns" (2)\n'
    )
    assert result.stdout.startswith("accuracy 0.5000 ")
    assert "returns (unknown)" in result.stdout
    quiet = run("evaluate", "test.csv", "--quiet", "--json")
    assert quiet.stderr == ""
    assert json.loads(quiet.stdout)["unknown"] == {"returns": 2}


def test_other_columns_are_guessed_or_named(run, model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text("label,text\nbilling,an invoice\nlogin,password\n", encoding="utf-8")
    result = run("evaluate", "test.csv", "--json")
    assert json.loads(result.stdout)["accuracy"] == 1.0
    assert 'texts are in column "text", labels in "label" (guessed' in result.stderr
    (tmp_path / "test.csv").write_text("x1,x2\nbilling,an invoice\nlogin,password\n", encoding="utf-8")
    named = run("evaluate", "test.csv", "--text-column", "x2", "--label-column", "x1", "--json")
    assert json.loads(named.stdout)["accuracy"] == 1.0


def test_several_labels(run, multilabel_model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text("message;x,topic\n", encoding="utf-8")
    (tmp_path / "test.csv").write_text(
        "message,topic\ninvoice parcel,billing|delivery\nhello,\n", encoding="utf-8"
    )
    arguments = ("evaluate", "test.csv", "-m", "several", "--label-separator", "|")
    values = json.loads(run(*arguments, "--json").stdout)
    assert (values["accuracy"], values["subset_accuracy"], values["micro_f1"]) == (1.0, 1.0, 1.0)
    assert values["confusion"] is None
    assert run(*arguments).stdout.startswith(
        "micro-F1 1.0000  macro-F1 1.0000  weighted-F1 1.0000  all labels right"
    )


def test_rows_with_an_empty_label_are_named_or_dropped(error, run, model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text("message,topic\ninvoice,billing\nparcel,\n", encoding="utf-8")
    assert error("evaluate", "test.csv").startswith(
        'test.csv, line 3: the label column "topic" is empty; --skip-empty'
    )
    result = run("evaluate", "test.csv", "--skip-empty", "--json")
    assert json.loads(result.stdout)["n"] == 1
    assert "1 row dropped: label empty" in result.stderr


def test_data_with_several_labels_do_not_fit_a_model_with_one(error, model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text('message,topic\nx,"[""billing"", ""login""]"\n', encoding="utf-8")
    assert error("evaluate", "test.csv").startswith(
        "test.csv, line 2: the text has 2 labels (billing, login)"
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "test.csv: is empty"),
        (b"message,topic\n", "test.csv: has a line of column names, but no rows below it"),
        (b"message,topic\nparcel,login,x\n", "test.csv, line 2: the row has 3 cells"),
        (b"message,topic\n\xff,login\n", "test.csv, line 2: byte 0xff is not"),
    ],
)
def test_bad_data_are_one_line(error, model, tmp_path, content, line) -> None:
    (tmp_path / "test.csv").write_bytes(content)
    assert error("evaluate", "test.csv").startswith(line)


def test_a_missing_file_and_a_missing_column_and_a_folder_without_classes(
    error, model, labelled, tmp_path
) -> None:
    assert error("evaluate", "tset.csv").startswith("tset.csv: there is no such file or folder")
    assert 'id you mean "topic"?' in error("evaluate", labelled, "--label-column", "topics")
    (tmp_path / "empty").mkdir()
    assert error("evaluate", "empty").startswith("empty: ")


def test_a_missing_model_is_an_error_before_the_data_are_read(error, labelled) -> None:
    assert error("evaluate", labelled).startswith(
        "the model folder model does not exist; grutext train makes one"
    )


def test_a_model_that_is_misspelt_is_an_error_that_names_the_nearest(
    error, model, labelled, tmp_path
) -> None:
    (tmp_path / "modle2").mkdir()  # no model is in it
    assert error("evaluate", labelled, "-m", "modle") == (
        'the model folder modle does not exist, did you mean "model"?'
    )


def test_without_scikit_learn_the_command_says_what_to_install(error, model, labelled, monkeypatch) -> None:
    monkeypatch.setattr("grutext.requirements.find_spec", lambda name: None)
    assert error("evaluate", labelled) == (
        "grutext evaluate needs scikit-learn; install it with: pip install 'grutext[train]'"
    )


def save(bundle, folder, **reading) -> None:
    """Save a model that was trained on data that were read like this."""
    replace(bundle, data={"source": "mails.csv", "reading": reading}).save(folder)


def test_the_separator_of_labels_is_that_of_the_training(run, make_bundle, tmp_path) -> None:
    told = {"label_separator": "|"}
    save(
        make_bundle(True),
        tmp_path / "several",
        told=told,
        found={"text_column": "text", "label_column": "topic"},
    )
    (tmp_path / "test.csv").write_text(
        "text,topic\ninvoice parcel,billing|delivery\nhello,\n", encoding="utf-8"
    )
    arguments = ("evaluate", "test.csv", "-m", "several", "--json")
    assert json.loads(run(*arguments).stdout)["subset_accuracy"] == 1.0
    (tmp_path / "test.csv").write_text("text,topic\ninvoice parcel,billing+delivery\n", encoding="utf-8")
    assert json.loads(run(*arguments, "--label-separator", "+").stdout)["subset_accuracy"] == 1.0


def test_columns_of_texts_and_of_labels_are_those_of_the_training(run, error, make_bundle, tmp_path) -> None:
    found = {"text_column": ["title", "message"], "label_column": ["billing", "delivery", "login"]}
    save(make_bundle(True), tmp_path / "model", told={}, found=found)
    rows = "title,message,billing,delivery,login\nan invoice,my parcel,1,1,0\npassword,,0,0,1\n"
    (tmp_path / "test.csv").write_text(rows, encoding="utf-8")
    result = run("evaluate", "test.csv", "--json")
    assert result.stderr == ""
    assert json.loads(result.stdout)["subset_accuracy"] == 1.0
    predicted = run("predict", "test.csv").stdout.splitlines()
    assert predicted[1].startswith('an invoice,my parcel,1,1,0,"[""billing"", ""delivery""]",')
    (tmp_path / "test.csv").write_text("title,billing,delivery,login\nan invoice,1,0,0\n", encoding="utf-8")
    assert error("evaluate", "test.csv") == (
        'test.csv: there is no column "message" as in training; name the ones to read: --text-column. '
        "The columns are: title, billing, delivery, login"
    )
    named = run("evaluate", "test.csv", "--text-column", "title", "--json")
    assert json.loads(named.stdout)["subset_accuracy"] == 1.0


def test_labels_of_another_spelling_are_those_of_the_model(run, model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text(
        "topic,message\nbilling\u200b,an invoice\n login ,password\n", encoding="utf-8"
    )
    assert json.loads(run("evaluate", "test.csv", "--json").stdout)["accuracy"] == 1.0


def test_data_with_no_label_of_the_model_are_an_error(error, model, tmp_path) -> None:
    (tmp_path / "test.csv").write_text("topic,message\nBilling,an invoice\n", encoding="utf-8")
    assert error("evaluate", "test.csv", "--quiet") == (
        'test.csv: the model knows none of its labels (Billing), did you mean "billing" for "Billing"? '
        "The model's labels are: billing, delivery, login"
    )


def test_an_unsure_guess_is_an_error_under_quiet_too(error, model, tmp_path) -> None:
    rows = "".join(f"some words about {n},{'ab'[n % 2]},{'xyz'[n % 3]}\n" for n in range(12))
    (tmp_path / "test.csv").write_text(f"w,u,v\n{rows}", encoding="utf-8")
    message = error("train", "test.csv", "-m", "other", "--quiet")
    assert message == (
        'test.csv: it is not clear which column holds the labels: "u" (a, b), "v" (x, y, z); name it: --label-column'
    )


def test_several_files_are_one_set(run, model, tmp_path) -> None:
    (tmp_path / "a.csv").write_text("message,topic\ninvoice,billing\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("topic;message\nlogin;password £\nlogin;parcel\n", encoding="cp1252")
    for names in (("a.csv", "b.csv"), ("?.csv",)):
        result = run("evaluate", *names, "--json")
        assert json.loads(result.stdout)["n"] == 3
        assert "a.csv: read together with b.csv" in result.stderr
        assert "a.csv, b.csv: its encoding is not UTF-8 but 1 file in cp1252" in result.stderr


def test_a_file_with_column_names_is_evaluated_with_a_model_trained_without(
    run, error, model, tmp_path
) -> None:
    told = {"dialect": {"delimiter": ";", "header": False, "columns": ["topic", "message"]}}
    found = {"text_column": "message", "label_column": "topic"}
    bundle = Bundle.load(model)
    replace(bundle, data=bundle.data | {"reading": {"told": told, "found": found}}).save(
        tmp_path / "headless"
    )
    (tmp_path / "plain.csv").write_text("billing;invoice\nlogin;password\n", encoding="utf-8")
    (tmp_path / "named.csv").write_text("message,topic\ninvoice,billing\npassword,login\n", encoding="utf-8")
    arguments = ("-m", "headless", "--json")
    assert json.loads(run("evaluate", "plain.csv", *arguments).stdout)["accuracy"] == 1.0
    (tmp_path / "same.csv").write_text("topic;message\nbilling;invoice\n", encoding="utf-8")
    assert error("evaluate", "same.csv", *arguments) == (
        "same.csv, line 1: the line names the columns; --header reads it so"
    )
    assert json.loads(run("evaluate", "same.csv", "--header", *arguments).stdout)["accuracy"] == 1.0
    named = run("evaluate", "named.csv", "--header", "--delimiter", ",", *arguments)
    assert json.loads(named.stdout) == json.loads(run("evaluate", "plain.csv", *arguments).stdout)
    predicted = run("predict", "named.csv", "--header", "--delimiter", ",", "-m", "headless").stdout
    assert predicted.startswith("message,topic,label,confidence\ninvoice,billing,billing,")
    assert run("predict", "plain.csv", "-m", "headless").stdout.startswith("topic;message;label;")
