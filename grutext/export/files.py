"""The files of an export, written so that each is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grutext.errors import ExportError
from grutext.model.bundle import Bundle, sync_folder, write_durably
from grutext.requirements import check_installed


@dataclass(frozen=True, slots=True)
class Format:
    """A format of another runtime.

    Attributes:
        suffixes: Of the files that are written in place of the suffix of the file that was named; "" is that file.
        build: Returns the contents of these files.
    """

    suffixes: tuple[str, ...]
    build: Callable[[Bundle], tuple[bytes, ...]]


def _build_onnx(bundle: Bundle) -> tuple[bytes, bytes]:
    check_installed("the export to ONNX", "onnx")
    from grutext.export.contract import render_contract
    from grutext.export.onnx import build_onnx

    graph = build_onnx(bundle).SerializeToString(deterministic=True)
    return render_contract(bundle).encode(), graph


def _build_npz(bundle: Bundle) -> tuple[bytes]:
    from grutext.export.npz import build_npz

    return (build_npz(bundle),)


# By the names that `--to` has.
FORMATS = {"onnx": Format((".inputs.json", ""), _build_onnx), "npz": Format(("",), _build_npz)}


def size_of(bundle: Bundle, form: str) -> int:
    """Return the bytes of all files of a model in a format."""
    return sum(map(len, FORMATS[form].build(bundle)))


def export(bundle: Bundle, form: str, path: str | Path, overwrite: bool = False) -> dict[Path, int]:
    """Write a model for another runtime; return the size of each file in bytes.

    Args:
        bundle: The model.
        form: A name in `FORMATS`.
        path: The file. ONNX writes a second one beside it, with `.inputs.json` in place of the suffix.
        overwrite: Whether files that are there are replaced.

    Raises:
        ExportError: A file exists and `overwrite` is false, the path is a folder or in none, or the model cannot be
            written exactly in this format.
        MissingExtraError: A package that the format needs is not installed.
        OSError: The disk is full or may not be written to; files that were there are still whole.
    """
    targets = check_targets(form, Path(path), overwrite)
    contents = FORMATS[form].build(bundle)
    _write(dict(zip(targets, contents, strict=True)))
    return {target: len(content) for target, content in zip(targets, contents, strict=True)}


def check_targets(form: str, path: Path, overwrite: bool) -> list[Path]:
    """Return the files that an export would write; raise an ExportError if it may not."""
    if path.is_dir():
        raise ExportError(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise ExportError(f"the folder {path.parent} does not exist; make it first")
    targets = [path.with_suffix(suffix) if suffix else path for suffix in FORMATS[form].suffixes]
    taken = next((target for target in targets if target.exists()), None)
    if taken and not overwrite:
        raise ExportError(f"{taken} already exists; replace it with --overwrite, or name another file")
    return targets


def _write(files: dict[Path, bytes]) -> None:
    """Write all files beside their places, then move each to its place."""
    temporary = {
        target: target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        for target in (Path(os.path.realpath(target)) for target in files)  # a symbolic link stays one
    }
    try:
        for path, content in zip(temporary.values(), files.values(), strict=True):
            write_durably(path, content)
        for target, path in temporary.items():
            path.replace(target)
            sync_folder(target.parent)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
