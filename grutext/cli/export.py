"""`grutext export`: a model for other runtimes."""

from __future__ import annotations

from pathlib import Path

import click

from grutext.cli.options import Command, complete_file, json_option, model_option, print_json


@click.command(
    "export",
    cls=Command,
    epilog="\b\nExample:\n  grutext export --to onnx reviews.onnx -m reviews",
)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE", shell_complete=complete_file)
@click.option(
    "--to",
    "form",
    type=click.Choice(("onnx", "npz")),
    required=True,
    help="Format of the file.",
)
@model_option("The model to export.")
@click.option("--overwrite", is_flag=True, help="Replace files that are already there.")
@json_option
def export_command(file: Path, form: str, folder: Path, overwrite: bool, as_json: bool) -> None:
    """Write a model for another runtime.

    `onnx` is for ONNX Runtime, in any language; beside FILE it writes a JSON file that says how texts become the
    inputs, with examples. `npz` has all arrays, for NumPy.
    """
    from grutext.export import export
    from grutext.model.bundle import Bundle

    sizes = export(Bundle.load(folder), form, file, overwrite)
    if as_json:
        files = {str(path): size for path, size in sizes.items()}
        print_json({"model": str(folder), "to": form, "files": files})
    else:
        for path, size in sizes.items():
            click.echo(f"{path}  {size:,} bytes")
