"""`grutext predict`: labels for a whole file of rows, in constant memory."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.abstention import (
    LeftToPerson,
    abstain_option,
    check_supported,
    familiar_above_option,
    familiarity_option,
    left_line,
)
from grutext.cli.options import (
    Command,
    check_not_the_input,
    check_safe_csv,
    complete_file,
    dialect_options,
    early_option,
    encoding_option,
    format_option,
    model_option,
    print_notes,
    quiet_option,
    safe_csv_option,
    text_column_option,
    threads_option,
    top_k_option,
)
from grutext.cli.predict_on_spark import SparkPrediction
from grutext.cli.spark import Cluster, cluster_options

if TYPE_CHECKING:
    from grutext.data import Dialect, Row
    from grutext.inference import Classifier

BATCH, BATCH_CHARACTERS = 4096, 1 << 22  # rows and characters of their texts, whichever is reached first
_PACKED = 3  # bytes of text that gzip packs into one, roughly


@click.command(
    "predict",
    cls=Command,
    epilog="\b\nExample:\n  grutext predict mails.csv -m reviews -o labelled.csv\n"
    "  cat mails.jsonl | grutext predict - --format jsonl --proba",
)
@click.argument("sources", shell_complete=complete_file, nargs=-1, required=True, metavar="INPUT...")
@model_option("The model that answers.")
@click.option(
    "-o", "--output", type=click.Path(readable=False), metavar="FILE", help="File to write [default: stdout]."
)
@click.option("--resume", is_flag=True, help="Continue the interrupted run of this command.")
@safe_csv_option
@click.option("--proba", is_flag=True, help="Add the probability of each label, as columns p_LABEL.")
@early_option()
@top_k_option
@abstain_option
@familiar_above_option
@familiarity_option
@text_column_option
@encoding_option
@format_option
@dialect_options
@threads_option
@cluster_options
@click.option(
    "--model-on-workers",
    is_flag=True,
    help="The model folder is at the same path on every worker, and is not sent to them.",
)
@quiet_option
def predict_command(
    sources: tuple[str, ...],
    folder: Path,
    output: str | None,
    resume: bool,
    safe_csv: bool,
    proba: bool,
    early: float | None,
    top_k: int | None,
    abstain_below: float | None,
    familiar_above: float | None,
    familiarity: bool,
    text_column: tuple[str, ...],
    encoding: str | None,
    form: str | None,
    dialect: Dialect,
    threads: int | None,
    cluster: Cluster | None,
    model_on_workers: bool,
    quiet: bool,
) -> None:
    """Add a label and its confidence to each row of INPUT.

    INPUT is a file in one of the formats that --format lists, also .gz, tfds:NAME[/CONFIG][:SPLIT], or `-` for stdin; each line of a .txt file is a
    text. Several files with the same columns are read one after the other. Rows, columns and their order stay as they are; `label` and `confidence` are added, or `predicted_label` and
    `predicted_confidence` where the names are taken. The output has the format of its name, or else that of INPUT
    (lines of text become TSV, parquet becomes JSON lines). With --abstain-below or --familiar-above some
    texts get no label; the column `abstained` says which. With --on spark a cluster does the work, and FILE is a folder.
    With --early each text is only read until its answer is decided; the column `words_read` says how far.
    """
    from grutext.data import (
        ReadOptions,
        ResumableRun,
        choose_format,
        join_columns,
        open_writer,
        read_rows,
        remember_options,
        remembered_columns,
    )
    from grutext.inference import AnswerOptions, Classifier

    wanted = AnswerOptions(proba, top_k, familiarity, abstain_below, familiar_above, early)
    if cluster is not None:
        columns, delimiter = join_columns(text_column), dialect.delimiter
        SparkPrediction(
            sources, output, folder, model_on_workers, columns, wanted, form, delimiter, encoding
        ).run(cluster, quiet)
        return
    if model_on_workers:
        raise click.UsageError("--model-on-workers needs --on spark.")
    if resume and output in (None, "-"):
        raise click.UsageError("--resume needs -o FILE: stdout cannot be resumed.")
    check_not_the_input(sources, output)
    model = Classifier.load(folder, threads, compiled=False)
    _check_model(model, abstain_below, early, familiarity or familiar_above is not None)
    options = ReadOptions(join_columns(text_column), encoding=encoding, format=form, dialect=dialect)
    options, known = remember_options(options, model.bundle.data), remembered_columns(model.bundle.data)
    choices = {
        "--proba": proba,
        "--early": early,
        "--top-k": top_k,
        "--abstain-below": abstain_below,
        "--familiar-above": familiar_above,
        "--familiarity": familiarity,
        "--safe-csv": safe_csv,
        "--encoding": encoding,
    }
    count = empty = 0
    with read_rows(sources, options, known=known) as reader:
        told = reader.notes
        print_notes(told, quiet)
        if safe_csv:
            check_safe_csv(choose_format(output, None, reader).header)
        choices |= {
            "--text-column": _name_columns(reader.text_column),
            "--format": reader.format,
            "--delimiter": reader.delimiter,
        }
        run = None if output in (None, "-") else ResumableRun(_identify(folder) | choices, resume)
        writer = open_writer(output, None, reader, safe=safe_csv, run=run)
        print_notes(writer.notes, quiet)
        try:
            with writer:
                # One choice for the whole output, even across an interruption: the last decimals depend on it.
                state = writer.state
                compiled = (
                    state["compiled"]
                    if "compiled" in state
                    else _is_worth_kernels(sources, early is not None, quiet)
                )
                model = Classifier(model.bundle, threads, compiled)
                left = LeftToPerson(familiar_above, state.get("unfamiliar", 0), state.get("unsure", 0))
                for rows in _batches(reader):
                    count += len(rows)
                    empty += sum(not row.text.strip() for row in rows)
                    if writer.skip(rows):
                        continue
                    texts = [row.text for row in rows]
                    answers = wanted.answer(model, texts)
                    left.add(answers)
                    for row, answer in zip(rows, answers, strict=True):
                        added = wanted.fields(answer, model.labels)
                        writer.write(row.fields, _fix_decimals(added), row.number)
                    writer.mark(compiled=compiled, unsure=left.unsure, unfamiliar=left.unfamiliar)
        except BaseException:
            if writer.saved:
                saved = f"{writer.saved:,} rows are saved; repeat the command with --resume to continue after them"
                print_notes([f"{output}: {saved}"], quiet)
            raise
    print_notes([note for note in reader.notes if note not in told], quiet)
    print_notes(_summarize(" ".join(sources), output, count, empty, left if wanted.abstains else None), quiet)


def _check_model(
    model: Classifier, abstain_below: float | None, early: float | None, familiarity: bool
) -> None:
    """Raise an error, before anything is read, if a model cannot do what the options ask for."""
    if early is not None and familiarity:
        raise click.UsageError("The familiarity is that of whole texts; leave it out, or --early.")
    check_supported(model, abstain_below, familiarity)
    if early is not None:
        model.session(early)


def _summarize(
    source: str, output: str | None, rows: int, empty: int, left: LeftToPerson | None
) -> Iterator[str]:
    """Yield the lines at the end: empty texts, texts that are left to a person, and rows written to a file."""
    from grutext.messages import count

    if empty:
        yield f"{source}: {count(empty, 'text')} {'is' if empty == 1 else 'are'} empty (labelled nevertheless)"
    if left is not None:
        yield f"{source}: {left_line(left.unsure, left.unfamiliar, rows)}"
    if output not in (None, "-"):
        yield f"{output}: {count(rows, 'row')}"


def _is_worth_kernels(sources: Sequence[str], early: bool, quiet: bool) -> bool:
    """Load the compiled kernels, or compile them, if INPUT is long enough to gain from it; return whether they may be used.

    stdin may be long: kernels that are in the cache are loaded for it, but none are compiled.
    """
    from grutext.data import expand_sources
    from grutext.kernels import PREDICTION, SESSIONS, WORTH_COMPILING, WORTH_LOADING, load_if_worth_it
    from grutext.kernels.precompile import prepare_kernels

    characters = sum(_estimate_characters(Path(source), WORTH_LOADING) for source in expand_sources(sources))
    modules = (*PREDICTION, *SESSIONS) if early else PREDICTION
    if characters >= WORTH_COMPILING:
        return prepare_kernels(*modules, note=lambda line: print_notes([line], quiet))
    return load_if_worth_it(characters, modules)


def _estimate_characters(path: Path, unknown: int) -> int:
    """Return the characters of a file by its size; `unknown` for what is no file."""
    if not path.is_file():
        return unknown
    return path.stat().st_size * (_PACKED if path.suffix.lower() == ".gz" else 1)


def _name_columns(columns: str | tuple[str, ...] | None) -> str | None:
    return columns if columns is None or isinstance(columns, str) else " ".join(columns)


def _identify(folder: Path) -> dict[str, Any]:
    """Return what identifies this model and this version of grutext, for a run that is resumed."""
    from grutext import __version__
    from grutext.model.reading import model_digest

    # Both files were checked when the model was loaded.
    return {"the model": model_digest(folder), "the version of grutext": __version__}


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the rows in batches, which depend on the rows alone: a resumed run has the same ones."""
    batch: list[Row] = []
    characters = 0
    gc.freeze()  # what is loaded by now stays, and is not searched for garbage again and again
    try:
        for row in rows:
            batch.append(row)
            characters += len(row.text)
            if len(batch) == BATCH or characters >= BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
        if batch:
            yield batch
    finally:
        gc.unfreeze()


def _fix_decimals(added: dict[str, Any]) -> dict[str, Any]:
    """Return added columns with all decimals of the probabilities, as they are written in every format."""
    from grutext.data.cells import JsonNumber
    from grutext.inference.answers import DECIMALS

    return {
        name: JsonNumber(f"{value:.{DECIMALS}f}") if name == "confidence" or name.startswith("p_") else value
        for name, value in added.items()
    }
