"""`grutext compare`, to the letter."""

import json
from dataclasses import replace

import pytest

from grutext.model.bundle import Bundle

ROWS = "topic,message\nbilling,an invoice\ndelivery,my parcel\ndelivery,my password\nlogin,password\nlogin,\n"


@pytest.fixture
def models(model, tmp_path):
    """The model, and one that takes parcels and passwords for invoices."""
    pytest.importorskip("sklearn")
    bundle = Bundle.load(model)
    weights = dict(bundle.weights)
    kernel = weights["linear/kernel"].copy()
    kernel[kernel.argmax(axis=1) != 0] = [3, 0, 0]
    weights["linear/kernel"] = kernel
    replace(bundle, weights=weights).save(tmp_path / "worse")
    (tmp_path / "test.csv").write_text(ROWS, encoding="utf-8")
    return "model", "worse"


def test_metrics_side_by_side_and_differences_with_intervals(run, models) -> None:
    result = run("compare", *models, "--on", "test.csv", "--quiet")
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "5 texts",
        "",
        "model   accuracy   macro-F1   log loss",
        "──────────────────────────────────────",
        "model     0.6000     0.6111     0.8957",
        "worse     0.2000     0.1111     2.0957",
        "",
        "worse against model   difference      from   to (95 %)",
        "──────────────────────────────────────────────────────",
        "accuracy                 -0.4000   -0.8000     +0.0000",
        "macro-F1                 -0.5000   -0.8889     +0.0000",
        "log loss                 +1.2000   +0.0000     +2.4000",
        "right only by worse: 0, only by model: 2 (McNemar's exact test: p = 0.5)",
    ]
    assert result.stderr == ""


def test_a_model_that_knows_none_of_the_labels_is_not_compared(error, models, model, tmp_path) -> None:
    bundle = Bundle.load(model)
    replace(bundle, labels=("sea", "town", "wood")).save(tmp_path / "other")
    assert error("compare", "model", "other", "--on", "test.csv", "--quiet") == (
        "other knows none of the labels of the texts (billing, delivery, login), only sea, town, wood; "
        "compare models of the same labels"
    )


def test_json_has_the_keys_that_others_rely_on(run, models) -> None:
    values = json.loads(run("compare", *models, "--on", "test.csv", "--json").stdout)
    assert set(values) == {"n", "multilabel", "models", "missing", "pairs"}
    assert values["models"]["model"]["accuracy"] == 0.6
    assert values["missing"] == {"model": [], "worse": []}
    (pair,) = values["pairs"]
    assert set(pair) == {
        "model", "against", "differences", "only_model_right", "only_against_right", "p_value",
    }  # fmt: skip
    assert set(pair["differences"]["accuracy"]) == {"difference", "low", "high"}
    report = json.loads(run("evaluate", "test.csv", "--json").stdout)
    for metric in ("accuracy", "macro_f1", "log_loss"):
        assert values["models"]["model"][metric] == pytest.approx(report[metric])


def test_labels_that_a_model_does_not_know_are_told(run, models, tmp_path) -> None:
    bundle = Bundle.load(tmp_path / "worse")
    replace(bundle, labels=("billing", "delivery", "returns")).save(tmp_path / "returns")
    result = run("compare", "model", "returns", "--on", "test.csv")
    assert result.stderr.splitlines()[-2:] == [
        "model does not know these labels, and never predicts them: returns",
        "returns does not know these labels, and never predicts them: login",
    ]


def test_one_model_or_the_same_twice_is_a_wrong_command_line(run, models) -> None:
    assert "Name at least two models." in run("compare", "model", "--on", "test.csv", check=2).stderr
    assert "A model is named twice." in run("compare", "model", "model/", "--on", "test.csv", check=2).stderr


def test_models_of_two_kinds_are_an_error(error, models, multilabel_model) -> None:
    assert error("compare", "model", "several", "--on", "test.csv", "--quiet") == (
        "several gives several labels to a text and model gives one; compare models of one kind"
    )
    assert error("compare", "model", "missing", "--on", "test.csv").startswith(
        "the model folder missing does not"
    )
