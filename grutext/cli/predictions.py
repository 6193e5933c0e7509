"""The files of `evaluate -o` and `evaluate --errors`: each text with its truth and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import check_table_file

if TYPE_CHECKING:
    from grutext.evaluation import Predictions

_COLUMNS = ("source", "line", "text", "label", "predicted", "confidence", "loss", "right")
_LOSS_DECIMALS = 4

output_option = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File for every text with its label and its answer, the worst answers first.",
)
errors_option = click.option(
    "--errors",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File for the texts with a wrong answer, the worst ones first.",
)


def check_prediction_files(sources: Sequence[str], *targets: Path | None, safe_csv: bool = False) -> None:
    """Check the names of the files before anything is computed.

    Raises:
        UsageError: One is stdout, both are one file, or `safe_csv` is given and there is no file or one that is no table.
        DataError: One is an input, its folder does not exist, or it has a format that cannot be written.
    """
    named = list(filter(None, targets))
    if len({target.resolve() for target in named}) < len(named):
        raise click.UsageError("-o and --errors name the same file.")
    if safe_csv and not named:
        raise click.UsageError("--safe-csv is for the files of -o and --errors.")
    for target in named:
        if str(target) == "-":
            raise click.UsageError("-o and --errors need the name of a file: stdout has the report.")
        check_table_file(sources, target, safe_csv)


def write_predictions(
    predictions: Predictions, target: Path, *, only_wrong: bool = False, safe: bool = False
) -> int:
    """Write predictions to a file, the worst first; return the number of rows.

    Args:
        predictions: The predictions.
        target: A `.csv`, `.tsv` or `.jsonl` file, also `.gz`.
        only_wrong: Whether right ones are left out.
        safe: Whether spreadsheets must not read cells as formulas.

    Raises:
        DataError: The file cannot be written.
    """
    from grutext.data import NewTable, open_writer

    several = predictions.model.multilabel
    rows = [one for one in predictions.worst_first() if not (only_wrong and one.is_right)]
    with open_writer(str(target), None, NewTable(_COLUMNS), safe=safe) as writer:
        for one in rows:
            example = one.example
            values = (
                example.source,
                example.row,
                example.text,
                _cell(example.labels, several),
                _cell(one.labels, several),
                one.confidence,
                round(one.loss, _LOSS_DECIMALS),
                one.is_right,
            )
            writer.write(dict(zip(_COLUMNS, values, strict=True)))
    return len(rows)


def _cell(labels: tuple[str, ...], several: bool) -> Any:
    """Return labels as the value of a cell: a list where a text may have several."""
    return list(labels) if several else labels[0]
