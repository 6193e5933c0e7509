import json
import shutil
from pathlib import Path

import pytest
from support.shards import write_folder

from grutext.data import ShardFolder, find_shards, read_dataset
from grutext.errors import DataError

SHARDS = [[(f"text {n} of shard {shard}", f"label {n % 2}") for n in range(3)] for shard in range(5)]
DEV = [("a text apart", "label 0"), ("another", "label 1")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_folder(Path("shards"), SHARDS, DEV)


def _rows(dataset):
    return [(example.text, example.labels[0]) for example in dataset.examples]


def _change(**changes):
    manifest = Path("shards/shards.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))


def test_all_shards_are_the_training_texts_and_the_dev_part_is_a_source_of_its_own(folder):
    assert _rows(read_dataset("shards")) == [row for shard in SHARDS for row in shard]
    assert _rows(read_dataset("shards/train")) == [row for shard in SHARDS for row in shard]
    assert _rows(read_dataset("shards/dev")) == DEV
    assert read_dataset("shards").notes == []


def test_what_was_saved_is_loaded(folder):
    assert ShardFolder.load("shards") == folder
    assert (folder.texts, folder.labels) == (15, {"label 0": 10, "label 1": 5})
    assert find_shards("shards") == folder
    assert find_shards("shards/train") is find_shards("sample") is find_shards("-") is None


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_workers_read_every_text_once(folder, workers):
    shares = [_rows(read_dataset(folder.open(worker, workers))) for worker in range(workers)]
    for worker, share in enumerate(shares):
        assert share == [row for shard in SHARDS[worker::workers] for row in shard]
    assert sum(map(len, shares)) == sum(map(len, SHARDS))


def test_more_workers_than_shards_are_an_error(folder):
    with pytest.raises(DataError, match=r"^shards: has 5 shards for 6 workers; write at least one for each$"):
        folder.open(5, 6)


def test_several_labels_are_lists(tmp_path):
    write_folder(tmp_path / "several", [[("a", ["x", "y"]), ("b", [])]], [("c", ["y"])])
    dataset = read_dataset(str(tmp_path / "several"))
    assert [example.labels for example in dataset.examples] == [("x", "y"), ()]
    assert dataset.multilabel


def test_labels_that_look_missing_were_written_on_purpose(tmp_path):
    write_folder(tmp_path / "none", [[("a", "None"), ("b", "x")]])
    assert read_dataset(str(tmp_path / "none")).label_counts == {"None": 1, "x": 1}


def test_without_a_dev_part_it_is_no_source(tmp_path):
    write_folder(tmp_path / "all", [[("a", "x"), ("b", "y")]])
    (tmp_path / "all/dev").mkdir()
    with pytest.raises(DataError, match=r"all: no texts were set aside for its dev part$"):
        read_dataset(str(tmp_path / "all/dev"))


def test_a_folder_without_its_manifest_is_refused(folder):
    Path("shards/shards.json").unlink()
    for read in (read_dataset, ShardFolder.load):
        with pytest.raises(DataError) as caught:
            read("shards")
        assert str(caught.value) == (
            "shards: has no shards.json, which is written last: writing the shards was interrupted, or it is no folder "
            "of shards; write the shards again"
        )


def test_a_missing_shard_is_named_before_anything_is_read(folder):
    Path("shards/train/3.parquet").unlink()
    with pytest.raises(
        DataError, match=r"^shards/train/3\.parquet: is missing, but shards\.json lists it; write"
    ):
        read_dataset("shards")


def test_a_shard_that_is_cut_short_is_named_before_anything_is_read(folder):
    shard = Path("shards/train/2.parquet")
    size = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:-5])
    with pytest.raises(DataError) as caught:
        folder.load("shards")
    assert str(caught.value) == (
        f"shards/train/2.parquet: has {size - 5:,} bytes instead of {size:,}; copy it anew, or write the shards again"
    )


def test_a_shard_with_other_rows_or_columns_is_named(folder, tmp_path):
    other = write_folder(tmp_path / "other", [[("a", "x")]])
    shutil.copy("other/train/0.parquet", "shards/train/4.parquet")
    entries = json.loads(Path("shards/shards.json").read_text())["train"]
    _change(train=[*entries[:4], entries[4] | {"bytes": other.train[0].bytes}])
    with pytest.raises(DataError, match=r"^shards/train/4\.parquet: has 1 row instead of 3; write"):
        read_dataset("shards")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kind": "a model"}, "does not describe shards; write the shards again"),
        ({"version": 2}, "is of version 2, and this grutext reads 1; update it, or write the shards again"),
        ({"labels": ["x"]}, "is damaged; write the shards again"),
        ({"labels": {"x": 3, "y": 0}}, "has labels without a text to train on: y; write the shards again"),
        ({"train": []}, "lists no texts to train on; write the shards again"),
        ({"train": [{"file": "/etc/passwd", "rows": 1, "bytes": 1}]}, "is damaged; write the shards again"),
        ({"train": [{"file": "../x.parquet", "rows": 1, "bytes": 1}]}, "is damaged; write the shards again"),
        ({"dev": [{"file": "dev/0.parquet", "rows": "1", "bytes": 1}]}, "is damaged; write the shards again"),
        ({"fingerprint": None}, "is damaged; write the shards again"),
    ],
)
def test_a_manifest_that_is_none_is_refused(folder, changes, problem):
    _change(**changes)
    with pytest.raises(DataError) as caught:
        read_dataset("shards")
    assert str(caught.value).startswith(f"shards/shards.json: {problem}")


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, "\x00"])
def test_a_manifest_that_is_no_json_is_refused(folder, content):
    Path("shards/shards.json").write_text(content)
    with pytest.raises(
        DataError, match=r"^shards/shards\.json: (is damaged|does not describe shards); write"
    ):
        read_dataset("shards")
