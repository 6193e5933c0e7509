"""Render results as the tables of the section Speed in `docs/research/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import Result
from benchmarks.tables import number

BEGIN, END = "<!-- speed:begin -->", "<!-- speed:end -->"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: a value, or the quotient of two.

    Attributes:
        heading: Its heading.
        keys: The key of the value, or of dividend and divisor.
        form: The format of the number.
    """

    heading: str
    keys: tuple[str, ...]
    form: str = ".1f"

    def cell(self, row: Result) -> str:
        """Return the number of a row, or a dash if a value is missing."""
        values = [row["values"].get(key) for key in self.keys]
        if None in values:
            return number(None)
        return number(values[0] if len(values) == 1 else values[0] / values[1], self.form)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the rows of a part that have the value of the first column.

    Attributes:
        part: The part.
        caption: The caption.
        name: The heading of the column of row names.
        columns: The other columns.
    """

    part: str
    caption: str
    name: str
    columns: tuple[Column, ...]

    def render(self, rows: Sequence[Result]) -> str:
        """Return the table as Markdown; "" if there are no rows."""
        own = [row for row in rows if row["part"] == self.part and self.columns[0].keys[0] in row["values"]]
        if not own:
            return ""
        lines = [
            f"**{self.caption}**\n",
            f"| {' | '.join([self.name, *(column.heading for column in self.columns)])} |",
            "|" + "---|" * (len(self.columns) + 1),
            *(
                f"| {' | '.join([row['name'], *(column.cell(row) for column in self.columns)])} |"
                for row in own
            ),
        ]
        return "\n".join(lines)


_FACTOR = ".2f"
TABLES = (
    Table(
        "layer",
        'The layer, ms for a batch of 64; "ragged" has lengths of T/2 to T and a mask',
        "layer",
        (
            Column("Keras, forward", ("keras_forward",)),
            Column("ours", ("ours_forward",)),
            Column("factor", ("keras_forward", "ours_forward"), _FACTOR),
            Column("Keras, with gradients", ("keras_gradients",)),
            Column("ours", ("ours_gradients",)),
            Column("factor", ("keras_gradients", "ours_gradients"), _FACTOR),
            Column("GFLOP/s, ours with gradients", ("ours_gflops",), ".0f"),
            Column("plain product", ("product_gflops",), ".0f"),
            Column("share", ("ours_gflops", "product_gflops"), ".0%"),
        ),
    ),
    Table(
        "training",
        "Training, texts a second, mean over the epochs after the first",
        "data",
        (
            Column("texts in an epoch", ("texts",), ",.0f"),
            Column("rows of the vocabulary", ("rows",), ",.0f"),
            Column("Keras tutorial", ("keras",), ",.0f"),
            Column("grutext, whole default model", ("ours",), ",.0f"),
            Column("factor", ("ours", "keras"), _FACTOR),
        ),
    ),
    Table(
        "prediction",
        "Bulk prediction, texts a second from strings to labels",
        "data",
        (
            Column("grutext", ("ours",), ",.0f"),
            Column("without Numba", ("ours_numpy",), ",.0f"),
            Column("its GRU alone", ("gru",), ",.0f"),
            Column("Keras, batch 64", ("keras",), ",.0f"),
            Column("Keras, best batch", ("keras_best",), ",.0f"),
            Column("ONNX Runtime", ("onnx",), ",.0f"),
            Column("fastText", ("fasttext",), ",.0f"),
            Column("SVM", ("svm",), ",.0f"),
            Column("grutext over Keras", ("ours", "keras"), _FACTOR),
            Column("over its best batch", ("ours", "keras_best"), _FACTOR),
            Column("over SVM", ("ours", "svm"), _FACTOR),
            Column("GRU over Keras", ("gru", "keras"), _FACTOR),
            Column("over its best batch", ("gru", "keras_best"), _FACTOR),
            Column("over ONNX Runtime", ("gru", "onnx"), _FACTOR),
        ),
    ),
    Table(
        "prediction",
        "The GRU part alone from ids to labels, texts a second, and the rates of recurrent products in GFLOP/s",
        "data",
        (
            Column("grutext", ("gru_ids",), ",.0f"),
            Column("ONNX Runtime", ("onnx_ids",), ",.0f"),
            Column("factor", ("gru_ids", "onnx_ids"), _FACTOR),
            Column("recurrence, one core", ("loop_gflops",), ".0f"),
            Column("plain product, one core", ("core_gflops",), ".0f"),
            Column("share", ("loop_gflops", "core_gflops"), ".0%"),
            Column("recurrence with its inputs, all cores", ("recurrence_gflops",), ".0f"),
            Column("plain product", ("product_gflops",), ".0f"),
            Column("share", ("recurrence_gflops", "product_gflops"), ".0%"),
        ),
    ),
    Table(
        "latency",
        "One text, ms",
        "text",
        (
            Column("grutext, p50", ("ours_p50",), _FACTOR),
            Column("p99", ("ours_p99",), _FACTOR),
            Column("without Numba, p50", ("ours_numpy_p50",), _FACTOR),
            Column("its GRU alone, p50", ("gru_p50",), _FACTOR),
            Column("p99", ("gru_p99",), _FACTOR),
            Column("GRU from ids, p50", ("ids_p50",), _FACTOR),
            Column("p99", ("ids_p99",), _FACTOR),
            Column("ONNX Runtime from ids, p50", ("onnx_ids_p50",), _FACTOR),
            Column("p99", ("onnx_ids_p99",), _FACTOR),
            Column("its graph alone, p50", ("onnx_p50",), _FACTOR),
            Column("Keras `model(…)`, p50", ("call_p50",)),
            Column("`predict`, p50", ("predict_p50",)),
            Column("grutext over ONNX Runtime from ids, time", ("ours_p50", "onnx_ids_p50"), _FACTOR),
            Column("both from ids", ("ids_p50", "onnx_ids_p50"), _FACTOR),
            Column("GRU from ids over the graph alone", ("ids_p50", "onnx_p50"), _FACTOR),
            Column("grutext over the graph alone", ("ours_p50", "onnx_p50"), _FACTOR),
        ),
    ),
    Table(
        "start",
        "Cold start, a fresh process each",
        "command",
        (
            Column("s", ("seconds",), ".3f"),
            Column("times `import numpy`", ("seconds", "numpy_seconds"), ".1f"),
            Column("peak MB", ("mb",), ".0f"),
        ),
    ),
    Table(
        "growth",
        "A training step of 64 texts of at most 32 tokens, ms",
        "rows of the vocabulary",
        (
            Column("grutext", ("ours_step",)),
            Column("times the smallest", ("ours_step", "ours_smallest"), _FACTOR),
            Column("Keras tutorial", ("keras_step",)),
            Column("times the smallest", ("keras_step", "keras_smallest"), _FACTOR),
        ),
    ),
    Table(
        "growth",
        "Prediction and its peak memory",
        "texts",
        (
            Column("s", ("seconds",), ".3f"),
            Column("tokens a second", ("tokens", "seconds"), ",.0f"),
            Column("peak MB", ("mb",), ".0f"),
        ),
    ),
)


def render_tables(rows: Sequence[Result]) -> str:
    """Return all tables that have rows, and a line on what was measured, as Markdown."""
    tables = [table.render(rows) for table in TABLES]
    return "\n\n".join(filter(None, [*tables, origin(rows)]))


def origin(rows: Sequence[Result]) -> str:
    """Return a line with the commits and the versions of the rows; "" if there are none."""
    commits = sorted({row["commit"] for row in rows if row["commit"]})
    versions = sorted({f"{name} {found}" for row in rows for name, found in row["versions"].items()})
    return (
        f"Measured: {', '.join([*(f'grutext at {commit}' for commit in commits), *versions])}."
        if rows
        else ""
    )
