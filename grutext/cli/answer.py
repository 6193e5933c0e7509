"""From texts to the answers that `predict` and `classify` print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grutext.inference import Classifier

DECIMALS = 6  # of a probability; beyond them machines may differ
_FAMILIARITY_DECIMALS = 4


def build_answers(
    model: Classifier, texts: Sequence[str], count: int, below: float | None = None, familiarity: bool = False
) -> Iterator[dict[str, Any]]:
    """Yields `label`, `confidence` and `top` of each text, and what else is asked for.

    Args:
        model: The model.
        texts: The texts.
        count: How many labels `top` lists, the likeliest first.
        below: The confidence below which a text is left to a person, if any is.
        familiarity: Whether the answers say how familiar the texts are.

    Yields:
        `label` is a string, or a list of strings where a text may have several labels; `confidence` is
        the label's probability or, where there may be several, the largest one, also where it is too small
        for any label to apply; `probabilities` are all of them, in the order of the model's labels. With
        `below` there is `abstained`, and where it is true `label` is None; with `familiarity` there is a
        number of that name.
    """
    probabilities, familiar = model.assess(texts) if familiarity else (model.predict_proba(texts), None)
    confidences = round_confidences(model, probabilities)
    for n, (label, row) in enumerate(zip(model.decide(probabilities), probabilities, strict=True)):
        rounded = [round(value, DECIMALS) for value in row.tolist()]
        order = (-row).argsort(kind="stable")[:count].tolist()
        answer: dict[str, Any] = {
            "label": label if isinstance(label, str) else list(label),
            "confidence": confidences[n],
        }
        if below is not None:
            answer["abstained"] = confidences[n] < below
            answer["label"] = None if answer["abstained"] else answer["label"]
        if familiar is not None:
            answer["familiarity"] = round(float(familiar[n]), _FAMILIARITY_DECIMALS)
        yield answer | {
            "top": [{"label": model.labels[index], "probability": rounded[index]} for index in order],
            "probabilities": rounded,
        }


def round_confidences(model: Classifier, probabilities: NDArray[np.float32]) -> list[float]:
    """Gives the confidences as they are printed and compared."""
    return [round(value, DECIMALS) for value in model.confidence(probabilities).tolist()]
