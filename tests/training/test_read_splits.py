"""What a training reads: sources of several files, and texts and labels in memory."""

from pathlib import Path

import pytest
from support.shards import write_folder

from grutext.config import Config
from grutext.data import Dialect, ReadOptions, read_dataset
from grutext.errors import DataError
from grutext.training.budget import TimeBudget
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
        data = TrainingData(**sources)
        splits = read_splits(data, Config(), tmp_path / "shards", notes, TimeBudget())
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


TEXTS = ["one parcel", "two parcels", "an invoice", "two invoices", "a password", "no password"]


@pytest.mark.parametrize(
    "labels",
    [
        ["1", "1.0", "2", " 2\u200b ", "1", "3"],
        ["true", "TRUE", "false", "False", "True", "x"],
        ["caf\u00e9", "cafe\u0301", "bar", "bar ", "Bar", "\ufeffbar"],
        ["007", "7", "7.0", "7", "007", "7"],
        ["late", "la\u00adte", "early", "early", "Early", "early"],
    ],
)
def test_labels_in_memory_are_read_as_those_of_a_file(read, tmp_path, labels):
    rows = "".join(f'{text},"{label}"\n' for text, label in zip(TEXTS, labels, strict=True))
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    of_file = read_dataset("a.csv")
    splits, notes = read(train=(TEXTS, labels), dev=(TEXTS, labels))
    assert [e.labels for e in splits.train] == [e.labels for e in of_file.examples]
    assert [e.labels for e in splits.dev] == [e.labels for e in of_file.examples]
    spelled = {
        note.removeprefix("a.csv: ") for note in of_file.notes if "label" in note and "guessed" not in note
    }
    assert spelled
    assert spelled <= {note.removeprefix("texts in memory: ") for note in notes}


@pytest.mark.parametrize("missing", ["nan", "None", "N/A"])
def test_a_missing_label_in_memory_is_named_by_its_position(read, missing):
    labels = ["x", "y", "x", missing, "y", "x"]
    message = (
        rf'^texts in memory: labels\[3\] is "{missing}", which stands for a missing label; leave the text out'
    )
    with pytest.raises(DataError, match=message):
        read(train=(TEXTS, labels))
    with pytest.raises(DataError, match=r"^texts in memory: labels\[1\] is empty"):
        read(train=(TEXTS, ["x", "\u200b", *labels[2:]]))
    splits, notes = read(
        train=(TEXTS, labels), dev=(TEXTS[:2], ["x", "y"]), reading=ReadOptions(skip_empty=True)
    )
    assert len(splits.train) == 5
    assert "texts in memory: 1 row dropped: label empty" in notes
    kept, _ = read(train=(TEXTS, labels), dev=(TEXTS[:2], ["x", "y"]), reading=ReadOptions(keep_missing=True))
    assert [e.labels for e in kept.train][3] == (missing,)


def test_dev_labels_in_memory_become_those_that_the_model_knows(read):
    splits, _ = read(train=(TEXTS, ["1", "2"] * 3), dev=(TEXTS, ["1.0", "2 "] * 3))
    assert [e.labels for e in splits.dev] == [("1",), ("2",)] * 3
    with pytest.raises(DataError, match=r"^texts in memory: the model knows none of its labels"):
        read(train=(TEXTS, ["1", "2"] * 3), dev=(TEXTS, ["a", "b"] * 3))


def test_dev_data_of_another_format_need_no_dialect(read, tmp_path):
    (tmp_path / "a.csv").write_text("a text;x\nb text;y\nd text;x\n", encoding="utf-8")
    (tmp_path / "dev.jsonl").write_text('{"text": "c text", "label": "x"}\n', encoding="utf-8")
    reading = ReadOptions(dialect=Dialect(";", header=False, columns=("text", "label")))
    splits, _ = read(train="a.csv", dev="dev.jsonl", test="a.csv", reading=reading)
    assert [example.text for example in splits.dev] == ["c text"]
    assert [example.text for example in splits.test] == ["a text", "b text", "d text"]


def _read_shards(read, aside, **sources):
    rows = [(f"{text} {n}", label) for n in range(3) for text, label in zip(TEXTS, "xyxyxy", strict=True)]
    write_folder(Path("cut"), [rows[::2], rows[1::2]], aside)
    splits, notes = read(train="cut", **sources)
    return {example.text for example in splits.train}, [example.text for example in splits.dev], notes


def test_the_dev_part_of_a_folder_of_shards_is_its_dev_set(read):
    train, dev, notes = _read_shards(read, [("a parcel apart", "x"), ("a surprise", "z")])
    assert (len(train), dev) == (18, ["a parcel apart", "a surprise"])
    assert not [note for note in notes if "set aside" in note or "cross-validation" in note]


@pytest.mark.parametrize(
    ("names", "texts"), [(["cut-1", "more.csv", "cut-2"], 9), (["cut-?", "more.csv"], 13)]
)
def test_the_dev_parts_of_several_folders_are_the_dev_set(read, names, texts):
    for n in (1, 2, 3):
        rows = [(f"parcel {n} {i}", "xy"[i % 2]) for i in range(4)]
        write_folder(Path(f"cut-{n}"), [rows], [(f"apart {n}", "x")] if n < 3 else [])
    Path("more.csv").write_text("text,label\na parcel more,y\n", encoding="utf-8")
    splits, notes = read(train=names)
    assert [example.text for example in splits.dev] == ["apart 1", "apart 2"]
    assert len(splits.train) == texts
    assert not [note for note in notes if "set aside" in note or "cross-validation" in note]
    splits, notes = read(train=names, dev="more.csv")
    assert "cut-1/dev, cut-2/dev: not read, since other dev texts are asked for" in notes


def test_other_dev_texts_may_be_asked_for(read):
    aside = [("a parcel apart", "x")]
    _, dev, notes = _read_shards(read, aside, dev="cut/train")
    assert (len(dev), "cut/dev: not read, since other dev texts are asked for" in notes) == (18, True)
    train, dev, notes = _read_shards(read, aside, dev_fraction=0.5)
    assert (len(dev), "cut/dev: not read, since other dev texts are asked for" in notes) == (9, True)
    train, dev, notes = _read_shards(read, [])
    assert len(train) == 18
    assert len(dev) == 18  # few texts are cross-validated
