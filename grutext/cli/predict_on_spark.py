"""`grutext predict --on spark`: labels for tables that a Spark cluster reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import print_notes
from grutext.cli.spark import Cluster, check_options

if TYPE_CHECKING:
    from grutext.data.examples import ColumnNames
    from grutext.inference import AnswerOptions

_SUPPORTED = {
    *("sources", "folder", "output", "proba", "early", "top_k", "abstain_below", "familiar_above"),
    *("familiarity", "text_column", "encoding", "form", "delimiter", "on", "master", "remote"),
    *("model_on_workers", "quiet"),
}


@dataclass(frozen=True, slots=True)
class SparkPrediction:
    """What `predict` is to do on a cluster.

    Attributes:
        sources: Files, folders and patterns, as Spark names them.
        output: The folder to write.
        model: The folder of the model.
        on_workers: Whether the model is on the workers already.
        text_column: The column of the texts, or several; None is that of the training data.
        wanted: What is added to each row.
        form: The format of the input; None is that of its name.
        delimiter: The character between two cells of CSV and TSV; None is that of the format.
        encoding: The encoding of the input; None is UTF-8.
    """

    sources: tuple[str, ...]
    output: str | None
    model: Path
    on_workers: bool
    text_column: ColumnNames
    wanted: AnswerOptions
    form: str | None
    delimiter: str | None
    encoding: str | None

    def run(self, cluster: Cluster, quiet: bool) -> None:
        """Label the rows and write them; then print how many there are.

        Raises:
            click.UsageError: The command line has an option that is not for clusters, or names no folder to write.
            GrutextError: The rows cannot be read, labelled or written.
        """
        from grutext.requirements import check_installed

        check_options(_SUPPORTED)
        if self.output is None or "-" in (self.output, *self.sources):
            raise click.UsageError("--on spark reads files and writes a folder: INPUT -o FOLDER.")
        check_installed("grutext predict --on spark", "pyspark", "pyarrow")
        from pyspark.sql import Observation

        from grutext.distributed.spark.prediction import count_rows, describe, label_rows
        from grutext.distributed.spark.sessions import open_session
        from grutext.distributed.spark.tables import TableFormat, find_format, read_table, write_table
        from grutext.inference.columns import is_probability

        read = TableFormat(self._find_format(), self.delimiter, self.encoding)
        name = find_format(self.output, default=read.name)
        written = TableFormat(name, self.delimiter if name == read.name else None)
        with open_session(cluster.master, cluster.remote) as session:
            rows = read_table(session, self.sources, read)
            predictor = describe(rows, self.model, self.text_column, self.wanted)
            labelled = label_rows(rows, predictor, self.on_workers)
            names = predictor.names(rows.columns)
            probabilities = [names[name] for name in names if is_probability(name)]
            if quiet:  # counts are not for every engine that speaks Spark Connect
                write_table(labelled, self.output, written, probabilities)
                return
            counts = Observation()
            measures = count_rows(predictor, names)
            write_table(labelled.observe(counts, *measures), self.output, written, probabilities)
            print_notes(self._summarize(counts.get))

    def _find_format(self) -> str:
        """Return the format of the sources.

        Raises:
            DataError: They have several formats, or one that Spark does not have, or no delimiter where one is named.
        """
        from grutext.distributed.spark.tables import find_format
        from grutext.errors import DataError

        first, *others = dict.fromkeys(find_format(source, self.form) for source in self.sources)
        source = " ".join(self.sources)
        if others:
            raise DataError(f"are files of several formats ({first}, {others[0]}); name those of one", source)
        if self.delimiter is not None and first not in ("csv", "tsv"):
            raise DataError(f"is read as {first}; --delimiter is for CSV and TSV", source)
        return first

    def _summarize(self, counts: dict[str, Any]) -> Iterator[str]:
        """Yield the lines at the end, as `predict` on one machine prints them."""
        from grutext.messages import count

        if empty := counts["empty"]:
            are = "is" if empty == 1 else "are"
            yield f"{' '.join(self.sources)}: {count(empty, 'text')} {are} empty (labelled nevertheless)"
        if (undecoded := counts["undecoded"]) and self._find_format() in ("csv", "tsv"):
            have, text = ("has", "a text") if undecoded == 1 else ("have", f"{undecoded:,} texts")
            yield (
                f"{' '.join(self.sources)}: {text} {have} characters that are lost (U+FFFD), as if the file had another "
                "encoding; name it with --encoding"
            )
        if self.wanted.abstains:
            left = counts["abstained"]
            are = "is" if left == 1 else "are"
            yield f"{left:,} of {count(counts['rows'], 'text')} {are} left to a person"
        yield f"{self.output}: {count(counts['rows'], 'row')}"
