"""Copies of texts: on one side of every split, counted, and no reason for trust."""

import random

import pytest
from support.tiny_training import Recorder

import grutext
from grutext.cli.abstention import best_offer
from grutext.config import Config
from grutext.data import Example
from grutext.text import text_key
from grutext.training.budget import TimeBudget
from grutext.training.copies import distinct
from grutext.training.splits import TrainingData, read_splits

LINEAR = {"gru.enabled": False, "text.subword_buckets": 50}
WORDS = [
    "saddle",
    "bell",
    "tyre",
    "pump",
    "chain",
    "lock",
    "lamp",
    "pedal",
    "spoke",
    "rack",
    "brake",
    "fender",
]


def draw_texts(count, seed):
    draw = random.Random(seed)
    texts = [" ".join(draw.choices(WORDS, k=9)) for _ in range(count)]
    return texts, [draw.choice(["repair", "refund"]) for _ in texts]


def read(tmp_path, *args, megabytes=40.0, **kwargs):
    heard = Recorder()
    config, data = (
        Config().override({"training.in_memory_megabytes": megabytes}),
        TrainingData(*args, **kwargs),
    )
    return read_splits(data, config, tmp_path / "texts", heard, TimeBudget()), heard.notes


@pytest.mark.parametrize(
    ("one", "other"),
    [("Late again", "late  AGAIN "), ("Straße", "STRASSE"), ("it’s", "it's"), ("ﬁne\n", "fine"), ("", " \n")],
)
def test_texts_that_a_model_reads_alike_have_one_key(one, other):
    assert text_key(one) == text_key(other)
    assert text_key(one) != text_key("late, again")


def test_texts_are_grouped_by_what_a_model_reads():
    made = [Example(text, ("x",), "a.csv", n) for n, text in enumerate(("A", "b", "a", "c", "B "))]
    assert distinct(made) == [[0, 2], [1, 4], [3]]


@pytest.mark.parametrize("megabytes", [40.0, 0.001])
def test_no_dev_text_is_in_the_training_part(tmp_path, megabytes):
    texts, labels = draw_texts(300, 1)
    rows = [f"{text.upper() if n % 2 else text},{label}\n" for n, (text, label) in
            enumerate(zip([*texts] * 3, [*labels] * 3, strict=True))]  # fmt: skip
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(rows))
    splits, notes = read(tmp_path, tmp_path / "a.csv", dev_fraction=0.1, megabytes=megabytes)
    train = splits.train
    if not isinstance(train, list):
        train = [example for number in range(len(train.paths)) for example in train.read(number)]
    assert 85 <= len(splits.dev) <= 92
    assert len(train) + len(splits.dev) == 900
    assert not {text_key(e.text) for e in train} & {text_key(e.text) for e in splits.dev}
    (note,) = [note for note in notes if "copies" in note]
    assert note.endswith(
        "a.csv: 600 of 900 texts are copies of another text (case and white space aside); "
        "equal texts are all in the training or all in the dev set"
    )


def test_texts_with_different_labels_are_counted(tmp_path):
    data = (["late", "wet", "Late ", "broken", "wet", "new"], ["a", "b", "b", "a", "b", "b"])
    _, notes = read(tmp_path, data)
    assert (
        'texts in memory: 1 text occurs with different labels (case and white space aside), such as "late": "a" in row 1, "b" in row 3'
        in notes
    )


def test_rows_of_one_label_each_for_a_text_of_several_are_told(tmp_path):
    texts, labels = draw_texts(30, 4)
    _, notes = read(tmp_path, ([*texts, *texts[:8]], [*labels, *["parts"] * 8]))
    (note,) = [note for note in notes if "with different labels" in note]
    assert note.endswith("; if a text has several labels, write them as a list in one row")
    _, notes = read(tmp_path, ([*texts, *texts[:4]], [*labels, *["parts"] * 4]))
    (note,) = [note for note in notes if "with different labels" in note]
    assert note.endswith(f'"parts" in row {31}')


def test_clean_data_are_not_remarked_upon(tmp_path):
    texts, labels = draw_texts(60, 2)
    _, notes = read(tmp_path, (texts, labels), test=draw_texts(10, 3))
    assert notes == [
        "texts in memory: 2 labels: repair 35, refund 25",
        "few texts: 5-fold cross-validation on 60 of 60 texts replaces a dev set, and the model learns from all",
    ]


def test_dev_and_test_texts_that_are_in_the_data_are_counted(tmp_path):
    texts, labels = draw_texts(60, 2)
    new, new_labels = draw_texts(8, 3)
    test = (new + [text.upper() for text in texts[:3]], new_labels + labels[:3])
    _, notes = read(tmp_path, (texts, labels), test=test)
    assert (
        "texts in memory: 3 of 11 texts are in texts in memory as well, which makes its metrics too optimistic"
        in notes
    )
    _, notes = read(tmp_path, (texts, labels), dev=(new + texts[:1], new_labels + labels[:1]))
    labels_note, note = notes
    assert labels_note.startswith("texts in memory: 2 labels: ")
    assert (
        "1 of 9 texts is in texts in memory as well, which makes its metrics and thresholds too optimistic"
        in note
    )


@pytest.mark.long
@pytest.mark.parametrize("times", [1, 3, 6])
def test_copies_of_texts_with_random_labels_win_no_trust(times):
    """Split apart, they would be dev texts that the model knows by heart, and promise what new texts do not keep."""
    texts, labels = draw_texts(400, 4)
    outcome = grutext.train(
        TrainingData((texts * times, labels * times), test=draw_texts(400, 5)), settings=LINEAR
    )
    assert outcome.bundle.metrics["dev"]["accuracy"] < 0.65
    assert abs(outcome.bundle.metrics["test"]["accuracy"] - 0.5) < 0.08
    assert best_offer(outcome.bundle.abstention) is None


@pytest.mark.long
def test_copies_of_dev_texts_count_once_for_the_promise():
    """Forty right answers do not hold a rate of 2 %, however often each of the texts is repeated."""
    texts = [f"{WORDS[n % 2]} {WORDS[n % 2]} {n}" for n in range(80)]
    labels = [("repair", "refund")[n % 2] for n in range(80)]
    train, dev = (texts[:40], labels[:40]), (texts[40:], labels[40:])

    def promised(times):
        data = TrainingData(train, dev=(dev[0] * times, dev[1] * times))
        return grutext.train(data, settings=LINEAR).bundle.abstention

    assert promised(1)[1]["threshold"] is None
    assert promised(10)[1] == promised(1)[1]


@pytest.mark.parametrize("gru", [False, True])
def test_a_class_of_one_text_is_learned(tmp_path, gru):
    heard = Recorder()
    settings = {"gru.units": 8, "training.epochs": 1, "training.pretraining_epochs": 0} if gru else LINEAR
    texts, labels = draw_texts(60, 6)
    texts.append("where is your nearest shop")
    labels.append("address")
    data = TrainingData((texts, labels), test=(texts[-3:], labels[-3:]))
    outcome = grutext.train(data, settings=settings | {"text.subword_buckets": 50}, listener=heard)
    assert outcome.classifier.labels == ("address", "refund", "repair")
    assert outcome.bundle.metrics["dev"]["per_label"]["address"]["support"] == 0
    assert outcome.bundle.metrics["test"]["per_label"]["address"]["support"] == 1
    assert any("1 label with a single text, kept for training" in note for note in heard.notes)
    if not gru:
        assert outcome.classifier.predict(["where is your nearest shop"]) == ["address"]


def test_small_classes_can_be_dropped(tmp_path):
    texts, labels = draw_texts(20, 6)
    splits, notes = read(tmp_path, ([*texts, "where is it"], [*labels, "address"]), min_class_size=2)
    assert {label for example in splits.train for label in example.labels} == {"refund", "repair"}
    assert "texts in memory: 1 label of fewer than 2 texts dropped, with 1 text: address" in notes
    with pytest.raises(grutext.errors.ConfigError, match="min_class_size is 0; it must be 1 or more"):
        TrainingData((texts, labels), min_class_size=0)
