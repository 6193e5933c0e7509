"""The public data sets beside the checkout, if they are present."""

import gzip
import json
from pathlib import Path

import pytest

import grutext
from grutext.data import check_trainable, label_set, read_dataset, read_rows, split_examples

DATA = Path(grutext.__file__).parents[2] / "shared" / "data"
PARTS = sorted(DATA.glob("*/*.jsonl.gz"))
SEVERAL = {"goemotions", "reuters90"}

pytestmark = [pytest.mark.long, pytest.mark.skipif(not PARTS, reason="the public data sets are not here")]


@pytest.mark.parametrize(
    "path", [path for path in PARTS if path.name == "train.jsonl.gz"], ids=lambda path: path.parent.name
)
def test_every_training_split_is_read_completely_and_can_be_split(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        objects = [json.loads(line) for line in lines]
    dataset = read_dataset(str(path))
    assert [example.text for example in dataset.examples] == [item["text"] for item in objects]
    assert [example.row for example in dataset.examples] == list(range(1, len(objects) + 1))
    assert [example.labels for example in dataset.examples] == [
        tuple(item["labels"]) if "labels" in item else (item["label"],) for item in objects
    ]
    assert dataset.multilabel == (path.parent.name in SEVERAL)
    check_trainable(dataset)
    rest, part = split_examples(dataset.examples, 0.1, 0)
    assert len(part) == pytest.approx(len(objects) / 10, abs=1)
    assert label_set(rest) == label_set(dataset.examples)


def test_there_are_twenty_data_sets_and_all_splits_can_be_read_by_row():
    assert len({path.parent for path in PARTS}) == 20
    for path in PARTS:
        if path.name != "train.jsonl.gz":
            with gzip.open(path, "rb") as lines, read_rows(str(path)) as reader:
                assert sum(1 for _ in reader) == sum(1 for _ in lines)
