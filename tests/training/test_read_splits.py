"""What a training reads: sources of several files, and texts and labels in memory."""

import pytest

from grutext.config import TrainingConfig
from grutext.training.splits import TrainingData, read_splits


class Notes:
    """A listener that keeps the notes."""

    def __init__(self):
        self.lines = []

    def note(self, line):
        self.lines.append(line)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return a function that reads the splits of data, and their notes."""
    monkeypatch.chdir(tmp_path)

    def read_data(**sources):
        notes = Notes()
        splits = read_splits(TrainingData(**sources), TrainingConfig(), tmp_path / "shards", notes)
        return splits, notes.lines

    return read_data


def test_dev_and_test_data_may_be_several_files_or_a_pattern(read, tmp_path):
    for name, text in (("a", "one"), ("b", "two"), ("c1", "three"), ("c2", "four")):
        rows = f"text,label\n{text} parcels,x\n{text} invoices,y\n"
        (tmp_path / f"{name}.csv").write_text(rows, encoding="utf-8")
    splits, _ = read(train=["a.csv", "b.csv"], dev="c?.csv", test=["c1.csv", "c2.csv"])
    assert [example.text for example in splits.train] == [
        "one parcels", "one invoices", "two parcels", "two invoices",
    ]  # fmt: skip
    assert [example.source for example in splits.dev] == ["c1.csv", "c1.csv", "c2.csv", "c2.csv"]
    assert splits.test == splits.dev
