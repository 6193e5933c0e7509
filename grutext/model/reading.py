"""Reading the two files of a model, whatever may stand in their place.

Nothing is trusted before it is checked. Only regular files are read, since a pipe or a device could keep
a reader waiting for ever; a file's size is known before any memory is asked for; and what the header of
the weights promises is held against that size before the weights are read.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.errors import BundleError
from grutext.model.formats import FORMAT

MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"

# Bytes; far more than a model of this kind needs, and little enough to read.
LIMITS = {MODEL_FILE: 1 << 27, WEIGHTS_FILE: 1 << 32}
_HEADER_LIMIT = 1 << 20
_AXES_LIMIT = 3  # of an array
_PARTS_LIMIT = 1 << 20  # lists and objects, which take thirty times the memory that their brackets take
_DEPTH_LIMIT = 20  # of lists and objects within each other; a model has 4

# The types that a model's arrays have; safetensors is little-endian.
_DTYPES = {"F16": "<f2", "F32": "<f4", "U32": "<u4"}


def read_values(folder: Path) -> dict[str, Any]:
    """Reads `model.json` and checks its format version and its checksum.

    Raises:
        BundleError: The folder is missing or no model, its format is newer, or the file is damaged.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 (Path.is_dir raises where a name is too long)
        state = "is not a folder" if os.path.lexists(folder) else "does not exist"
        raise BundleError(f"the model folder {folder} {state}; grutext train makes one, -m names another")
    path = folder / MODEL_FILE
    if not os.path.lexists(path):
        raise BundleError(f"{folder} is no model: it has no {MODEL_FILE}; -m names the model folder")
    with _open_regular(path, LIMITS[MODEL_FILE]) as (file, size):
        raw = _read_all(file, size)
    try:
        values = _parse(raw)
    except (ValueError, RecursionError):
        raise _damaged(path, "or half written") from None
    version = values.get("format") if isinstance(values, dict) else None
    if type(version) is not int or version < 1:
        raise BundleError(f"{path} is not grutext's; -m names the model folder")
    if version > FORMAT:
        raise BundleError(
            f"{folder} has model format {version}, newer than this grutext reads ({FORMAT}); update grutext"
        )
    if values.pop("checksum", None) != checksum(values):
        raise _damaged(path, "(its checksum differs)")
    return dict(values)


def read_weights(path: Path, digest: str) -> dict[str, NDArray[Any]]:
    """Maps the weights file into memory; the arrays are views of it, which nobody can write to.

    Nothing is copied, and processes that answer with the same model share its pages. Where a file cannot be
    mapped it is read. A mapped file may be replaced or removed, as `save` and `rm` do, but not changed.

    Args:
        path: The file.
        digest: The SHA-256 that it must have.

    Raises:
        BundleError: It is missing, is larger than a model may be, or is not the file with that SHA-256.
    """
    with _open_regular(path, LIMITS[WEIGHTS_FILE]) as (file, size):
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(_HEADER_LIMIT, size - 8):
            raise _damaged(path, "(its header does not fit into it)")
        begin = 8 + length
        try:
            layout = _layout(file.read(length), size - begin)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise _damaged(path, "(its header does not describe what follows)") from None
        data = _map(file, size)
    if hashlib.sha256(data).hexdigest() != digest:
        raise _damaged(path, "(its SHA-256 differs)")
    return {
        name: np.frombuffer(data, dtype, math.prod(shape), begin + offset).reshape(shape)
        for name, (dtype, shape, offset) in layout.items()
    }


def checksum(values: dict[str, Any]) -> str:
    """Gives the SHA-256 that stands in `model.json` for its values, in hexadecimal."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path, how: str) -> BundleError:
    return BundleError(f"{path} is damaged {how}; copy it again, or train anew")


@contextmanager
def _open_regular(path: Path, limit: int) -> Iterator[tuple[BufferedReader, int]]:
    """Opens a regular file that is not too large; gives its size as well.

    Links are followed, also out of the folder: stores that keep each file once are made of them, and the
    hashes say what has to be at their end.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BundleError(f"{path} is no regular file; copy the whole model folder again")
            if status.st_size > limit:
                raise BundleError(
                    f"{path} has {status.st_size:,} bytes, more than a model's {limit:,}; copy it again, or train anew"
                )
            yield file, status.st_size
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}; copy the whole model folder again") from None


def _open_at_once(path: str, flags: int) -> int:
    """Opens a file, and does not wait where it is a pipe that nobody writes to."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read_all(file: BufferedReader, size: int) -> bytearray:
    """Reads what a file has left, which a file that changes meanwhile does not make more than `size`."""
    content = bytearray(size)
    count = file.readinto(content)
    del content[count:]
    return content


def _map(file: BufferedReader, size: int) -> mmap.mmap | bytes:
    """Maps the first `size` bytes of a file; reads them where its file system cannot map, or has lost some.

    Raises:
        MemoryError: There is no room for it.
    """
    try:
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from None
    except ValueError:  # the file has become shorter
        pass
    file.seek(0)
    return bytes(_read_all(file, size))


def _parse(raw: bytes | bytearray) -> Any:
    """Parses JSON.

    Raises:
        ValueError: It is none, or readers could understand it in different ways, or it is nested too deep.
        RecursionError: It is nested much too deep.
    """
    if raw.count(b"[") + raw.count(b"{") > _PARTS_LIMIT:
        raise ValueError("it has too many lists and objects")
    values = json.loads(raw, object_pairs_hook=_unique)
    level = [values]
    for _ in range(_DEPTH_LIMIT):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
    if level:
        raise ValueError("it is nested too deep")
    return values


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Builds an object; of a name that stands twice, some readers take the first value and some the last."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name stands twice")
    return values


def _layout(header: bytes, size: int) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Gives type, shape and offset of each array: one after the other, from the first byte to the last.

    Raises:
        ValueError: The header is not like that, as other errors that its parts may cause.
    """
    entries = _parse(header)
    entries.pop("__metadata__", None)
    layout, end = {}, 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape = _DTYPES[entry["dtype"]], tuple(entry["shape"])
        if len(shape) > _AXES_LIMIT or any(type(length) is not int or length < 0 for length in shape):
            raise ValueError(f"{name} has no shape that an array can have")
        if math.prod(length or 1 for length in shape) > size:  # an array of no bytes may claim any other axis
            raise ValueError(f"{name} is longer than the file")
        start, end = end, end + math.prod(shape) * np.dtype(dtype).itemsize
        if entry["data_offsets"] != [start, end]:
            raise ValueError(f"{name} overlaps another array, or leaves a gap")
        layout[name] = (dtype, shape, start)
    if end != size:
        raise ValueError("the arrays are longer or shorter than the file")
    return layout
