"""Read the vectors of wanted words, and of the most frequent ones, from a file or folder of any form.

A file of words and vectors may be larger than memory (`.npz` excepted): only the rows of wanted words are parsed and kept. The
forms are told apart by the content, apart from `.npz` and the suffixes of compression.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grutext.data.formats.compression import split_name
from grutext.data.formats.sources import Source, explain_os_error
from grutext.data.vectors.binary import is_binary, read_binary
from grutext.data.vectors.npz import SUFFIX, read_npz
from grutext.data.vectors.rows import Rows
from grutext.data.vectors.static import StaticEmbedding, check_static, files_of
from grutext.data.vectors.text import read_text
from grutext.errors import DataError


@dataclass(frozen=True, slots=True)
class Wanted:
    """The words whose vectors are read.

    Attributes:
        words: Words, normalised, in an order that is always the same; `in` must be fast.
        normalize: Their normalisation.
        more: How many other words are read, the first ones of the file: files list the most frequent words first.
        is_token: Whether such a word, normalised, is a single token.
    """

    words: Collection[str]
    normalize: Callable[[str], str]
    more: int = 0
    is_token: Callable[[str], bool] = bool


@dataclass(slots=True)
class Vectors:
    """The vectors that a file has for wanted words.

    Attributes:
        rows: A vector, shape (W,), float32, for each word, normalised, in the file's order.
        garbled: The number of rows that were skipped because their word is not UTF-8.
    """

    rows: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    garbled: int = 0


def read_vectors(path: Path, wanted: Wanted) -> Vectors:
    """Read the vectors of the wanted words.

    A row belongs to a word if its word is the same, or if it is the same after `normalize`. Rows with the same word have
    precedence, and of several such rows the first one is used. A static embedding makes a vector for every word.

    Raises:
        DataError: The file or folder cannot be read or is damaged; or a wanted row has a value that is not a finite number.
        MissingExtraError: The package `tokenizers`, which reads static embeddings, is not installed.
    """
    if path.is_dir():
        return _read_folder(path, wanted)
    found, exact, others = Vectors(), set[str](), 0
    with closing(_open_rows(path)) as rows:
        for encoded, values in rows:
            try:
                word = encoded.decode()
            except UnicodeDecodeError:
                found.garbled += 1
                continue
            key = word if word in wanted.words else wanted.normalize(word)
            if key in found.rows:
                if word != key or key in exact:
                    continue
            elif key not in wanted.words:
                if others == wanted.more or not wanted.is_token(key):
                    continue
                others += 1
            found.rows[key] = values()
            if word == key:
                exact.add(key)
    return found


def check_vectors(path: Path) -> None:
    """Check that a file can be read and begins with a vector, or that a folder has the files of a static embedding.

    Raises:
        DataError: It cannot, or has not.
        MissingExtraError: The package `tokenizers`, which reads static embeddings, is not installed.
    """
    if path.is_dir():
        files_of(path)
        check_static()
        return
    with closing(_open_rows(path)) as rows:
        next(rows, None)


def digest(path: Path) -> str:
    """Return the SHA-256 (hexadecimal) of the bytes of a file, or of the two files of a folder, one after the other.

    Raises:
        DataError: It cannot be read, or the folder has no static embedding.
    """
    sha = hashlib.sha256()
    for file in files_of(path) if path.is_dir() else (path,):
        for block in _blocks(file):
            sha.update(block)
    return sha.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                yield block
    except OSError as error:
        raise DataError(explain_os_error(error), str(path)) from None


def _open_rows(path: Path) -> Rows:
    source = Source(str(path), str(path), None, compression=split_name(path.name)[1])
    if path.suffix.lower() == SUFFIX:
        return read_npz(source)
    return read_binary(source) if is_binary(source) else read_text(source)


def _read_folder(folder: Path, wanted: Wanted) -> Vectors:
    """Read a static embedding; of its words, those that are one piece count as the most frequent ones."""
    embedding, found, others = StaticEmbedding(folder), Vectors(), 0
    for word in wanted.words:
        vector = embedding.vector(word)
        if vector is not None:
            found.rows[word] = vector
    for piece in embedding.words() if wanted.more else ():
        word = wanted.normalize(piece)
        if others == wanted.more:
            break
        if word not in found.rows and wanted.is_token(word):
            vector = embedding.vector(word)
            if vector is not None:
                found.rows[word] = vector
                others += 1
    return found
