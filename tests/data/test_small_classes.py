import pytest

from grutext.data import Dataset, DiskOptions, ReadOptions, drop_small_classes, read_dataset
from grutext.errors import DataError


def test_labels_of_few_texts_are_dropped_and_counted(make_examples):
    dataset = Dataset(make_examples(["a", "b", "a", "c", "b", "a"]), False, source="made.csv")
    assert drop_small_classes(dataset, 1) == []
    assert len(dataset.examples) == 6
    (note,) = drop_small_classes(dataset, 2)
    assert note == "made.csv: 1 label of fewer than 2 texts dropped, with 1 text: c"
    assert dataset.label_counts == {"a": 3, "b": 2}


def test_a_text_keeps_its_other_labels(make_examples):
    dataset = Dataset(make_examples([("a", "b"), ("a",), ("c",), ()]), True, source="made.csv")
    (note,) = drop_small_classes(dataset, 2)
    assert note == "made.csv: 2 labels of fewer than 2 texts dropped, with 1 text: b, c"
    assert [example.labels for example in dataset.examples] == [("a",), ("a",), ()]


@pytest.mark.parametrize(
    ("least", "message"),
    [
        (3, "made.csv: only one label has the 3 texts that --min-class-size asks for"),
        (4, "made.csv: no label has the 4 texts that --min-class-size asks for"),
    ],
)
def test_too_few_labels_are_refused(make_examples, least, message):
    with pytest.raises(DataError, match=f"^{message}$"):
        drop_small_classes(Dataset(make_examples(["a", "b", "a", "a"]), False, source="made.csv"), least)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_texts_in_files_are_dropped_as_well(write, tmp_path, share):
    rows = "".join(f'{{"text": "a{n}", "label": "{"xy"[n % 2]}"}}\n' for n in range(40))
    name = write("many.jsonl", rows + '{"text": "b", "label": "z"}\n')
    options = DiskOptions(20, tmp_path / "texts", 1, share)
    whole = read_dataset(name, ReadOptions(), on_disk=options)
    dataset = read_dataset(name, ReadOptions(), on_disk=options)
    (note,) = drop_small_classes(dataset, 5)
    assert note == "many.jsonl: 1 label of fewer than 5 texts dropped, with 1 text: z"
    assert dataset.label_counts == {"x": 20, "y": 20}
    found = [e for n in range(len(dataset.on_disk.paths)) for e in dataset.on_disk.read(n)]
    assert len(found) == dataset.on_disk.texts == 40 - len(dataset.held_out)
    assert dataset.on_disk.characters == sum(len(e.text) for e in found)
    assert dataset.on_disk.sha256 != whole.on_disk.sha256
