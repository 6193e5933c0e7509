"""`scripts/bench readme`: write the tables of the README from the results of the other benchmarks."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import click

from benchmarks.accuracy import ROOT
from benchmarks.few.tables import Table
from benchmarks.results import Result, read_results
from benchmarks.tables import group_rows, markdown, mean, number, replace_tables

README = ROOT / "README.md"
BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
SHOWN = {
    "sst2": "film reviews",
    "trec6": "questions",
    "banking77": "77 intents",
    "chnsenticorp": "Chinese",
    "20ng_noheaders": "newsgroups",
}
ROWS = 300
COLUMNS = ("SVM", "logistic + static", "grutext", "grutext + unlabelled")


def read_all() -> list[list[Result]]:
    """Read the results of the benchmarks with all labels, with few labels, and of speed."""
    return [read_results(ROOT / "benchmarks" / f"{name}.jsonl") for name in ("accuracy", "few", "speed")]


def render_accuracies(many: Sequence[Result], few: Sequence[Result]) -> str:
    """Return the table of accuracies with few and with all labels; the means are over the sets that all have."""
    table = Table(few, ROWS)
    whole = {row.name: row for row in group_rows(many, None)}
    lines = {}
    for name in table.sets:
        row = whole[name]
        measured = [list(table.accuracies(name, column).values()) for column in COLUMNS]
        measured += [row.peer(row.svm), row.peer(row.fasttext), row.ours()]
        lines[name] = [mean(values) for values in measured]
    complete = [line for line in lines.values() if None not in line]
    means = [mean([value for value in column if value is not None]) for column in zip(*complete, strict=True)]
    header = f"data | SVM, {ROWS} labels | static vectors | grutext | + unlabelled | SVM, all labels | fastText | grutext"
    return markdown(
        header,
        [
            *([f"{name}: {what}", *_figures(lines[name])] for name, what in SHOWN.items() if name in lines),
            [f"**mean of {len(complete)} sets**", *_figures(means)],
        ],
    )


def render_costs(many: Sequence[Result], speed: Sequence[Result]) -> str:
    """Return the table of speed and size: medians over the sets with one label a text, and single measurements."""
    rows = [row for row in group_rows(many, None) if not row.multilabel]
    values = {(row["part"], row["name"]): row["values"] for row in speed}
    reviews = values["prediction", "imdb"]
    text = values["latency", "imdb, 128 tokens"]
    start = values["start", "`grutext classify letter.txt`, model of imdb"]
    return markdown(
        "speed and size | SVM | fastText | Keras tutorial | grutext",
        [
            [
                "long reviews in a second (imdb)",
                *(f"{reviews[system]:,.0f}" for system in ("svm", "fasttext", "keras_best", "ours")),
            ],
            [
                "one text of 128 tokens, ms",
                *_missing(2),
                f"{text['predict_p50']:.0f}",
                f"{text['ours_p50']:.2f}",
            ],
            [
                "a label from a cold start, s",
                *_missing(2),
                f"> {values['start', '`import tensorflow`']['seconds']:.1f}",
                f"{start['seconds']:.2f}",
            ],
            *(
                [
                    name,
                    number(_median([[row.svm] for row in rows], key), ".0f"),
                    number(_median([[row.fasttext] for row in rows], key), ".0f"),
                    *_missing(1),
                    number(_median([row.runs for row in rows], key), ".0f"),
                ]
                for name, key in (
                    ("processor seconds to train, median", "cpu_seconds"),
                    ("MB of the model, median", "mb"),
                )
            ),
        ],
    )


def render_tables(many: Sequence[Result], few: Sequence[Result], speed: Sequence[Result]) -> str:
    """Return both tables as Markdown."""
    return f"{render_accuracies(many, few)}\n\n{render_costs(many, speed)}"


def _figures(line: Sequence[float | None]) -> list[str]:
    return [number(value, ".1f") for value in line]


def _missing(count: int) -> list[str]:
    return [number(None)] * count


def _median(rows: Sequence[Sequence[Result | None]], key: str) -> float | None:
    """Return the median over the sets of a system's mean, None if it was measured on none."""
    measured = [[one[key] for one in row if one and key in one] for row in rows]
    return statistics.median([statistics.fmean(row) for row in measured if row])


@click.command()
def main() -> None:
    """Write the tables of the README from benchmarks/accuracy.jsonl, few.jsonl and speed.jsonl."""
    tables = render_tables(*read_all())
    README.write_text(
        replace_tables(README.read_text(encoding="utf-8"), tables, BEGIN, END), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
