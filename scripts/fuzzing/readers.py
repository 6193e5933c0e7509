"""Targets that read a file: it is read, or refused by a GrutextError of one line."""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from grutext.cli.settings import build_config
from grutext.data import Dialect, ReadOptions, check_trainable, fingerprint, read_dataset, read_rows
from grutext.data.formats.encodings import BLOCK, UTF8, find_encoding
from grutext.data.vectors import Wanted, read_vectors
from grutext.errors import GrutextError
from grutext.requirements import is_installed
from grutext.text import normalize

ENCODINGS = (None, "utf-8", "latin-1", "utf-16", "shift_jis", "gb18030", "utf-7", "no-such")
# The options of `grutext train` that change settings; none of them is used here.
_SETTINGS = (
    "preset", "epochs", "time_budget", "seed", "class_weight", "optimize", "engine", "no_linear", "no_gru",
)  # fmt: skip
LONGEST_MESSAGE = 3000


def check_error(error: GrutextError) -> None:
    """Fail if a message is empty, longer than one line, or floods a terminal."""
    message = str(error)
    assert len(message.splitlines()) == 1, message[:LONGEST_MESSAGE]
    assert len(message) <= LONGEST_MESSAGE, message[:LONGEST_MESSAGE]


def read_file(form: str, data: bytes) -> None:
    """Read a file of a given format for training and for prediction.

    The first byte chooses the options: `0` means none; the three lowest bits above it are `--skip-empty`,
    `--label-separator` and `.gz`, and the next three are the encoding.
    """
    chosen, content = ((data[0] - ord("0")) % 256, data[1:]) if data else (0, b"")
    options = ReadOptions(
        format=form,
        skip_empty=bool(chosen & 1),
        label_separator=";" if chosen & 2 else None,
        encoding=ENCODINGS[chosen >> 3 & 7],
    )
    name = _write("any.gz", gzip.compress(content, 1)) if chosen & 4 else _write("any", content)
    _read_all(name, options)


def read_packed(suffix: str, data: bytes) -> None:
    """Read bytes with the suffix of a compression, compressed or not, as a table."""
    _read_all(_write(f"any.csv{suffix}", data), ReadOptions())


def read_dialect(data: bytes) -> None:
    """Read a table in a dialect that is found, and in those that the first two bytes name.

    The first byte is the delimiter, if it is one of the usual ones; of the second one, the lowest bits are `--quotes`,
    `--no-quotes`, `--escape` and `--no-header`.
    """
    name = _write("any.csv", data)
    _read_all(name, ReadOptions())
    chosen = data[1] if len(data) > 1 else 0
    delimiter = chr(data[0]) if data[:1] in (b",", b";", b"\t", b"|") else None
    dialect = Dialect(
        delimiter,
        quotes=True if chosen & 1 else False if chosen & 2 else None,
        escape="\\" if chosen & 4 else None,
        header=not chosen & 8,
    )
    name = _write("any.csv", data[2:])
    _read_all(name, ReadOptions(dialect=dialect))
    _check_lines(name, data[2:])


def _check_lines(name: str, data: bytes) -> None:
    """Fail if a table without quoting has another number of rows than of lines."""
    try:
        with read_rows(name, ReadOptions(dialect=Dialect(",", quotes=False, header=False))) as reader:
            numbers = [row.number for row in reader]
    except GrutextError as error:
        check_error(error)
        return
    encoding = find_encoding(data[:BLOCK], whole=len(data) <= BLOCK)
    lines = re.split(r"\r\n|\r|\n", data.decode("utf-8-sig" if encoding == UTF8 else encoding))
    first = 1 if re.match(r'("?)sep=.\1\s*\Z', lines[0], re.IGNORECASE) else 0
    assert len(numbers) == sum(bool(line) for line in lines[first:])


def read_folder(data: bytes) -> None:
    """Read a folder of two classes, whose files contain the bytes between NULs."""
    first, *others = data.split(b"\0")
    for label, content in zip(("good", "bad"), (first, b"\0".join(others)), strict=True):
        _write(f"classes/{label}/1.txt", content)
    _read_all(str(_folder() / "classes"), ReadOptions())


def read_word_vectors(data: bytes) -> None:
    """Read bytes as a file of word vectors, as text or binary; as `.npz`; and as each file of a static embedding."""
    wanted = Wanted(dict.fromkeys(["the", "cat", "é"]), normalize, 3)
    paths = [Path(_write(name, data)) for name in ("any.vec", "any.npz")]
    if is_installed("tokenizers"):
        paths += [_static_embedding(tensors=data), _static_embedding(tokenizer=data)]
    for path in paths:
        try:
            found = read_vectors(path, wanted)
        except GrutextError as error:
            check_error(error)
            continue
        assert len({row.shape for row in found.rows.values()}) <= 1
        assert all(row.dtype == np.float32 and np.isfinite(row).all() for row in found.rows.values())


def _static_embedding(tensors: bytes | None = None, tokenizer: bytes | None = None) -> Path:
    """Write the two files of a static embedding of three words, one of them with other bytes."""
    words = {"[UNK]": 0, "the": 1, "cat": 2}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
    plain = {"version": "1.0", "added_tokens": [], "model": model} | dict.fromkeys(
        ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    )
    head = b'{"embeddings":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}}'
    whole = len(head).to_bytes(8, "little") + head + np.ones(6, "<f4").tobytes()
    _write("static/model.safetensors", whole if tensors is None else tensors)
    _write("static/tokenizer.json", json.dumps(plain).encode() if tokenizer is None else tokenizer)
    return _folder() / "static"


def read_settings(data: bytes) -> None:
    """Read a file of settings in TOML."""
    path = Path(_write("any.toml", data))
    try:
        build_config(dict.fromkeys(_SETTINGS) | {"config_file": path, "changes": ()})
    except GrutextError as error:
        check_error(error)


def _read_all(name: str, options: ReadOptions) -> None:
    try:
        dataset = read_dataset(name, options)
        check_trainable(dataset)
    except GrutextError as error:
        check_error(error)
    else:
        assert all(label.strip() for example in dataset.examples for label in example.labels)
        assert fingerprint(dataset.examples)
    try:
        with read_rows(name, options) as reader:
            numbers = [row.number for row in reader if isinstance(row.text, str)]
    except GrutextError as error:
        check_error(error)
    else:
        assert numbers == sorted(set(numbers))


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="grutext-fuzz-")


def _folder() -> Path:
    return Path(_kept().name)


def _write(name: str, content: bytes) -> str:
    path = _folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # on some file systems, overwriting a file waits for the disk
    path.write_bytes(content)
    return str(path)
