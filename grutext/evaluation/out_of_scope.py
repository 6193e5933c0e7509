"""How well a model tells texts that it has a label for from those that it has none for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from grutext.evaluation.decisions import BoolArray, Decisions
from grutext.evaluation.ranking import rank

_TRUE_POSITIVE_RATE = 0.95
_NAMES = re.compile(r"(oos|ood|out[ _-]?of[ _-]?(scope|domain|distribution))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Detection:
    """How well a score separates in-scope from out-of-scope texts.

    Attributes:
        roc_auc: The probability that an in-scope text has a higher score than an out-of-scope one.
        fpr95: The share of out-of-scope texts that are answered at the threshold that answers 95 % of the in-scope ones.
    """

    roc_auc: float
    fpr95: float


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """The figures on out-of-scope texts.

    Attributes:
        labels: The labels of the data that say "out of scope".
        texts: Texts that have one of them.
        in_scope: The other texts.
        accuracy: The share of the in-scope texts whose label is right.
        detection: For each score that may tell them apart, how well it does.
    """

    labels: tuple[str, ...]
    texts: int
    in_scope: int
    accuracy: float
    detection: Mapping[str, Detection]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values, for JSON."""
        return asdict(self) | {"labels": list(self.labels)}


def out_of_scope_labels(decisions: Decisions) -> tuple[str, ...]:
    """Return the labels that say "out of scope": those that the model does not know, and its own of such a name.

    >>> bool(_NAMES.fullmatch("out-of-scope"))
    True
    """
    return tuple(label for label in decisions.labels if label in decisions.unknown or _NAMES.fullmatch(label))


def measure_out_of_scope(
    decisions: Decisions, familiarity: npt.NDArray[np.floating] | None = None
) -> OutOfScope | None:
    """Return the figures on out-of-scope texts; None if the data hold none, nothing else, or several labels for a text.

    Scores are the `confidence` in the likeliest label that is in scope, and the `familiarity`.

    Args:
        decisions: What the model decided.
        familiarity: `(N,)`, of each text; None if it is not known.
    """
    labels = out_of_scope_labels(decisions)
    outside = np.isin(decisions.labels, labels)  # (C,)
    is_in = np.asarray(~decisions.actual[:, outside].any(axis=1))
    if decisions.multilabel or not labels or is_in.all() or not is_in.any():
        return None
    scores = {"confidence": decisions.probabilities[:, ~outside].max(axis=1)}
    if familiarity is not None:
        scores["familiarity"] = np.asarray(familiarity, np.float64)
    return OutOfScope(
        labels,
        int((~is_in).sum()),
        int(is_in.sum()),
        float(decisions.correct[is_in].mean()),
        {name: _detect(score, is_in) for name, score in scores.items()},
    )


def _detect(score: npt.NDArray[np.floating], is_in: BoolArray) -> Detection:
    area = rank(score, is_in).roc_auc
    assert area is not None, "there are texts of both kinds"
    # The highest threshold that at least 95 % of the in-scope texts reach.
    inside = np.sort(score[is_in])[::-1]
    threshold = inside[int(np.ceil(_TRUE_POSITIVE_RATE * len(inside))) - 1]
    return Detection(area, float((score[~is_in] >= threshold).mean()))
