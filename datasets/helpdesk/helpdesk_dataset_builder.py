"""The embedded sample as a data set of TensorFlow Datasets; `datasets/README.md` shows how to load it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

LABELS = ("account", "billing", "delivery", "feedback", "membership", "product", "refund", "technical")
# TFDS's own names of the parts, and the files beside this one that hold them.
SPLITS = {"train": "train.csv", "validation": "dev.csv", "test": "test.csv"}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Customer messages of a web shop in eight classes, written by hand."""

    name = "helpdesk"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012 (TFDS asks for a dictionary)
    # Without this, TFDS looks for a package that holds the module, which a folder of data is not.
    pkg_dir_path = Path(__file__).resolve().parent

    def _info(self) -> tfds.core.DatasetInfo:
        """Return the description of the data set."""
        return tfds.core.DatasetInfo(
            builder=self,
            description="1,200 customer messages in eight classes, written by hand for grutext.",
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=LABELS),
                }
            ),
            supervised_keys=("text", "label"),
            license="Apache-2.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        """Return the rows of each split, without a download."""
        del dl_manager
        folder = Path(__file__).resolve().parent
        return {split: self._generate_examples(folder / name) for split, name in SPLITS.items()}

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield number, text and label of each row of a CSV file."""
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, strict=True)):
                yield number, {"text": row["text"], "label": row["label"]}
