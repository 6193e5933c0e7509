"""Static embeddings: a folder of model2vec's or sentence-transformers' form.

Its `model.safetensors` has a vector for each piece of its `tokenizer.json`, `embeddings` or `embedding.weight`. Where
model2vec made the vocabulary smaller, `mapping` has the row of each piece; `weights`, if any, are factors on the vectors. A
word's vector is the mean over the word's pieces, as in the vector that these libraries give to a text of this word alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grutext.data.formats.sources import explain_os_error
from grutext.data.vectors.rows import LARGEST, Float, check_finite
from grutext.errors import DataError
from grutext.messages import list_names
from grutext.requirements import check_installed

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TENSORS, TOKENIZER = "model.safetensors", "tokenizer.json"
_NESTED = "0_StaticEmbedding"  # where sentence-transformers saves the module
_NAMES = ("embeddings", "embedding.weight")
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I8": "<i1"}


class StaticEmbedding:
    """The vectors of a folder.

    Args:
        folder: The folder.

    Raises:
        DataError: The folder is no static embedding, or is damaged.
        MissingExtraError: The package `tokenizers` is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._name = str(folder)
        tensors, tokenizer = files_of(folder)
        check_static()
        self._tokenizer, self._unknown = _load_tokenizer(tokenizer)
        arrays = _load_tensors(tensors)
        vectors = next((arrays[name] for name in _NAMES if name in arrays), None)
        if vectors is None or vectors.ndim != 2 or not vectors.size:
            problem = f"has no matrix {' or '.join(_NAMES)}, but {list_names(list(arrays)) or 'nothing'}"
            raise DataError(f"{problem}; use a static embedding, not a whole transformer", str(tensors))
        self._vectors = vectors
        pieces = max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        self._rows = arrays.get("mapping", np.arange(len(vectors)))
        self._weights = arrays.get("weights", np.ones(len(self._rows), np.float32))
        rows = self._rows
        if not (
            0 < pieces <= len(rows) == len(self._weights)
            and rows.ndim == self._weights.ndim == 1
            and rows.dtype.kind == "i"
            and rows.min() >= 0
            and rows.max() < len(vectors)
        ):
            problem = f"its {len(vectors):,} vectors do not match the {pieces:,} pieces of {TOKENIZER}"
            raise DataError(f"{problem}; copy the whole folder again", str(tensors))

    def words(self) -> Iterator[str]:
        """Yield the words that are one piece of the tokenizer, in its order: the most frequent ones are first."""
        for piece in range(len(self._rows)):
            word = self._tokenizer.decode([piece], skip_special_tokens=True).strip()
            if word and self._pieces(word) == [piece]:
                yield word

    def vector(self, word: str) -> Float | None:
        """Return the vector of a word, (W,); None if the tokenizer knows no piece of it.

        Raises:
            DataError: One of its values is not a finite number.
        """
        pieces = self._pieces(word)
        if not pieces:
            return None
        vectors = self._vectors[self._rows[pieces]].astype(np.float32)  # (pieces, W)
        weighted = vectors * self._weights[pieces, None].astype(np.float32)
        return check_finite(weighted.mean(axis=0), self._name, word)

    def _pieces(self, word: str) -> list[int]:
        try:
            ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        except Exception:  # noqa: BLE001 (the word has a surrogate, or an unknown character, for which there is no piece)
            return []
        return [piece for piece in ids if piece != self._unknown and piece < len(self._rows)]


def check_static() -> None:
    """Raise a MissingExtraError if the package that reads static embeddings is not installed."""
    check_installed("a folder of static embeddings", "tokenizers")


def files_of(folder: Path) -> tuple[Path, Path]:
    """Return the two files of a folder.

    Raises:
        DataError: It lacks one of them.
    """
    for place in (folder, folder / _NESTED):
        if (place / TENSORS).is_file() and (place / TOKENIZER).is_file():
            return place / TENSORS, place / TOKENIZER
    problem = f"is a folder without {TENSORS} and {TOKENIZER}"
    raise DataError(f"{problem}; name a file of word vectors, or a folder of static embeddings", str(folder))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"is larger than {LARGEST:,} bytes", str(path))
        return path.read_bytes()
    except OSError as error:
        raise DataError(explain_os_error(error), str(path)) from None


def _load_tensors(path: Path) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError, deserialize

    content = _read(path)
    try:
        tensors = deserialize(content)  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, OverflowError):
        raise DataError("is not a safetensors file, or is damaged; copy it again", str(path)) from None
    arrays = {}
    for name, tensor in tensors:
        if name in (*_NAMES, "mapping", "weights"):
            if tensor["dtype"] not in _DTYPES:
                raise DataError(f"{name} has the type {tensor['dtype']}, which is not known", str(path))
            array = np.frombuffer(tensor["data"], _DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
            arrays[name] = _widen(array) if tensor["dtype"] == "BF16" else array
        else:
            arrays[name] = np.zeros(0)
    return arrays


def _widen(bits: NDArray[np.uint16]) -> Float:
    """Return bfloat16 values, given as bits, as float32: they are its upper half."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _load_tokenizer(path: Path) -> tuple[Tokenizer, int | None]:
    """Return the tokenizer and the id of its piece for what is unknown."""
    from tokenizers import Tokenizer

    content = _read(path)
    try:
        tokenizer = Tokenizer.from_buffer(content)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        model = json.loads(content)["model"]
    except Exception:  # noqa: BLE001 (the library raises no narrower type)
        raise DataError("is not a tokenizer, or is damaged; copy it again", str(path)) from None
    unknown = model.get("unk_token")
    return tokenizer, tokenizer.token_to_id(unknown) if isinstance(unknown, str) else model.get("unk_id")
