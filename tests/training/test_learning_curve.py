"""Learning curves against trainings by hand."""

import json
from collections import Counter
from itertools import chain

import numpy as np
import pytest
from click.testing import CliRunner
from support.tiny_training import Recorder, examples

import grutext
from grutext.cli import main
from grutext.cli.curve import _METRICS, _render
from grutext.data import Example
from grutext.errors import ConfigError, DataError
from grutext.evaluation.learning_curve import Forecast, PowerLaw
from grutext.training import learning_curve as module
from grutext.training.plot import plot_learning_curve
from grutext.training.splits import TrainingData

MADE = [Example(f"{one.text} {n % 90}", one.labels, "made.csv", n) for n, one in enumerate(examples(150, 4))]
DATA = [one.text for one in MADE], [one.labels[0] for one in MADE]
DEV_MADE = examples(40, 5)
DEV = [one.text for one in DEV_MADE], [one.labels[0] for one in DEV_MADE]
DEV_RARE = DEV[0][:2], ["rare", "frequent"]
LINEAR = {"gru.enabled": False, "text.subword_buckets": 50, "linear.vector_size": 0}


@pytest.mark.long
def test_the_last_point_is_a_training_on_all_texts():
    listener = Recorder()
    curve = grutext.learning_curve(TrainingData(DATA, dev=DEV), settings=LINEAR, listener=listener)
    assert [point.texts for point in curve.points] == [38, 75, 150]
    assert [len(point.scores) for point in curve.points] == [4, 2, 1]
    assert curve.metric == "accuracy"
    assert curve.held_out == 40
    whole = list(chain(*module._deal(MADE, 4, 1)))
    model = grutext.train(
        ([one.text for one in whole], [one.labels[0] for one in whole]), settings=LINEAR
    ).classifier
    right = [own == label for own, label in zip(model.predict(DEV[0]), DEV[1], strict=True)]
    assert curve.points[-1].scores[0] == pytest.approx(np.mean(right))
    assert [one.texts for one in curve.forecasts] == [300, 600]
    assert any(note.startswith("38 texts: accuracy ") for note in listener.notes)
    assert json.loads(json.dumps(curve.to_dict())) == curve.to_dict()


@pytest.mark.long
def test_each_fold_is_held_out_once(monkeypatch):
    monkeypatch.setattr(module, "_FEWEST_TEXTS", 18)
    held_out = []
    score = module._Trainer.score

    def note(trainer, piece, held):
        held_out.append({one.row for one in held})
        assert not held_out[-1] & {one.row for one in piece}
        return score(trainer, piece, held)

    monkeypatch.setattr(module._Trainer, "score", note)
    curve = grutext.learning_curve(DATA, folds=2, metric="macro_f1", settings=LINEAR)
    assert [(point.texts, len(point.scores)) for point in curve.points] == [(19, 2), (38, 2), (75, 2)]
    assert held_out == held_out[:2] * 3
    assert sorted(held_out[0] | held_out[1]) == list(range(1, 151))
    assert curve.held_out == 150
    assert curve.folds == 2


def test_pieces_have_every_label_and_no_common_text():
    texts = [*MADE, *(Example(one.text.upper(), one.labels, "made.csv", 0) for one in MADE[:12])]
    shares = module._deal(texts, 8, 1)
    assert Counter(one.text for share in shares for one in share) == Counter(one.text for one in texts)
    assert max(map(len, shares)) - min(map(len, shares)) <= 3
    keys = [{one.text.lower() for one in share} for share in shares]
    assert all(not keys[a] & keys[b] for a in range(8) for b in range(a))
    assert all({one.labels[0] for one in share} == {"sea", "town", "wood"} for share in shares)
    eighths, quarters, halves = (module._join(shares, parts, 0, 1) for parts in (8, 4, 2))
    assert [len(pieces) for pieces in (eighths, quarters, halves)] == [5, 4, 2]
    assert quarters[0] == eighths[0] + eighths[1]
    assert halves[1] == quarters[2] + quarters[3]
    assert [module._join(shares, 2, fold, 3)[0] for fold in range(3)] == [halves[0], halves[1], halves[0]]


def of_labels(number):
    return [Example(f"text {n}", (str(n % number),), "made.csv", n) for n in range(480)]


def test_pieces_are_so_large_that_a_label_has_two_texts():
    (shares,) = module._deal_parts([of_labels(60)], 1, "made.csv")
    assert [len(share) for share in shares] == [120] * 4  # a share of 60 would have one text of each label
    (shares,) = module._deal_parts([of_labels(32)], 1, "made.csv")
    assert [len(share) for share in shares] == [60] * 8
    with pytest.raises(DataError, match=r"made.csv: has too few texts of each label .* crossval"):
        module._deal_parts([of_labels(60), of_labels(240)], 1, "made.csv")


def test_the_only_texts_of_their_labels_are_dealt_out_as_well():
    alone = [Example(f"alone {n}", (f"alone {n}",), "made.csv", n) for n in range(40)]
    assert [len(share) for share in module._deal([*MADE[:120], *alone], 4, 1)] == [40] * 4


def test_what_makes_a_fold_easier_does_not_count_as_chance():
    errors = [[0.5, 0.3], [0.4, 0.2], [0.35, 0.15]]
    np.testing.assert_allclose(
        module._without_fold_effect(errors, 2), [[0.4, 0.4], [0.3, 0.3], [0.25, 0.25]], atol=1e-12
    )
    assert module._without_fold_effect(errors, 1) == errors


def test_what_cannot_be_done_is_one_clear_error():
    few = DATA[0][:100], DATA[1][:100]
    with pytest.raises(
        DataError, match="a learning curve needs 120 texts to train on, and there are 80; label 40 more"
    ):
        grutext.learning_curve(few, settings=LINEAR)
    with pytest.raises(ConfigError, match="folds is 0; it must be 1 or more"):
        grutext.learning_curve(DATA, folds=0)
    with pytest.raises(ConfigError, match="folds and dev data cannot be combined"):
        grutext.learning_curve(TrainingData(DATA, dev=DEV), folds=3)
    with pytest.raises(ConfigError, match="metric is recall; it must be one of accuracy, macro_f1"):
        grutext.learning_curve(DATA, metric="recall")
    with pytest.raises(ConfigError, match="micro_f1 is for texts with several labels"):
        grutext.learning_curve(DATA, metric="micro_f1")


@pytest.mark.long
def test_pieces_without_the_rare_label_are_answered_with_the_frequent_one(monkeypatch):
    rare = {3, 60, 61}
    data = DATA[0], ["rare" if n in rare else "frequent" for n in range(150)]
    listener = Recorder()
    curve = grutext.learning_curve(TrainingData(data, dev=DEV_RARE), settings=LINEAR, listener=listener)
    assert [len(point.scores) for point in curve.points] == [4, 2, 1]
    assert curve.points[0].scores.count(0.5) >= 1  # one of the two dev texts has the frequent label
    assert any(
        "of them on texts of one label, which is then always the answer" in note for note in listener.notes
    )
    assert curve.labelled == 150


CURVE = {
    "metric": "macro_f1",
    "points": [
        {"texts": 100, "mean": 0.6, "scores": [0.58, 0.62]},
        {"texts": 200, "mean": 0.7, "scores": [0.7]},
        {"texts": 400, "mean": 0.76, "scores": [0.76]},
    ],
    "law": {"a": 0.1, "b": 3.0, "c": 0.5},
    "forecasts": [{"texts": 800, "score": 0.794, "low": 0.75, "high": 0.82}],
    "held_out": 50,
    "folds": 1,
}


@pytest.mark.long
def test_the_plot_is_the_same_file_every_time(tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("one.svg", "two.svg"):
        plot_learning_curve(CURVE, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert drawn == (tmp_path / "two.svg").read_text("utf-8")
    assert all(text in drawn for text in ("training texts", "macro f1", "forecast, 90 % interval", ">800<"))


@pytest.mark.long
def test_the_command_prints_json_and_draws_a_plot(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"text": text, "label": label}) for text, label in zip(*DATA, strict=True)]
    (tmp_path / "data.jsonl").write_text("\n".join(lines), "utf-8")
    command = ["curve", "data.jsonl", "--no-gru", "--dev", "data.jsonl", "--set", "linear.vector_size=0"]
    done = CliRunner().invoke(main, [*command, "-o", "curve.png", "--json", "--quiet"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert [*printed] == ["metric", "points", "law", "forecasts", "held_out", "folds", "labelled"]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_checks_the_name_of_the_plot_before_it_trains():
    done = CliRunner().invoke(main, ["curve", "data.jsonl", "-o", "curve.txt"])
    assert done.exit_code == 2
    done = CliRunner().invoke(main, ["curve", "data.jsonl", "-o", "nowhere/curve.svg"])
    assert done.exit_code == 1
    assert "nowhere/curve.svg: cannot be written: the folder does not exist; make it first" in done.stderr


def test_the_command_says_what_more_labels_promise(capsys):
    points = tuple(module.Point(one["texts"], tuple(one["scores"])) for one in CURVE["points"])
    forecasts = tuple(Forecast(**one) for one in CURVE["forecasts"])
    _render(module.LearningCurve("macro_f1", points, PowerLaw(0.1, 3.0, 0.5), forecasts, 50, 1, 450))
    printed = capsys.readouterr().out
    assert "100     0.6000        0.0283           2" in printed
    assert "800     0.7940   0.7500 to 0.8200" in printed
    assert (
        "Training on 800 texts instead of 400 is forecast to change macro f1 by +3.4 points (-1.0 to +6.0). "
        "That takes 350 more labels: 450 texts are labelled, and 50 were held out."
    ) in printed


def test_the_command_offers_the_metrics_there_are():
    assert _METRICS == module.METRICS
