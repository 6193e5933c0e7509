"""Leaving a text to a person: the option, and the words for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from grutext.errors import BundleError

if TYPE_CHECKING:
    from grutext.inference import Classifier

abstain_option = click.option(
    "--abstain-below",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Leave texts to a person whose confidence is below P.",
)
familiarity_option = click.option(
    "--familiarity", is_flag=True, help="Also say how much each text is like the training texts."
)


def check_supported(model: Classifier, below: float | None, familiarity: bool = False) -> None:
    """Raise a BundleError if the model has no familiarity, or cannot tell how likely an answer is to be right.

    How likely a whole set of labels is to be right, no model knows.
    """
    if below is not None and model.multilabel:
        raise BundleError(
            "--abstain-below is for models that give one label to a text; this one gives several, leave it out"
        )
    if familiarity:
        model.familiarity([])  # raises where the model has none


def best_offer(abstention: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Gives what is worth telling of a bundle's thresholds, if anything is.

    If an error rate of 2 % or lower holds for all texts, the lowest such; else the lowest that holds for at least
    half of them. That it is picked after the thresholds were seen makes it mislead more often than each of them,
    but by simulation still in fewer than one of ten dev parts (tests/training/calibration/test_abstention.py).
    """
    useful = [entry for entry in abstention if entry["coverage"] >= 0.5]
    whole = [entry for entry in useful if entry["coverage"] == 1 and entry["errors"] <= 0.02]
    return next(iter(whole or useful), None)


def offer_line(abstention: Sequence[dict[str, Any]], texts: int) -> str:
    """Says in one line how much a model can take off people's hands, by `best_offer`.

    Args:
        abstention: As it stands in a bundle.
        texts: The size of the dev part.
    """
    best = best_offer(abstention)
    if best is None:
        highest = 100 * max(entry["errors"] for entry in abstention)
        return (
            f"--abstain-below cannot be sure of ≤ {highest:g} % errors for half of the texts: "
            f"too many errors, or too few dev texts ({texts:,})"
        )
    if best["coverage"] == 1:
        return f"answers all texts at ≤ {100 * best['errors']:g} % errors"
    return (
        f"answers {math.floor(100 * best['coverage'])} % of texts at ≤ {100 * best['errors']:g} % errors; "
        f"the rest go to a person: --abstain-below {best['threshold']:g}"
    )


def list_thresholds(abstention: Sequence[dict[str, Any]]) -> str:
    """Gives all thresholds of a bundle on one line."""
    return ", ".join(
        f"≤ {100 * entry['errors']:g} % errors "
        + (
            "not held"
            if entry["threshold"] is None
            else f"for {math.floor(100 * entry['coverage'])} % of texts from {entry['threshold']:g}"
        )
        for entry in abstention
    )


def outcome_line(outcome: dict[str, Any]) -> str:
    """Says in one line what came of abstaining.

    Args:
        outcome: As `grutext.evaluation.selective_risk` gives it.
    """
    below = f"--abstain-below {outcome['threshold']:g}"
    if outcome["errors"] is None:
        return f"{below} answers none of the texts"
    return f"{below} answers {100 * outcome['coverage']:.1f} % of texts, {100 * outcome['errors']:.1f} % of these wrongly"
