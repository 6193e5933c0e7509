"""`grutext verify`: whether a model answers as it did when it was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grutext.cli.options import Command, json_option, model_option, print_json
from grutext.errors import BundleError

if TYPE_CHECKING:
    from grutext.inference.golden import GoldenAnswer

_QUOTED = 40  # characters of a text


@click.command(
    "verify",
    cls=Command,
    epilog="\b\nExample:\n  grutext verify -m reviews\n  grutext verify -m reviews --json",
)
@model_option("The model to verify.")
@json_option
def verify_command(folder: Path, as_json: bool) -> None:
    """Check that a model answers as it did when it was made.

    A model stores a few texts with the probabilities that it predicted when it was made. It is an error if one of
    them now gets another label, or a probability that differs by more than 0.00001.
    """
    from grutext.inference import Classifier
    from grutext.inference.golden import TOLERANCE, replay_golden

    answers = replay_golden(Classifier.load(folder, compiled=False))
    largest = max(answer.difference for answer in answers)
    wrong = [n for n, answer in enumerate(answers) if not answer.same]
    if wrong:
        raise BundleError(
            f"{folder}: {len(wrong)} of {len(answers)} golden texts have other answers than when the model was "
            f"made; {_describe(wrong[0] + 1, answers[wrong[0]])}; use the versions that grutext show lists, or "
            "train it again"
        )
    if as_json:
        print_json(
            {
                "model": str(folder),
                "texts": len(answers),
                "largest_difference": largest,
                "tolerance": TOLERANCE,
                "rows": [{"text": a.text, "label": a.label, "difference": a.difference} for a in answers],
            }
        )
    else:
        click.echo(
            f"{len(answers)} of {len(answers)} golden texts: largest difference {largest:.1e}; "
            "the model answers as it did when it was made"
        )


def _describe(number: int, answer: GoldenAnswer) -> str:
    """Return one phrase about how an answer differs."""
    quoted = ascii(answer.text[:_QUOTED]) + ("…" if len(answer.text) > _QUOTED else "")
    relabelled = "" if answer.label == answer.was else f", label {answer.label!r} instead of {answer.was!r}"
    return f"text {number} ({quoted}): difference {answer.difference:.1e}{relabelled}"
