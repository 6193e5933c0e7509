"""Prediction on Arrow record batches: what every engine that hands these over can call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grutext.data import name_added, remembered_columns
from grutext.data.cells import read_text
from grutext.data.examples import ColumnNames, list_columns
from grutext.data.formats.parquet import list_rows
from grutext.data.records import Record
from grutext.distributed.models import load_once
from grutext.errors import DataError
from grutext.inference import AnswerOptions, Classifier
from grutext.messages import list_names, quote, suggest
from grutext.model.reading import model_digest
from grutext.requirements import check_installed

if TYPE_CHECKING:
    import pyarrow as pa

# Rows that are labelled together, and about how many bytes, whichever is reached first.
_ROWS, _BYTES = 4096, 1 << 22
_NO_OPTIONS = AnswerOptions()


@dataclass(frozen=True)
class BatchPredictor:
    """Adds labels to batches of rows.

    It holds no model, only where the model is, so that it can be sent to every worker of a cluster. A process loads the
    model when it labels its first batch, and keeps it.

    The columns of a batch stay; `label` and `confidence` are added, and what the options ask for, with the prefix
    `predicted_` where a name is taken. A missing text is an empty text, which the model labels too. The values are those of `grutext predict`.

    Attributes:
        folder: The folder of the model.
        digest: The SHA-256 of the model; every worker must have the same one.
        labels: The labels of the model.
        multilabel: Whether a text may have several labels, or none.
        text_columns: The columns of the texts; of several, the texts that are not blank are joined with a line break.
        options: What is added, and which texts get no label.
        threads: The number of threads that label a batch.
        ignores_case: Whether columns whose names differ only in case may not stand side by side, as in Spark.
    """

    folder: str
    digest: str
    labels: tuple[str, ...]
    multilabel: bool
    text_columns: tuple[str, ...]
    options: AnswerOptions = _NO_OPTIONS
    threads: int = 1
    ignores_case: bool = False

    @classmethod
    def load(
        cls,
        folder: str | Path,
        text_column: ColumnNames = None,
        options: AnswerOptions = _NO_OPTIONS,
        threads: int = 1,
    ) -> BatchPredictor:
        """Describe a prediction by the model in a folder, which is checked and must be at the same path on all workers.

        Args:
            folder: The folder of the model.
            text_column: The column of the texts, or several; None is that of the training data.
            options: What is added, and which texts get no label.
            threads: The number of threads that label a batch.

        Raises:
            MissingExtraError: pyarrow is not installed.
            BundleError: The folder is missing or damaged, or its model cannot do what the options ask for.
            ConfigError: An option has a wrong value.
            DataError: No column is named, and the model remembers none.
        """
        check_installed("labelling batches of rows", "pyarrow")
        path = Path(folder).absolute()
        model = Classifier.load(path, threads, compiled=False)
        options.check(model)
        named = text_column or remembered_columns(model.bundle.data).text
        if named is None:
            raise DataError("the model remembers no text column; name the one with texts")
        return cls(
            str(path),
            model_digest(path),
            model.labels,
            model.multilabel,
            list_columns(named),
            options,
            threads,
        )

    def moved(self, folder: str, threads: int) -> BatchPredictor:
        """Return the same prediction on a machine that has the model in another folder."""
        return replace(self, folder=folder, threads=threads)

    def check_columns(self, columns: Sequence[str]) -> None:
        """Raise a DataError if rows with these columns have no text column, or have it twice."""
        for name in self.text_columns:
            if name not in columns:
                problem = f"there is no column {quote(name)}{suggest(name, columns)}"
                raise DataError(f"{problem} The columns are: {list_names(columns)}")
            if columns.count(name) > 1:
                raise DataError(f"two columns are called {quote(name)}; rename one of them")

    def names(self, columns: Iterable[str]) -> dict[str, str]:
        """Return the names of the added columns beside other columns, by their own names, as `AnswerOptions.fields` has them."""
        return name_added(self._types, columns, str.casefold if self.ignores_case else str)

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns and types of labelled rows.

        Args:
            schema: Those of the rows.

        Raises:
            DataError: The rows have no text column.
        """
        self.check_columns(schema.names)
        for field in self.added(schema.names):
            schema = schema.append(field)
        return schema

    def added(self, columns: Sequence[str]) -> list[pa.Field]:
        """Return the columns that are added to others, with their types."""
        import pyarrow as pa

        names = self.names(columns)
        return [pa.field(names[name], kind) for name, kind in self._types.items()]

    @cached_property
    def _types(self) -> dict[str, pa.DataType]:
        """The type of each added column, by its own name."""
        import pyarrow as pa

        ranked = pa.struct([("label", pa.string()), ("probability", pa.float64())])
        types = {
            "label": pa.list_(pa.string()) if self.multilabel else pa.string(),
            "confidence": pa.float64(),
        }
        if self.options.abstains:
            types["abstained"] = pa.bool_()
        if self.options.familiarity:
            types["familiarity"] = pa.float64()
        if self.options.proba:
            types |= {f"p_{label}": pa.float64() for label in self.labels}
        if self.options.top_k is not None:
            types["top"] = pa.list_(ranked)
        return types

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows with their labels, in batches that hold no more than a few megabytes of rows.

        Raises:
            BundleError: The folder of the model is not on this machine, or has another model.
            DataError: The rows have no text column, or a value in it is no text.
        """
        for batch in batches:
            schema = self.schema(batch.schema)
            model = load_once(self.folder, self.digest, self.threads)
            rows = max(1, min(_ROWS, _BYTES * batch.num_rows // max(batch.nbytes, 1)))
            for start in range(0, batch.num_rows, rows):
                yield self._label(batch.slice(start, rows), schema, model)

    def predict_table(self, table: pa.Table) -> pa.Table:
        """Return a table with the labels of its rows; raises what calling it raises."""
        import pyarrow as pa

        return pa.Table.from_batches(self(table.to_batches()), self.schema(table.schema))

    def _label(self, batch: pa.RecordBatch, schema: pa.Schema, model: Classifier) -> pa.RecordBatch:
        import pyarrow as pa

        answers = self.options.answer(model, self._read_texts(batch))
        rows: list[dict[str, Any]] = [self.options.fields(answer, self.labels) for answer in answers]
        columns = [pa.array([row[name] for row in rows], kind) for name, kind in self._types.items()]
        return pa.RecordBatch.from_arrays([*batch.columns, *columns], schema=schema)

    def _read_texts(self, batch: pa.RecordBatch) -> list[str]:
        rows = list_rows(batch.select(list(self.text_columns)))
        try:
            return [read_text(Record(0, row, ""), self.text_columns) for row in rows]
        except DataError as error:
            raise DataError(error.problem) from None  # the number of the row is unknown here
