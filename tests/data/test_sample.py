import importlib
from pathlib import Path

import pytest

from grutext.data import read_dataset, sample_path
from grutext.errors import DataError

sample = importlib.import_module("grutext.data.sample")


def test_the_sample_is_a_folder_with_three_splits_and_has_a_name():
    folder = sample_path()
    dataset = read_dataset("sample")
    assert dataset.examples == read_dataset(str(folder / "train.csv")).examples
    assert [len(read_dataset(str(folder / f"{part}.csv")).examples) for part in ("train", "dev", "test")] == [
        900,
        100,
        200,
    ]


def test_an_installed_package_has_the_sample_inside_and_a_checkout_beside(monkeypatch, write):
    root = Path.cwd()
    monkeypatch.setattr(sample, "PACKAGE", root / "grutext")
    with pytest.raises(DataError) as caught:
        sample_path()
    assert (
        str(caught.value)
        == "sample: the embedded sample is missing from this installation; install grutext again"
    )
    write("datasets/helpdesk/train.csv", "")
    assert sample_path() == root / "datasets/helpdesk"
    write("grutext/datasets/helpdesk/train.csv", "")
    assert sample_path() == root / "grutext/datasets/helpdesk"
