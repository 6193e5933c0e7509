"""`scripts/notebooks`: run the notebooks of the docs, and keep their outputs in them."""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
LONGEST = 300  # seconds that a cell may take


def run_notebook(path: Path) -> Any:
    """Return the notebook with the outputs of a new run, in an empty folder and a kernel of its own.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=LONGEST, record_timing=False, resources=place).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _tidy(cell.outputs)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def _tidy(outputs: list[Any]) -> list[Any]:
    """Return outputs that say nothing of the machine or the moment: one of stdout, none of stderr, HTML alone, small pictures."""
    printed = "".join(one.text for one in outputs if one.output_type == "stream" and one.name == "stdout")
    kept = [nbformat.v4.new_output("stream", text=printed)] if printed else []
    for one in outputs:
        if one.output_type == "stream":
            continue
        one.metadata.clear()
        if "text/html" in one.data:
            one.data.pop("text/plain", None)
        if "image/png" in one.data:
            one.data["image/png"] = _shrink(one.data["image/png"])
        kept.append(one)
    return kept


def _shrink(picture: str) -> str:
    """Return a PNG in base64 with 64 colours, which plots can do with."""
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        smaller = io.BytesIO()
        image.convert("RGB").quantize(64).save(smaller, "PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def main(names: list[str]) -> None:
    """Run the notebooks of these names, or all, and write them."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        if not names or path.stem in names:
            nbformat.write(run_notebook(path), path)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
