"""From texts to the answers that `predict` and `classify` print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grutext.runtime import Classifier

DECIMALS = 6  # of a probability; beyond them machines may differ


def build_answers(model: Classifier, texts: Sequence[str], count: int) -> Iterator[dict[str, Any]]:
    """Yields `label`, `confidence` and `top` of each text.

    Args:
        model: The model.
        texts: The texts.
        count: How many labels `top` lists, the likeliest first.

    Yields:
        `label` is a string, or a list of strings where a text may have several labels; `confidence` is
        the label's probability or, where there may be several, the largest one, also where it is too small
        for any label to apply; `probabilities` are all of them, in the order of the model's labels.
    """
    probabilities = model.predict_proba(texts)
    place = {label: index for index, label in enumerate(model.labels)}
    for label, row in zip(model.decide(probabilities), probabilities, strict=True):
        rounded = [round(value, DECIMALS) for value in row.tolist()]
        order = (-row).argsort(kind="stable")[:count].tolist()
        yield {
            "label": label if isinstance(label, str) else list(label),
            "confidence": rounded[place[label]] if isinstance(label, str) else max(rounded),
            "top": [{"label": model.labels[index], "probability": rounded[index]} for index in order],
            "probabilities": rounded,
        }
