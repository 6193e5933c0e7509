import functools
import importlib.util
import sys
from pathlib import Path
from typing import ClassVar

import pytest

import grutext
from grutext.data import Columns, Example, ReadOptions, read_dataset, read_rows, sample_path

BUILDER = Path(grutext.__file__).parents[1] / "datasets" / "helpdesk" / "helpdesk_dataset_builder.py"
pytestmark = pytest.mark.tf


MADE = """
import numpy as np
import tensorflow_datasets as tfds

class Builder(tfds.core.GeneratorBasedBuilder):
    name = "made"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "body": tfds.features.Text(),
            "topics": tfds.features.Sequence(tfds.features.ClassLabel(names=["sun", "rain"])),
            "grade": tfds.features.ClassLabel(names=["low", "high"]),
            "stars": tfds.features.Scalar(np.int64),
            "picture": tfds.features.Image(shape=(1, 1, 3)),
        }
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features), disable_shuffling=True
        )

    def _split_generators(self, dl_manager):
        return {"first": self._generate_examples(), "second": self._generate_examples()}

    def _generate_examples(self):
        picture = np.zeros((1, 1, 3), np.uint8)
        yield 0, {"body": "grün", "topics": [0, 1], "grade": 1, "stars": 5, "picture": picture}
        yield 1, {"body": "", "topics": [], "grade": -1, "stars": 4, "picture": picture}
"""


@functools.cache  # TFDS registers a builder once
def load_builder(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module.Builder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Prepares the sample, and a made-up data set with features of many kinds."""
    tfds = pytest.importorskip("tensorflow_datasets")
    folder = tmp_path_factory.mktemp("tfds")
    made = folder / "made_dataset_builder.py"
    made.write_text(MADE, encoding="utf-8")
    for path in (made, BUILDER):
        if path.exists():
            load_builder(path)(data_dir=folder).download_and_prepare()
    tfds.core.add_data_dir(folder)
    return folder


def test_the_sample_is_a_data_set_of_tfds_with_three_splits(prepared):
    if not BUILDER.exists():
        pytest.skip("the builder is part of a checkout")
    columns = Columns("text", "label")
    for split, part in (("train", "train"), ("validation", "dev"), ("test", "test")):
        built = read_dataset(f"tfds:helpdesk:{split}", known=columns).examples
        written = read_dataset(str(sample_path() / f"{part}.csv"), known=columns).examples
        assert sorted((e.text, e.labels) for e in built) == sorted((e.text, e.labels) for e in written)
        assert [e.row for e in built] == list(range(1, len(written) + 1))
    assert len(read_dataset("tfds:helpdesk").examples) == 900
    assert len(read_dataset("tfds:helpdesk:1.0.0:train[:10%]").examples) == 90


def test_class_numbers_become_names_and_bytes_text(prepared):
    dataset = read_dataset("tfds:made:first", ReadOptions(label_column="topics"))
    assert dataset.examples == [
        Example("grün", ("sun", "rain"), "tfds:made:first", 1),
        Example("", (), "tfds:made:first", 2),
    ]
    assert dataset.multilabel
    stars = read_dataset("tfds:made:second", ReadOptions(label_column="stars"))
    assert [example.labels for example in stars.examples] == [("5",), ("4",)]
    graded = read_dataset("tfds:made:first", ReadOptions(label_column="grade", skip_empty=True))
    assert [example.labels for example in graded.examples] == [("high",)]
    assert graded.notes[-1] == "tfds:made:first: 1 row dropped: label empty"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tfds:", "the name has the form tfds:NAME[/CONFIG][:SPLIT]"),
        ("tfds:a b", "the name has the form tfds:NAME[/CONFIG][:SPLIT]"),
        ("tfds:made", "name a split, as in tfds:made:SPLIT; there are: first, second"),
        (
            "tfds:made:frst",
            'there is no split "frst", did you mean "first"? The splits are: first, second',
        ),
        (
            "tfds:nothing_like_it",
            (
                'TFDS has no data set "nothing_like_it", and none is prepared on this machine; its names are those that '
                "tfds.load takes"
            ),
        ),
        (
            "tfds:imdb_reviews:test",
            (
                'is not prepared on this machine; run: python -c "import tensorflow_datasets as tfds; '
                "tfds.load('imdb_reviews')\""
            ),
        ),
    ],
)
def test_unknown_and_unprepared_names_and_splits_are_refused(prepared, problem, source, message):
    assert problem(source) == f"{source}: {message}"


def test_a_split_that_tfds_does_not_understand_is_refused(prepared, problem):
    assert problem("tfds:made:first[:x%]").startswith("tfds:made:first[:x%]: TFDS cannot read it: ")


def test_features_that_are_images_are_not_columns(prepared, problem):
    assert problem("tfds:made:first", ReadOptions(label_column="picture")) == (
        'tfds:made:first: there is no column "picture". The columns are: body, topics, grade, stars'
    )


def test_without_tfds_the_error_names_the_extra(run_python):
    code = "import sys; sys.modules['tensorflow_datasets'] = None\nfrom grutext.data import read_dataset\n"
    assert run_python(f"{code}read_dataset('tfds:made')").stderr.splitlines()[-1] == (
        "grutext.errors.MissingExtraError: reading tfds needs tensorflow-datasets; "
        "install it with: pip install 'grutext[tensorflow]'"
    )


def test_rows_to_predict_come_from_a_data_set(prepared):
    with read_rows("tfds:helpdesk:test", known=Columns("text", "label")) as reader:
        rows = list(reader)
    assert len(rows) == 200
    assert all(row.text == row.fields["text"] for row in rows)


def test_the_sample_passes_the_tests_of_tfds_for_builders(prepared, monkeypatch):
    if not BUILDER.exists():
        pytest.skip("the builder is part of a checkout")
    import unittest

    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.syspath_prepend(str(BUILDER.parent))  # the tests import the builder by its module's name

    class HelpdeskTest(tfds.testing.DatasetBuilderTestCase):
        DATASET_CLASS = load_builder(BUILDER)
        EXAMPLE_DIR = str(BUILDER.parent)
        SPLITS: ClassVar = {"train": 900, "validation": 100, "test": 200}
        SKIP_TF1_GRAPH_MODE = True

    result = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(HelpdeskTest))
    assert result.testsRun > 3
    assert not result.failures, result.failures
    assert not result.errors, result.errors
