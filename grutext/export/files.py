"""The files of an export, written so that each is there whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grutext.engines.tensorflow_settings import prepare_tensorflow
from grutext.errors import ExportError
from grutext.model.bundle import Bundle, replace_folder, sync_folder, write_durably
from grutext.requirements import check_installed


@dataclass(frozen=True, slots=True)
class Format:
    """A format of another runtime.

    Attributes:
        build: Returns the contents of the files of a model. Their names are suffixes that replace the one of the file that
            was named, "" for that file itself; in a folder, paths within it.
        companions: The suffixes other than "".
        marker: A file that is in every folder of this format; None for formats of files.
    """

    build: Callable[[Bundle], dict[str, bytes]]
    companions: tuple[str, ...] = ()
    marker: str | None = None


def _build_onnx(bundle: Bundle) -> dict[str, bytes]:
    check_installed("the export to ONNX", "onnx")
    from grutext.export.contract import render_contract
    from grutext.export.onnx import build_onnx

    graph = build_onnx(bundle).SerializeToString(deterministic=True)
    return {_CONTRACT: render_contract(bundle).encode(), "": graph}


def _build_npz(bundle: Bundle) -> dict[str, bytes]:
    from grutext.export.npz import build_npz

    return {"": build_npz(bundle)}


def _build_savedmodel(bundle: Bundle) -> dict[str, bytes]:
    check_installed("the export to a SavedModel", "tensorflow")
    prepare_tensorflow()
    from grutext.export.savedmodel import save_savedmodel

    with tempfile.TemporaryDirectory() as folder:
        save_savedmodel(bundle, Path(folder))
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


_CONTRACT = ".inputs.json"
# By the names that `--to` has.
FORMATS = {
    "onnx": Format(_build_onnx, companions=(_CONTRACT,)),
    "savedmodel": Format(_build_savedmodel, marker="saved_model.pb"),
    "npz": Format(_build_npz),
}


def size_of(bundle: Bundle, form: str) -> int:
    """Return the bytes of all files of a model in a format."""
    return sum(map(len, FORMATS[form].build(bundle).values()))


def export(bundle: Bundle, form: str, path: str | Path, overwrite: bool = False) -> dict[Path, int]:
    """Write a model for another runtime; return the size of each file in bytes.

    Args:
        bundle: The model.
        form: A name in `FORMATS`.
        path: The file; the folder of a SavedModel. ONNX writes a second file beside it, with `.inputs.json` in place of
            the suffix.
        overwrite: Whether files of this format that are there are replaced.

    Raises:
        ExportError: Something is there that may not be replaced, the path is in no folder, or the model cannot be
            written exactly in this format.
        MissingExtraError: A package that the format needs is not installed.
        OSError: The disk is full or may not be written to; files that were there are still whole.
    """
    path, kind = Path(path), FORMATS[form]
    check_targets(form, path, overwrite)
    contents = kind.build(bundle)
    if kind.marker:
        _write_folder(path, contents)
        return {path / name: len(content) for name, content in contents.items()}
    files = {path.with_suffix(suffix) if suffix else path: content for suffix, content in contents.items()}
    _write_files(files)
    return {target: len(content) for target, content in files.items()}


def check_targets(form: str, path: Path, overwrite: bool) -> None:
    """Raise an ExportError unless a model may be written to a path."""
    marker = FORMATS[form].marker
    if marker and path.exists() and not (path / marker).is_file():
        raise ExportError(f"{path} is there and no export, so that it is not replaced; name another folder")
    if path.is_dir() and not marker:
        raise ExportError(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise ExportError(f"the folder {path.parent} does not exist; make it first")
    targets = [path, *(path.with_suffix(suffix) for suffix in FORMATS[form].companions)]
    taken = next((target for target in targets if target.exists()), None)
    if taken and not overwrite:
        raise ExportError(f"{taken} already exists; replace it with --overwrite, or choose another name")


def _write_files(files: dict[Path, bytes]) -> None:
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


def _write_folder(path: Path, contents: dict[str, bytes]) -> None:
    """Write a folder beside its place, then move it to its place."""
    path = Path(os.path.realpath(path))
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.saving-", dir=path.parent))
    try:
        for name, content in contents.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            write_durably(temporary / name, content)
        temporary.chmod(0o755)
        replace_folder(temporary, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
