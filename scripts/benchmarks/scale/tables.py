"""Render the results as the tables of `docs/research/scale.md`: cores, constants, checks and the costs of many texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import Result
from benchmarks.scale.model import STAGES, Corpus, PredictionCost, TrainingCost, Values, serial_share
from benchmarks.speed.tables import origin
from benchmarks.tables import markdown

PAGE = Path(__file__).parents[3] / "docs" / "research" / "scale.md"
BEGIN, END = "<!-- scale:begin -->", "<!-- scale:end -->"
KINDS = ("short", "long")
SIZES = tuple(10**power for power in range(6, 11))
_HOUR = 3600.0
_STAGES = {
    "read": "reading, duplicates, files",
    "words": "vocabulary",
    "choice": "choosing n-grams",
    "linear": "linear part",
    "pretraining": "pretraining, one epoch",
    "epochs": "training, one epoch",
    "rest": "calibration, writing",
}


def render_tables(rows: Sequence[Result]) -> str:
    """Return all tables that have results, as Markdown."""
    by_part = {part: [row for row in rows if row["part"] == part] for part in ("cores", "predict", "train")}
    tables = [_cores(by_part["cores"])]
    for kind in KINDS:
        tables += _prediction(kind, _of(kind, by_part["predict"]))
        tables += _training(kind, _of(kind, by_part["train"]))
    return "\n\n".join(filter(None, [*tables, origin(rows)]))


def _of(kind: str, rows: Sequence[Result]) -> list[Values]:
    """Return the values of a kind of texts, the fewest texts first."""
    return sorted(
        (row["values"] for row in rows if row["name"].startswith(kind)), key=lambda values: values["texts"]
    )


def _cores(rows: Sequence[Result]) -> str:
    lines = [
        [
            row["name"],
            f"{one:.1f}",
            f"{two:.1f}",
            f"{one / two:.2f}",
            f"{serial_share(one, two):.0%}",
            f"{1 / max(0.01, serial_share(one, two)):.1f}",
        ]
        for row in rows
        for one, two in [(row["values"]["one"], row["values"]["two"])]
    ]
    table = markdown(
        "work | 1 core, s | 2 cores, s | times as fast | serial share | at most, with any number of cores",
        lines,
    )
    return f"**One core and two**\n\n{table}" if table else ""


def fit_prediction(measured: Sequence[Values]) -> PredictionCost | None:
    """Return the cost through the two sizes before the largest, which checks it; None without three sizes."""
    return PredictionCost.fit(*measured[-3:-1]) if len(measured) > 2 else None


def fit_training(measured: Sequence[Values]) -> TrainingCost | None:
    """Return the cost that the two sizes before the largest show, which checks it; None without three sizes."""
    return TrainingCost.fit(*measured[-3:-1]) if len(measured) > 2 else None


def _prediction(kind: str, measured: Sequence[Values]) -> list[str]:
    cost = fit_prediction(measured)
    if cost is None:
        return []
    checks = [_check(values, cost.core_seconds(values["texts"])) for values in measured]
    costs = [
        [
            _power(texts),
            _amount(cost.core_seconds(texts) / _HOUR),
            _rate(_HOUR * texts / cost.core_seconds(texts)),
            _bytes(cost.read * texts),
            _bytes(cost.written * texts),
            f"{cost.megabytes:,.0f}",
        ]
        for texts in SIZES
    ]
    return [
        f"**Prediction, {kind} texts: predicted and measured core-seconds**\n\n"
        + markdown("texts | predicted | measured | difference | peak MB", checks),
        f"**Prediction, {kind} texts: {1e6 * cost.text:.0f} µs of a core for each**\n\n"
        + markdown("texts | core-hours | texts a core-hour | read | written | peak MB of a process", costs),
    ]


def _training(kind: str, measured: Sequence[Values]) -> list[str]:
    cost = fit_training(measured)
    if cost is None:
        return []
    checks = [_check(values, cost.core_seconds(Corpus.measured(values))) for values in measured]
    reference = Corpus.measured(measured[-2])
    amounts = reference.amounts()
    stages = [
        [_STAGES[stage], f"{measured[-2][stage]:.1f}", f"{1e6 * measured[-2][stage] / reference.texts:.0f}"]
        for stage in STAGES
        if amounts[stage]
    ]
    costs = []
    for texts in SIZES:
        corpus = Corpus(texts, reference.characters, reference.tokens)
        by_stage = cost.stages(corpus)
        total = sum(by_stage.values())
        longest = max(by_stage, key=by_stage.__getitem__)
        epochs, pretraining = corpus.chosen_epochs
        costs.append(
            [
                _power(texts),
                f"{pretraining} + {epochs}",
                _amount(total / _HOUR),
                _rate(_HOUR * texts / total),
                _bytes(cost.disk * texts),
                f"{_STAGES[longest].removesuffix(', one epoch')}, {by_stage[longest] / total:.0%}",
            ]
        )
    return [
        f"**Training, {kind} texts: core-seconds of each stage with {reference.texts:,.0f} texts**\n\n"
        + markdown("stage | s | µs a text", stages),
        f"**Training, {kind} texts, an epoch of each kind: predicted and measured core-seconds**\n\n"
        + markdown("texts | predicted | measured | difference | peak MB", checks),
        f"**Training, {kind} texts, with the epochs that grutext chooses**\n\n"
        + markdown(
            "texts | epochs of pretraining + training | core-hours | texts a core-hour | files on disk | longest stage",
            costs,
        ),
    ]


def _check(values: Values, predicted: float) -> list[str]:
    measured = values["cpu"]
    return [
        f"{values['texts']:,.0f}",
        f"{predicted:.1f}",
        f"{measured:.1f}",
        f"{predicted / measured - 1:+.0%}",
        f"{values['mb']:,.0f}",
    ]


def _power(texts: int) -> str:
    return f"10{str(len(str(texts)) - 1).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _amount(value: float) -> str:
    """Return a number with two digits at least."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _rate(value: float) -> str:
    """Return a number rounded to three digits."""
    return f"{float(f'{value:.3g}'):,.0f}"


def _bytes(size: float) -> str:
    """Return a size in the largest decimal unit of which it has at least one."""
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    for unit in units:
        if size < 1000 or unit == units[-1]:
            return f"{_amount(size)} {unit}"
        size /= 1000
    return ""
