"""Cross-validation against trainings by hand."""

import csv
import json

import numpy as np
import pytest
from support.tiny_training import TRAIN

import grutext
from grutext.errors import ConfigError
from grutext.training.splits import TrainingData

TEXTS = [f"{example.text} {n % 80}" for n, example in enumerate(TRAIN)] + ["a text alone"]
LABELS = [example.labels[0] for example in TRAIN] + ["rare"]
LINEAR = {"gru.enabled": False, "text.subword_buckets": 50}


@pytest.mark.long
def test_every_text_is_predicted_by_a_model_that_has_not_seen_it():
    texts, labels = [*TEXTS, *TEXTS[:6]], [*LABELS, *LABELS[:6]]
    found = grutext.cross_validate((texts, labels), 3, settings=LINEAR)
    assert found.labels == ("rare", "sea", "town", "wood")
    assert found.folds.tolist()[90] == -1  # the only text of its label
    assert np.isnan(found.probabilities[90]).all()
    assert set(found.folds[found.folds >= 0]) == {0, 1, 2}
    np.testing.assert_array_equal(found.folds[:6], found.folds[91:])  # copies
    for fold in range(3):
        own = np.flatnonzero(found.folds == fold)
        rest = np.flatnonzero(found.folds != fold)
        model = grutext.train(
            ([texts[n] for n in rest], [labels[n] for n in rest]), settings=LINEAR
        ).classifier
        np.testing.assert_array_equal(found.probabilities[own], model.predict_proba([texts[n] for n in own]))
        right = np.mean(
            [a == labels[n] for a, n in zip(model.predict([texts[n] for n in own]), own, strict=True)]
        )
        assert found.reports[fold]["accuracy"] == pytest.approx(right)
    scored = np.flatnonzero(found.folds >= 0)
    right = [found.labels[found.probabilities[n].argmax()] == labels[n] for n in scored]
    assert found.report["accuracy"] == pytest.approx(np.mean(right))
    assert found.report["n"] == len(scored)
    accuracies = [report["accuracy"] for report in found.reports]
    assert found.spread("accuracy") == (
        pytest.approx(np.mean(accuracies)),
        pytest.approx(np.std(accuracies, ddof=1)),
    )


@pytest.mark.long
def test_texts_may_have_several_labels_and_weights():
    labels = [[label, "any"] if n % 2 else [label] for n, label in enumerate(LABELS[:90])]
    weights = np.linspace(0.5, 2.0, 90)
    found = grutext.cross_validate(TrainingData((TEXTS[:90], labels), weights=weights), 2, settings=LINEAR)
    assert found.multilabel
    truth = np.array([[name in own for name in found.labels] for own in labels])
    assert found.report["accuracy"] == pytest.approx((found.decided == truth).all(axis=1).mean())
    own, rest = np.flatnonzero(found.folds == 0), np.flatnonzero(found.folds != 0)
    part = TrainingData(([TEXTS[n] for n in rest], [labels[n] for n in rest]), weights=weights[rest])
    model = grutext.train(part, settings=LINEAR).classifier
    np.testing.assert_array_equal(found.probabilities[own], model.predict_proba([TEXTS[n] for n in own]))


def test_the_command_prints_figures_and_writes_every_text(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from grutext.cli import main

    monkeypatch.chdir(tmp_path)
    with (tmp_path / "data.csv").open("w", encoding="utf-8", newline="") as file:
        rows = zip(TEXTS, LABELS, [2] * len(TEXTS), strict=True)
        csv.writer(file).writerows([("text", "label", "trust"), *rows, ("left out", "sea", 0)])
    command = [
        "crossval",
        "data.csv",
        "--folds",
        "2",
        "--no-gru",
        "-o",
        "out.csv",
        "--weight-column",
        "trust",
    ]
    done = CliRunner().invoke(main, [*command, "--json", "--quiet"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert printed.keys() == {"folds", "spread", "together"}
    assert printed["spread"]["accuracy"]["mean"] == np.mean(
        [report["accuracy"] for report in printed["folds"]]
    )
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["text"], row["label"]) for row in rows] == list(zip(TEXTS, LABELS, strict=True))
    assert {row["fold"] for row in rows[:-1]} == {"1", "2"}
    assert rows[-1]["fold"] == rows[-1]["predicted"] == rows[-1]["p_sea"] == ""
    right = [row["predicted"] == row["label"] for row in rows[:-1]]
    assert np.mean(right) == pytest.approx(printed["together"]["accuracy"])
    for row in rows[:-1]:
        likeliest = max(("rare", "sea", "town", "wood"), key=lambda name: float(row[f"p_{name}"]))
        assert row["predicted"] == likeliest
    done = CliRunner().invoke(main, command)
    assert "accuracy     0." in done.output
    assert " ± " in done.output


def test_one_fold_is_an_error():
    with pytest.raises(ConfigError, match="folds is 1; it must be 2 or more"):
        grutext.cross_validate((TEXTS, LABELS), 1)
