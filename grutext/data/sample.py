"""The embedded sample: customer messages in eight classes, written for this project."""

from __future__ import annotations

from pathlib import Path

from grutext.errors import DataError

PACKAGE = Path(__file__).resolve().parent.parent


def sample_path() -> Path:
    """Return the folder with the sample's train.csv, dev.csv and test.csv.

    In an installed wheel it is inside the package, in a checkout beside it.

    Raises:
        DataError: The folder is missing.
    """
    for folder in (PACKAGE / "datasets" / "helpdesk", PACKAGE.parent / "datasets" / "helpdesk"):
        if (folder / "train.csv").is_file():
            return folder
    raise DataError("the embedded sample is missing from this installation; install grutext again", "sample")
