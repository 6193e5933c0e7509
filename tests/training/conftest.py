import gzip
import json
from pathlib import Path

import pytest


@pytest.fixture
def real_texts():
    """Return a function that reads the training texts of a public data set; skip where the data are missing."""
    folder = Path(__file__).parents[3] / "shared" / "data"

    def read(name):
        path = folder / name / "train.jsonl.gz"
        if not path.exists():
            pytest.skip("the public data sets are not here")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line)["text"] for line in lines]

    return read
