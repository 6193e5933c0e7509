"""`grutext verify`, to the letter; and what it does when a model no longer answers as it did."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from grutext import Classifier
from grutext.inference.classifier import Classifier as Runtime
from grutext.inference.golden import TOLERANCE

TEXTS = ["parcel", "invoice, please", "\x1b[31m password \ud800 " + "x" * 60, ""]


@pytest.fixture
def golden(make_bundle, tmp_path):
    """Save a model whose golden rows a function may have changed, and return its folder."""

    def save(multilabel=False, change=lambda rows: rows):
        bundle = make_bundle(multilabel)
        rows = [
            {"text": text, "probabilities": row.tolist()}
            for text, row in zip(TEXTS, Classifier(bundle).predict_proba(TEXTS), strict=True)
        ]
        replace(bundle, golden=change(rows)).save(tmp_path / "model", overwrite=True)

    return save


def shift(row: int, by: float):
    """Move one probability of a golden row."""

    def change(rows):
        rows[row]["probabilities"][0] += by
        return rows

    return change


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_model_that_answers_as_it_did(run, golden, multilabel) -> None:
    golden(multilabel)
    assert run("verify").stdout == (
        "4 of 4 golden texts: largest difference 0.0e+00; the model answers as it did when it was made\n"
    )
    values = json.loads(run("verify", "--json").stdout)
    assert {name: value for name, value in values.items() if name != "rows"} == {
        "model": "model", "texts": 4, "largest_difference": 0.0, "tolerance": 1e-5,
    }  # fmt: skip
    assert values["rows"][0] == {
        "text": "parcel", "label": ["delivery"] if multilabel else "delivery", "difference": 0.0,
    }  # fmt: skip


def test_a_difference_within_the_tolerance_is_reported(run, golden) -> None:
    golden(change=shift(1, TOLERANCE / 2))
    assert "largest difference 5.0e-06;" in run("verify").stdout
    assert json.loads(run("verify", "--json").stdout)["largest_difference"] == pytest.approx(5e-6, rel=0.01)


@pytest.mark.parametrize("arguments", [["verify"], ["verify", "--json"]])
def test_a_difference_beyond_it_is_an_error_that_names_the_text(error, golden, arguments) -> None:
    golden(change=lambda rows: shift(2, -2 * TOLERANCE)(shift(1, -2 * TOLERANCE)(rows)))
    assert error(*arguments) == (
        "model: 2 of 4 golden texts have other answers than when the model was made; text 2 ('invoice, please'): "
        "difference 2.0e-05; use the versions that grutext show lists, or train it again"
    )


def test_a_quoted_text_is_short_and_without_control_characters(error, golden) -> None:
    golden(change=shift(2, 0.001))
    quoted = r"('\x1b[31m password \ud800 xxxxxxxxxxxxxxxxxxxxxxx'…)"
    assert f"text 3 {quoted}: difference 1.0e-03;" in error("verify")


@pytest.mark.parametrize(
    ("multilabel", "was", "now"),
    [(False, "'delivery'", "'billing'"), (True, r"\('delivery',\)", r"\('billing', 'delivery'\)")],
)
def test_another_label_is_an_error_however_small_the_difference(
    error, golden, monkeypatch, multilabel, was, now
) -> None:
    golden(multilabel)
    decide, decided = Runtime.decide, iter([[0.9, 0.8, 0.1], [0.1, 0.9, 0.1]] * 4)
    monkeypatch.setattr(
        Runtime, "decide", lambda model, _: decide(model, np.array([next(decided)], np.float32))
    )
    line = error("verify")
    assert line.startswith("model: 4 of 4 golden texts have other answers")
    assert re.search(rf"difference 0\.0e\+00, label {now} instead of {was};", line)


def test_a_probability_that_is_nan_is_an_error(error, golden, monkeypatch) -> None:
    golden()
    monkeypatch.setattr(
        Runtime, "predict_proba", lambda model, texts: np.full((len(texts), 3), np.nan, np.float32)
    )
    assert "text 1 ('parcel'): difference inf" in error("verify")


def test_a_model_that_cannot_be_verified(error, golden) -> None:
    golden(change=lambda _: [])
    assert error("verify") == "the model has no golden texts to replay; train it again"
    golden(change=lambda rows: [*rows, {"text": "a", "probabilities": [0.5]}])
    assert error("verify") == "the golden texts have probabilities for other labels; train it again"
    assert error("verify", "-m", "nowhere").startswith("the model folder nowhere does not exist")
