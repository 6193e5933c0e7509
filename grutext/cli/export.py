"""`grutext export`: a model for other runtimes."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import Command, complete_file, json_option, model_option, print_json, quiet_option

if TYPE_CHECKING:
    from grutext.model.bundle import Bundle

_UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000}
_KEPT = {"ngrams": "n-grams", "words": "words", "buckets": "subword rows"}


def _read_size(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Return the bytes of a size such as `1MB`, `500kB` or `65536`.

    Raises:
        click.BadParameter: It is not a size.
    """
    if value is None:
        return None
    parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]?b)?", value.strip().lower())
    if not parts:
        raise click.BadParameter(f'"{value}" is no size; write it as 1MB, 500kB, or in bytes as 65536.')
    return round(float(parts[1]) * _UNITS[parts[2] or ""])


@click.command(
    "export",
    cls=Command,
    epilog="\b\nExample:\n  grutext export --to onnx reviews.onnx -m reviews\n"
    "  grutext export --to onnx small.onnx -m reviews --max-size 1MB --dev dev.csv",
)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE", shell_complete=complete_file)
@click.option(
    "--to", "form", type=click.Choice(("onnx", "savedmodel", "npz")), required=True, help="Format of FILE."
)
@model_option("The model to export.")
@click.option(
    "--max-size",
    "limit",
    metavar="SIZE",
    callback=_read_size,
    help="Largest size of all files together, such as 1MB; the model is rounded and pruned to fit. Needs --dev.",
)
@click.option(
    "--dev",
    metavar="DATA",
    shell_complete=complete_file,
    help="Labelled data on which --max-size chooses what to prune, and measures what it cost.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are already there.")
@json_option
@quiet_option
def export_command(
    file: Path,
    form: str,
    folder: Path,
    limit: int | None,
    dev: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a model for another runtime.

    `onnx` is for ONNX Runtime, in any language; beside FILE it writes a JSON file that says how texts become the
    inputs, with examples. `savedmodel` is a folder for TensorFlow and TensorFlow Serving, which takes strings. `npz`
    has all arrays, for NumPy.
    """
    if (limit is None) != (dev is None):
        raise click.UsageError(
            "--max-size and --dev need each other: what pruning costs is measured on --dev."
        )
    if limit is not None and form == "savedmodel":
        raise click.UsageError("--max-size is for onnx and npz: a SavedModel keeps the whole model.")
    from grutext.export import export
    from grutext.export.files import check_targets
    from grutext.model.bundle import Bundle

    bundle = Bundle.load(folder)
    check_targets(form, file, overwrite)
    shrunk = None
    if limit is not None and dev is not None:
        bundle, shrunk = _shrink(bundle, form, limit, dev, quiet)
    sizes = export(bundle, form, file, overwrite)
    if as_json:
        files = {str(path): size for path, size in sizes.items()}
        print_json({"model": str(folder), "to": form, "files": files, "shrunk": shrunk})
        return
    for path, size in sizes.items():
        click.echo(f"{path}  {size:,} bytes")
    if shrunk:
        click.echo(_describe(shrunk))


def _shrink(bundle: Bundle, form: str, limit: int, dev: str, quiet: bool) -> tuple[Bundle, dict[str, Any]]:
    """Return a model that is small enough, and what that cost on dev data."""
    from grutext.console import open_listener
    from grutext.data import ReadOptions, remember_options, remembered_columns
    from grutext.data.sample import sample_path
    from grutext.evaluation import Predictions
    from grutext.export import Sizes, shrink, size_of
    from grutext.inference import Classifier
    from grutext.requirements import check_installed
    from grutext.training.splits import SAMPLE, KnownModel, read_split

    check_installed("--max-size", "scikit-learn")
    options = remember_options(ReadOptions(), bundle.data)
    model = KnownModel(remembered_columns(bundle.data), bundle.multilabel, bundle.labels)
    source = str(sample_path() / "dev.csv") if dev == SAMPLE else dev
    examples = read_split(source, options, model, open_listener(quiet))

    def report(model: Bundle) -> dict[str, Any]:
        measured = Predictions.of(Classifier(model), examples).report.to_dict()
        return {name: measured[name] for name in ("n", "accuracy", "macro_f1", "log_loss")}

    small = shrink(bundle, limit, lambda model: size_of(model, form), lambda model: report(model)["log_loss"])
    shrunk = {
        "limit": limit,
        "before": {"bytes": size_of(bundle, form), **asdict(Sizes.of(bundle)), **report(bundle)},
        "after": {"bytes": size_of(small, form), **asdict(Sizes.of(small)), **report(small)},
    }
    return small, shrunk


def _describe(shrunk: dict[str, Any]) -> str:
    """Return two lines: what of a model was kept, and what that cost on dev."""
    before, after = shrunk["before"], shrunk["after"]
    kept = [f"{after[key]:,} of {before[key]:,} {name}" for key, name in _KEPT.items() if before[key]]
    scores = (("accuracy", "accuracy"), ("macro-F1", "macro_f1"), ("log loss", "log_loss"))
    cost = [f"{name} {before[key]:.4f} → {after[key]:.4f}" for name, key in scores]
    return (
        f"{before['bytes']:,} → {after['bytes']:,} bytes; kept {', '.join(kept)}\n"
        f"on dev: {', '.join(cost)} ({after['n']:,} texts)"
    )
