"""Word vectors in NumPy's `.npz`: an array of words, (R,), and one of vectors, (R, W), under any names."""

from __future__ import annotations

import zipfile
import zlib
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.data.formats.sources import Source, open_bytes
from grutext.data.vectors.rows import LARGEST, Rows, check_finite
from grutext.errors import DataError
from grutext.messages import list_names

SUFFIX = ".npz"
_FORM = "write it with np.savez(FILE, words=np.array(words), vectors=matrix)"
# What NumPy and the archive raise for damaged files.
_ERRORS = (ValueError, KeyError, EOFError, OSError, SyntaxError, TypeError, RuntimeError, NotImplementedError)


def read_npz(source: Source) -> Rows:
    """Yield the rows of a file, which is read as a whole.

    Raises:
        DataError: The file cannot be read, or has no such arrays; or a value that is asked for is not a finite number.
    """
    words, vectors = _pick(_load(source), source.name)
    for word, vector in zip(words, vectors, strict=True):
        text = word if isinstance(word, bytes) else str(word).encode(errors="surrogatepass")
        yield text, partial(check_finite, vector, source.name, text.decode(errors="replace"))


def _load(source: Source) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by name."""
    with open_bytes(source) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > LARGEST:
                raise DataError(
                    f"its arrays have {size:,} bytes, but at most {LARGEST:,} are read", source.name
                )
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as arrays:
                return {key: array for key, array in arrays.items() if isinstance(array, np.ndarray)}
        except MemoryError:
            raise DataError("its arrays do not fit into memory, or it is damaged", source.name) from None
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise DataError(f"is not a .npz file, or is damaged; {_FORM}", source.name) from None
            problem = "has an array of Python objects, which are not read because they can contain code"
            raise DataError(f"{problem}; {_FORM}", source.name) from None
        except (*_ERRORS, zlib.error, zipfile.BadZipFile):
            raise DataError(f"is not a .npz file, or is damaged; {_FORM}", source.name) from None


def _pick(arrays: dict[str, NDArray[Any]], name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the array of words and that of vectors."""
    words = [array for array in arrays.values() if array.ndim == 1 and array.dtype.kind in "US"]
    vectors = [array for array in arrays.values() if array.ndim == 2 and array.dtype.kind in "fiu"]
    if len(words) != 1 or len(vectors) != 1 or len(words[0]) != len(vectors[0]) or not vectors[0].shape[1]:
        found = list_names(
            [f"{key} {array.shape} {array.dtype}" for key, array in arrays.items()] or ["nothing"]
        )
        problem = f"needs one array of strings, (rows,), and one of numbers, (rows, width), but has {found}"
        raise DataError(f"{problem}; {_FORM}", name)
    return words[0], vectors[0]
