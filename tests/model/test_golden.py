"""Models of every format ever released still load and give what they gave."""

from pathlib import Path

import numpy as np
import pytest

from grutext.inference import Classifier
from grutext.model.bundle import FORMAT

GOLDEN = Path(__file__).parents[1] / "golden"


def test_every_format_has_a_golden_model():
    assert sorted(path.name for path in GOLDEN.glob("format-*")) == [f"format-{n + 1}" for n in range(FORMAT)]


@pytest.mark.parametrize("folder", sorted(GOLDEN.glob("format-*")), ids=lambda path: path.name)
def test_a_golden_model_predicts_its_golden_rows(folder):
    model = Classifier.load(folder)
    rows = model.bundle.golden
    assert len(rows) >= 5
    for row in rows:
        np.testing.assert_allclose(
            model.predict_proba([row["text"]])[0], row["probabilities"], atol=1e-5, err_msg=row["text"]
        )
    assert len({tuple(row["probabilities"]) for row in rows}) > 2
