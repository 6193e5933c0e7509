"""Read the two files of a model, which may be damaged or malicious.

Nothing is trusted before it is checked. Only regular files are read, because a pipe or a device could block for
ever; a file's size is checked before memory is allocated; and the header of the weights file is checked against
that size before the weights are read.
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
from grutext.messages import suggest
from grutext.model.formats import FORMAT

MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "README.md"  # for people; it is never read

# Bytes; far more than a model needs, but few enough to read safely.
LIMITS = {MODEL_FILE: 1 << 27, WEIGHTS_FILE: 1 << 32}
_HEADER_LIMIT = 1 << 20
_AXES_LIMIT = 3  # axes of an array
_CONTAINERS_LIMIT = 1 << 20  # JSON lists and objects: each takes thirty times the memory of its brackets
_DEPTH_LIMIT = 20  # nested JSON lists and objects; a model has 4

# The dtypes of a model's arrays; safetensors is little-endian.
_DTYPES = {"I8": "<i1", "F16": "<f2", "F32": "<f4", "U32": "<u4"}


def _suggest_model(folder: Path) -> str:
    """Return a question that names the model beside a missing one whose name is most similar; nothing if there is none."""
    try:
        models = [path.parent.name for path in folder.parent.glob(f"*/{MODEL_FILE}")]
    except OSError:
        return ""
    return suggest(folder.name, models, end="")


def read_values(folder: Path) -> dict[str, Any]:
    """Read `model.json` and check its format version and its checksum.

    Raises:
        BundleError: The folder is missing or holds no model, its format is newer, or the file is damaged.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 (Path.is_dir raises where a name is too long)
        state = "is not a folder" if os.path.lexists(folder) else "does not exist"
        remedy = _suggest_model(folder) or "; grutext train makes one; name another with -m"
        raise BundleError(f"the model folder {folder} {state}{remedy}")
    path = folder / MODEL_FILE
    if not os.path.lexists(path):
        raise BundleError(f"{folder} is no model: it has no {MODEL_FILE}; name the model folder with -m")
    with _open_regular(path, LIMITS[MODEL_FILE]) as (file, size):
        raw = _read_all(file, size)
    try:
        values = _parse(raw)
    except (ValueError, RecursionError):
        raise _damaged(path, "or incomplete") from None
    version = values.get("format") if isinstance(values, dict) else None
    if type(version) is not int or version < 1:
        raise BundleError(f"{path} is not part of a grutext model; name the model folder with -m")
    if version > FORMAT:
        raise BundleError(
            f"{folder} has model format {version}, newer than this grutext reads ({FORMAT}); update grutext"
        )
    if values.pop("checksum", None) != checksum(values):
        raise _damaged(path, "(its checksum differs)")
    return dict(values)


def model_digest(folder: Path) -> str:
    """Return the SHA-256 of a model: of its `model.json`, which has those of its other files."""
    return hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()


def read_weights(path: Path, digest: str) -> dict[str, NDArray[Any]]:
    """Map the weights file into memory and return its arrays by name, as read-only views.

    Nothing is copied, and processes that load the same model share its memory pages. A file that cannot be mapped
    is read instead. While it is mapped, the file may be replaced or removed, as `save` and `rm` do, but not modified.

    Args:
        path: The file.
        digest: Its expected SHA-256, in hexadecimal.

    Raises:
        BundleError: The file is missing, too large, malformed, or has another SHA-256.
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
    """Return the checksum of the values of `model.json`: their SHA-256 in hexadecimal."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path, how: str) -> BundleError:
    return BundleError(f"{path} is damaged {how}; copy it again, or train it again")


@contextmanager
def _open_regular(path: Path, limit: int) -> Iterator[tuple[BufferedReader, int]]:
    """Open a regular file of at most `limit` bytes; yield it and its size.

    Symbolic links are followed, even out of the folder: content-addressed stores consist of them, and the hashes
    verify what they lead to.
    """
    try:
        with open(path, "rb", opener=_open_nonblocking) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BundleError(f"{path} is no regular file; copy the whole model folder again")
            if status.st_size > limit:
                raise BundleError(
                    f"{path} has {status.st_size:,} bytes, more than a model's {limit:,}; copy it again, or train it again"
                )
            yield file, status.st_size
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}; copy the whole model folder again") from None


def _open_nonblocking(path: str, flags: int) -> int:
    """Open a file without blocking, as a pipe without a writer would."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read_all(file: BufferedReader, size: int) -> bytearray:
    """Read the rest of a file, at most `size` bytes even if the file grows meanwhile."""
    content = bytearray(size)
    count = file.readinto(content)
    del content[count:]
    return content


def _map(file: BufferedReader, size: int) -> mmap.mmap | bytes:
    """Map the first `size` bytes of a file; read them if its file system cannot map, or if the file has shrunk.

    Raises:
        MemoryError: There is not enough memory.
    """
    try:
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from None
    except ValueError:  # the file has shrunk
        pass
    file.seek(0)
    return bytes(_read_all(file, size))


def _parse(raw: bytes | bytearray) -> Any:
    """Parse JSON.

    Raises:
        ValueError: The input is not JSON, repeats a name within an object, or is nested too deeply.
        RecursionError: It is nested far too deeply.
    """
    if raw.count(b"[") + raw.count(b"{") > _CONTAINERS_LIMIT:
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
    """Build an object; refuse repeated names, of which some readers take the first value and some the last."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name is repeated")
    return values


def _layout(header: bytes, size: int) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Return dtype, shape and offset of each array, by name; the arrays must cover all `size` bytes without gaps.

    Raises:
        ValueError: The arrays overlap, leave gaps, or have impossible shapes.
        TypeError, KeyError, AttributeError: An entry is malformed.
    """
    entries = _parse(header)
    entries.pop("__metadata__", None)
    layout, end = {}, 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape = _DTYPES[entry["dtype"]], tuple(entry["shape"])
        if len(shape) > _AXES_LIMIT or any(type(length) is not int or length < 0 for length in shape):
            raise ValueError(f"{name} has an impossible shape")
        if (
            math.prod(length or 1 for length in shape) > size
        ):  # an empty array may claim any length for its other axes
            raise ValueError(f"{name} is longer than the file")
        start, end = end, end + math.prod(shape) * np.dtype(dtype).itemsize
        if entry["data_offsets"] != [start, end]:
            raise ValueError(f"{name} overlaps another array, or leaves a gap")
        layout[name] = (dtype, shape, start)
    if end != size:
        raise ValueError("the arrays are longer or shorter than the file")
    return layout
