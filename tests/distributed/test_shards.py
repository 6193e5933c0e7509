"""Folders of shards, dealt by one machine."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from grutext.config import Config
from grutext.data import ReadOptions, ShardFolder
from grutext.distributed import ShardSettings, write_shards
from grutext.errors import ConfigError, DataError
from grutext.progress import Silent
from grutext.training.budget import TimeBudget
from grutext.training.splits import TrainingData, read_splits

ROWS = [
    {"text": f"text number {n} of many", "label": ("common", "common", "rarer")[n % 3]} for n in range(900)
]


def _read(folder, part):
    """Return the rows of each file of a part."""
    files = [
        parquet.ParquetFile(folder.path / shard.file).read().to_pylist() for shard in getattr(folder, part)
    ]
    assert [len(rows) for rows in files] == [shard.rows for shard in getattr(folder, part)]
    return files


def _flat(folder, part):
    return [(row["text"], row["label"]) for rows in _read(folder, part) for row in rows]


def test_every_text_is_in_one_shard_or_set_aside(tmp_path):
    folder = write_shards(ROWS, tmp_path / "cut", settings=ShardSettings(shards=5))
    assert sorted(_flat(folder, "train") + _flat(folder, "dev")) == sorted(
        (r["text"], r["label"]) for r in ROWS
    )
    sizes = [shard.rows for shard in folder.train]
    assert len(sizes) == 5
    assert min(sizes) > 0.6 * max(sizes)
    assert folder.labels == Counter(label for _, label in _flat(folder, "train"))
    assert folder.characters == sum(len(text) for text, _ in _flat(folder, "train"))
    assert ShardFolder.load(tmp_path / "cut") == folder


def test_a_tenth_of_each_class_is_set_aside(tmp_path):
    folder = write_shards(ROWS, tmp_path / "cut")
    assert Counter(label for _, label in _flat(folder, "dev")) == {"common": 60, "rarer": 30}
    half = write_shards(ROWS, tmp_path / "half", settings=ShardSettings(dev_fraction=0.5))
    assert Counter(label for _, label in _flat(half, "dev")) == {"common": 300, "rarer": 150}
    none = write_shards(ROWS, tmp_path / "none", settings=ShardSettings(dev_fraction=0.0))
    assert (none.dev, none.texts) == ((), 900)


def test_the_texts_are_shuffled(tmp_path):
    folder = write_shards(
        sorted(ROWS, key=lambda row: row["label"]), tmp_path / "cut", settings=ShardSettings(3)
    )
    for rows in [*_read(folder, "train"), *_read(folder, "dev")]:
        places = [n for n, row in enumerate(rows) if row["label"] == "rarer"]
        assert 0.3 < np.mean(places) / len(rows) < 0.7


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does(tmp_path):
    rows = [*ROWS, *({"text": row["text"].upper(), "label": row["label"]} for row in ROWS[::3])]
    shuffled = random.Random(3).sample(rows, len(rows))
    one = write_shards(rows, tmp_path / "one")
    same = write_shards(shuffled, tmp_path / "same")
    assert (same.fingerprint, _read(same, "train")) == (one.fingerprint, _read(one, "train"))
    other = write_shards(rows, tmp_path / "other", settings=ShardSettings(seed=2))
    assert other.fingerprint != one.fingerprint
    assert _flat(other, "dev") != _flat(one, "dev")


def test_copies_are_left_out_and_texts_of_several_labels_are_trained_on(tmp_path):
    again = [{"text": f"  TEXT number {n}  of many", "label": ROWS[n]["label"]} for n in range(0, 900, 2)]
    twice = [{"text": f"text  number {n} of many", "label": "another"} for n in range(0, 900, 50)]
    folder = write_shards(
        [*ROWS, *again, *twice], tmp_path / "cut", settings=ShardSettings(4, dev_fraction=0.3)
    )
    train, dev = _flat(folder, "train"), _flat(folder, "dev")
    assert (len(train) + len(dev), folder.copies) == (918, 450)
    alike = [" ".join(text.casefold().split()) for text, _ in train + dev]
    assert sorted(set(alike)) == sorted(row["text"] for row in ROWS)
    doubled = {text for text in alike if alike.count(text) > 1}
    assert len(doubled) == 18
    assert doubled.isdisjoint(" ".join(text.casefold().split()) for text, _ in dev)


def test_every_label_can_be_trained_on(tmp_path):
    # A label of four texts, each of which belongs to the class of a rarer label.
    few = [
        {
            "text": f"text {n} of {group}",
            "label": [f"rare {group} {n // 3}", *([f"shared {group}"] if n % 3 else [])],
        }
        for group in range(20)
        for n in range(6)
    ]
    folder = write_shards(few, tmp_path / "cut", settings=ShardSettings(2, dev_fraction=0.9))
    trained = {label for _, labels in _flat(folder, "train") for label in labels}
    assert trained == set(folder.labels) == {label for row in few for label in row["label"]}
    assert folder.multilabel
    assert 40 < len(_flat(folder, "dev")) <= 80


def test_labels_are_read_as_by_training(tmp_path):
    rows = [
        {"body": f"t{n}", "kind": kind} for n, kind in enumerate(["1", "1.0", " 2 ", None, "nan", "2"] * 4)
    ]
    rows[0]["body"] = ""
    reading = ReadOptions(text_column="body", label_column="kind", skip_empty=True)
    folder = write_shards(rows, tmp_path / "cut", reading, ShardSettings(2, dev_fraction=0))
    assert sorted(Counter(label for _, label in _flat(folder, "train")).items()) == [("1", 7), ("2", 8)]


def test_a_training_reads_what_was_written(tmp_path):
    folder = write_shards(ROWS, tmp_path / "cut", settings=ShardSettings(3))
    data = TrainingData(str(tmp_path / "cut"))
    splits = read_splits(data, Config(), tmp_path / "texts", Silent(), TimeBudget())
    assert [(e.text, e.labels[0]) for e in splits.train] == _flat(folder, "train")
    assert [(e.text, e.labels[0]) for e in splits.dev] == _flat(folder, "dev")


@pytest.mark.parametrize(
    ("rows", "reading", "problem"),
    [
        (ROWS, ReadOptions(label_column="lable"), 'the table: there is no column "lable", did you mean "label"?'),
        (ROWS, ReadOptions(weight_column="w"), "shards hold no weights; leave the weight column out"),
        ([*ROWS, {"text": "x", "label": {"a": 0.5, "b": 0.5}}], ReadOptions(), "the table, line 901: has probabilities"),
        ([*ROWS, {"text": "a\ud83d", "label": "a"}], ReadOptions(), "the table, line 901: has half a character"),
        ([*ROWS, {"text": "x", "label": None}], ReadOptions(), 'the table, line 901: the label column "label" is empty'),
    ],
)  # fmt: skip
def test_what_shards_cannot_hold_is_an_error_and_leaves_nothing_behind(tmp_path, rows, reading, problem):
    with pytest.raises(DataError) as caught:
        write_shards(rows, tmp_path / "cut", reading)
    assert str(caught.value).startswith(problem)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cut").mkdir()
    Path("file").touch()
    for name in ("cut", "file"):
        with pytest.raises(
            DataError, match=rf"^{name}: exists already; name a new folder, or delete this one$"
        ):
            write_shards(ROWS, name)
    assert list(Path("cut").iterdir()) == []


def test_a_folder_that_fails_is_deleted(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet, "write_table", fail)
    with pytest.raises(OSError, match="No space left"):
        write_shards(ROWS, tmp_path / "cut")
    assert not (tmp_path / "cut").exists()


@pytest.mark.parametrize("wrong", [{"shards": 0}, {"dev_fraction": 1.0}, {"dev_fraction": -0.1}])
def test_settings_have_ranges(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ShardSettings(**wrong)
