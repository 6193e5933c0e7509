"""`grutext show`: the contents of a model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.abstention import list_familiarity, list_gaps, list_thresholds
from grutext.cli.gates import show_gates
from grutext.cli.options import Command, json_option, model_option, print_json
from grutext.cli.settings import config_toml
from grutext.errors import BundleError
from grutext.progress import kept_epoch

if TYPE_CHECKING:
    from grutext.model.bundle import Bundle

# Columns of the history, and how their numbers are written.
_HISTORY = {
    "epoch": "d",
    "loss": ".4f",
    "dev_loss": ".4f",
    "dev_score": ".4f",
    "tokens_per_second": ",.0f",
    "seconds": ".1f",
}


@click.command(
    "show",
    cls=Command,
    epilog="\b\nExample:\n  grutext show -m reviews\n  grutext show -m reviews --config > again.toml\n"
    "  grutext show -m reviews --gates 'not good' -o gates.svg",
)
@model_option("The model to show.")
@click.option(
    "--config", "as_toml", is_flag=True, help="Print the settings as TOML, for `grutext train --config`."
)
@click.option(
    "--gates",
    "text",
    metavar="TEXT",
    help="Show the gates of the GRU and the norm of its state along a text instead.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --gates: draw them into this file, .svg or .png.",
)
@json_option
@click.pass_context
def show_command(
    ctx: click.Context, folder: Path, as_toml: bool, text: str | None, output: Path | None, as_json: bool
) -> None:
    """Show the contents of a model or a base.

    It prints labels, files, training data, versions, settings, metrics, weights and history.
    """
    if as_toml and as_json:
        raise click.UsageError("--config and --json cannot be combined; leave one of them out.", ctx)
    if text is None and output is not None:
        raise click.UsageError("-o FILE draws gates; add --gates TEXT.", ctx)
    if text is not None and as_toml:
        raise click.UsageError("--gates and --config cannot be combined; leave one of them out.", ctx)
    if text is not None:
        show_gates(folder, text, output, as_json)
        return
    from grutext.model.bundle import Bundle
    from grutext.model.reading import MODEL_FILE

    bundle = Bundle.load(folder, base=True)
    if as_toml:
        click.echo(config_toml(bundle.config), nl=False)
    elif as_json:
        print_json(_without_nan(_describe(folder, bundle)))
    else:
        try:
            _draw(_describe(folder, bundle))
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BundleError(
                f"{folder / MODEL_FILE} has entries that this version cannot show ({error}); --json prints them"
            ) from error


def _describe(folder: Path, bundle: Bundle) -> dict[str, Any]:
    """Return the contents of a model, in the form that `--json` prints."""
    return {
        "model": str(folder),
        "created": bundle.created,
        "labels": list(bundle.labels),
        "multilabel": bundle.multilabel,
        "vocabulary": len(bundle.vocabulary),
        "parameters": sum(array.size for array in bundle.weights.values()),
        "weights": [
            {"name": name, "shape": list(array.shape), "dtype": str(array.dtype), "bytes": array.nbytes}
            for name, array in sorted(bundle.weights.items())
        ],
        "files": {file.name: file.stat().st_size for file in sorted(folder.iterdir()) if file.is_file()},
        "engine": bundle.engine,
        "config": bundle.config.to_dict(),
        "data": bundle.data,
        "metrics": bundle.metrics,
        "gru_weight": round(bundle.gru_weight, 6) if bundle.labels else None,
        "abstention": bundle.abstention,
        "early": bundle.early,
        "unfamiliar": bundle.unfamiliar,
        "history": bundle.history,
        "versions": bundle.versions,
    }


def _without_nan(value: Any) -> Any:
    """Return a value with None instead of NaN and infinities, which JSON lacks, such as the loss of a failed epoch."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _draw(model: dict[str, Any]) -> None:
    from grutext.cli.train import calibration_line, parts_line
    from grutext.console import open_console, render_facts, render_rows, summary

    console = open_console()
    several = "any number for a text" if model["multilabel"] else "one for each text"
    facts = {
        "model": model["model"],
        "created": model["created"],
        "labels": f"{len(model['labels'])}, {several}: {', '.join(model['labels'])}"
        if model["labels"]
        else "none: a base, from which `grutext train --from` starts",
        "vocabulary": f"{model['vocabulary']:,} tokens",
        "parameters": f"{model['parameters']:,}",
        "files": ", ".join(f"{name} {_size(size)}" for name, size in model["files"].items()),
        "training data": _flat(_spread(model["data"])),
        "versions": _flat(model["versions"]),
    }
    if model["engine"]:
        facts["engine"] = model["engine"]
    facts |= {f"settings of {section}": _flat(values) for section, values in model["config"].items()}
    metrics = model["metrics"]
    facts |= {f"{part} metrics": summary(metrics[part]) for part in ("dev", "test") if part in metrics}
    if "calibration" in metrics:
        facts["calibration on dev"] = calibration_line(metrics["calibration"])
    if model["labels"] and model["config"]["gru"]["enabled"] and model["config"]["linear"]["enabled"]:
        facts["parts"] = parts_line(model["gru_weight"])
    if model["abstention"]:
        facts["abstention"] = list_thresholds(model["abstention"])
    if model["early"]:
        facts["early answers"] = list_gaps(model["early"])
    if model["unfamiliar"]:
        facts["familiarity"] = list_familiarity(model["unfamiliar"])
    weights = [
        (entry["name"], " x ".join(map(str, entry["shape"])), entry["dtype"], f"{entry['bytes']:,}")
        for entry in model["weights"]
    ]
    kept = kept_epoch(model["history"])
    rows = [
        [*(format(record[key], form) for key, form in _HISTORY.items()), _cell(record["epoch"] == kept)]
        for record in model["history"]
    ]
    render_facts(facts, console)
    render_rows(("weights", "shape", "dtype", "bytes"), weights, console=console)
    if rows:
        heads = [*(key.replace("_", " ") for key in _HISTORY), "kept"]
        render_rows(heads, rows, texts=0, console=console)


def _spread(data: dict[str, Any]) -> dict[str, Any]:
    """Return the record of the training data but the counts of labels, with the options of reading it on the same level."""
    reading = data.get("reading", {})
    spread = {"source": data["source"]} if "source" in data else {}
    entries = spread | reading.get("told", {}) | reading.get("found", {}) | data
    return {name: _words(value) for name, value in entries.items() if name not in ("reading", "label_counts")}


def _words(value: Any) -> Any:
    """Return a list or a dialect as words, without what the dialect does not have; other values as they are."""
    if isinstance(value, list):
        return " and ".join(map(str, value))
    if isinstance(value, dict):
        named = {name: item for name, item in value.items() if item}
        return " ".join(name if item is True else f"{name} {_words(item)!r}" for name, item in named.items())
    return value


def _flat(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {_cell(value)}" for key, value in values.items())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:,.1f}"
    return "-" if value is None else str(value)


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:,.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.1f} MB"
