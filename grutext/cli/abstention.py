"""Abstention (leaving a text to a person) and familiarity: the options, and the messages about them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import read_finite
from grutext.errors import BundleError
from grutext.messages import count

if TYPE_CHECKING:
    from grutext.inference import Answer, Classifier

abstain_option = click.option(
    "--abstain-below",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Leave texts with a confidence below P to a person.",
)


familiar_above_option = click.option(
    "--familiar-above",
    type=float,
    callback=read_finite,
    metavar="X",
    help="Leave texts with a familiarity below X to a person.",
)
familiarity_option = click.option(
    "--familiarity", is_flag=True, help="Also print how much each text is like the training texts."
)


def check_supported(model: Classifier, below: float | None, familiarity: bool = False) -> None:
    """Raise a BundleError if a model cannot do what is asked for.

    A model that gives several labels to a text has no probability for the whole set, and a model that an old version
    trained has no familiarity.

    Args:
        model: The model.
        below: The confidence below which it is to abstain, if any.
        familiarity: Whether its familiarity is asked for.
    """
    if below is not None and model.multilabel:
        raise BundleError(
            "--abstain-below is for models that give one label to a text; this one gives several, leave it out"
        )
    if familiarity:
        model.familiarity([])  # raises where the model has none


@dataclass
class LeftToPerson:
    """Counts of the texts that are left to a person.

    Attributes:
        familiar_above: The familiarity that a text must reach to be answered, if any.
        unfamiliar: The number of texts below it.
        unsure: The number of other texts that are not answered, whose confidence is too low.
    """

    familiar_above: float | None
    unfamiliar: int = 0
    unsure: int = 0

    def add(self, answers: Iterable[Answer]) -> None:
        """Count the answers without a label."""
        for answer in answers:
            is_unfamiliar = (
                self.familiar_above is not None
                and answer.familiarity is not None
                and answer.familiarity < self.familiar_above
            )
            self.unfamiliar += is_unfamiliar
            self.unsure += answer.abstained and not is_unfamiliar


def left_line(unsure: int, unfamiliar: int, texts: int) -> str:
    """Return how many texts are left to a person, and why, as part of a line."""
    are = "is" if unsure + unfamiliar == 1 else "are"
    return (
        f"{unsure + unfamiliar:,} of {count(texts, 'text')} {are} left to a person "
        f"({unsure:,} unsure, {unfamiliar:,} unfamiliar)"
    )


def familiar_line(unfamiliar: Sequence[dict[str, Any]]) -> str:
    """Return one line about the highest of a bundle's thresholds of familiarity.

    Args:
        unfamiliar: The thresholds, as in a bundle.
    """
    best = unfamiliar[-1]
    refused = 100 * (1 - best["coverage"])
    return (
        f"leaves the least familiar texts to a person, {refused:.1f} % of the dev texts: "
        f"--familiar-above {best['threshold']:g}"
    )


def list_familiarity(unfamiliar: Sequence[dict[str, Any]]) -> str:
    """Return all thresholds of familiarity of a bundle as one line."""
    return ", ".join(
        f"{entry['threshold']:g} refuses {100 * (1 - entry['coverage']):.1f} % of the dev texts"
        for entry in unfamiliar
    )


def best_offer(abstention: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the most useful of a bundle's thresholds; None if there is none.

    It is the lowest error rate that holds for all texts, if one of 2 % or less does; else the lowest that holds for at
    least half of them. Since it is picked after the thresholds were seen, its error rate is exceeded more often than that
    of each threshold, but in simulations still for fewer than one of ten dev sets
    (tests/training/calibration/test_abstention.py).
    """
    useful = [entry for entry in abstention if entry["coverage"] >= 0.5]
    whole = [entry for entry in useful if entry["coverage"] == 1 and entry["errors"] <= 0.02]
    return next(iter(whole or useful), None)


def offer_line(abstention: Sequence[dict[str, Any]], texts: int) -> str:
    """Return one line about how many texts a model can answer at a low error rate, chosen by `best_offer`.

    Args:
        abstention: The thresholds, as in a bundle.
        texts: The number of dev texts.
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
    """Return all thresholds of a bundle as one line, those that do not hold at its end."""
    return _list_promises(
        [
            f"≤ {100 * entry['errors']:g} % errors for {math.floor(100 * entry['coverage'])} % of texts from {entry['threshold']:g}"
            for entry in abstention
            if entry["threshold"] is not None
        ],
        [f"≤ {100 * entry['errors']:g} % errors" for entry in abstention if entry["threshold"] is None],
    )


def list_gaps(early: Sequence[dict[str, Any]]) -> str:
    """Return all gaps of early answers that a bundle offers as one line, those that do not hold at its end."""
    return _list_promises(
        [
            f"gap {entry['gap']:g} reads {100 * entry['words_read']:.0f} % of the words"
            for entry in early
            if entry["threshold"] is not None
        ],
        [f"gap {entry['gap']:g}" for entry in early if entry["threshold"] is None],
    )


def _list_promises(held: Sequence[str], not_held: Sequence[str]) -> str:
    too_few = "cannot be promised with these dev texts (too few, or too many errors): "
    return "; ".join(filter(None, (", ".join(held), too_few + ", ".join(not_held) if not_held else "")))


def outcome_line(outcome: dict[str, Any], texts: int) -> str:
    """Return one line about the outcome of abstaining.

    Args:
        outcome: As `grutext.evaluation.selective_risk` returns it.
        texts: The number of texts.
    """
    options = (("--abstain-below", outcome["threshold"]), ("--familiar-above", outcome["familiar_above"]))
    given = " ".join(f"{option} {value:g}" for option, value in options if value is not None)
    left = left_line(outcome["unsure"], outcome["unfamiliar"], texts)
    if outcome["errors"] is None:
        return f"{given} answers none of the texts; {left}"
    answered = f"{100 * outcome['coverage']:.1f} % of texts, {100 * outcome['errors']:.1f} % of these wrongly"
    return f"{given} answers {answered}; {left}"
