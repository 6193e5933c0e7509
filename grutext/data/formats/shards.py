"""A folder of shards: labelled texts in parquet files, dealt out at random, from which several machines can train together.

`grutext.distributed` writes such folders. The file `shards.json` is written last and lists the files of both parts: `train`, whose
texts are trained on, and `dev`, which was set aside when the shards were written.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grutext.data.formats.parquet import open_parquet
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source, explain_os_error
from grutext.data.records import Record, Table
from grutext.errors import DataError
from grutext.messages import count, list_names, quote

MANIFEST = "shards.json"
TRAIN, DEV = "train", "dev"
COLUMNS = ("text", "label")
_KIND, _VERSION = "grutext shards", 1
_AGAIN = "write the shards again"


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A file of a shard folder.

    Attributes:
        file: Its path below the folder, with `/` between the parts.
        rows: The number of its rows.
        bytes: Its size.
    """

    file: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """A folder of shards, as its `shards.json` describes it.

    Attributes:
        path: The folder.
        train: The files of the texts to train on, in their order.
        dev: The files of the texts that were set aside; none if none were.
        labels: The number of texts with each label in `train`; every label has at least one.
        multilabel: Whether a text may have several labels.
        characters: The number of characters of the texts in `train`.
        fingerprint: Hash of all texts and labels and of the shard that each is in, in hexadecimal.
        copies: The number of rows that were not written since they are copies of others.
    """

    path: Path
    train: tuple[ShardFile, ...]
    dev: tuple[ShardFile, ...]
    labels: Mapping[str, int]
    multilabel: bool
    characters: int
    fingerprint: str
    copies: int

    @classmethod
    def load(cls, path: str | Path) -> ShardFolder:
        """Read the description of a folder, and check that its files are there and have their sizes.

        Raises:
            DataError: The folder has no `shards.json`, it is damaged, or a file is missing or cut short.
        """
        path = Path(path)
        manifest = path / MANIFEST
        try:
            content = manifest.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise DataError(
                f"has no {MANIFEST}, which is written last: writing the shards was interrupted, or it is no folder of "
                f"shards; {_AGAIN}",
                str(path),
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            problem = explain_os_error(error) if isinstance(error, OSError) else f"is damaged; {_AGAIN}"
            raise DataError(problem, str(manifest)) from None
        folder = _read_manifest(path, content)
        for shard in (*folder.train, *folder.dev):
            _check_file(path / shard.file, shard)
        return folder

    def save(self) -> None:
        """Write `shards.json`, in one step.

        Raises:
            OSError: It cannot be written.
        """
        content = {
            "kind": _KIND,
            "version": _VERSION,
            "multilabel": self.multilabel,
            "labels": dict(self.labels),
            "characters": self.characters,
            "copies": self.copies,
            "fingerprint": self.fingerprint,
            TRAIN: [asdict(shard) for shard in self.train],
            DEV: [asdict(shard) for shard in self.dev],
        }
        partial = self.path / f".{MANIFEST}.partial"
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(partial, self.path / MANIFEST)  # noqa: PTH105 (the name says what it does)

    @property
    def dev_source(self) -> str | None:
        """The name by which `grutext evaluate` and others read the texts that were set aside; None if none were."""
        return str(self.path / DEV) if self.dev else None

    @property
    def texts(self) -> int:
        """The number of texts in `train`."""
        return sum(shard.rows for shard in self.train)

    def summary(self) -> str:
        """Return a line for the user on what is in the folder."""
        aside = sum(shard.rows for shard in self.dev)
        copies = f", copies left out: {self.copies:,}" if self.copies else ""
        return f"{self.path}: {count(self.texts, 'text')} in {count(len(self.train), 'shard')}, {aside:,} set aside{copies}"

    def open(self, worker: int = 0, workers: int = 1) -> Table:
        """Open the texts to train on: all of them, or the share of one of several workers.

        Worker 0 of 3 reads the shards 0, 3, 6 and so on. Together the workers read every text once.

        Args:
            worker: The number of the worker, from 0.
            workers: The number of workers.

        Raises:
            DataError: There are fewer shards than workers, or a shard cannot be read.
            ImportError: pyarrow is not installed.
        """
        if workers > len(self.train):
            problem = (
                f"has {count(len(self.train), 'shard')} for {workers:,} workers; write at least one for each"
            )
            raise DataError(problem, str(self.path))
        return self._open(self.train[worker::workers])

    def open_dev(self) -> Table:
        """Open the texts that were set aside.

        Raises:
            DataError: None were set aside, or a file cannot be read.
            ImportError: pyarrow is not installed.
        """
        return self._open(self.dev)

    def _open(self, shards: tuple[ShardFile, ...]) -> Table:
        source = str(self.path)
        empty = f"no texts were set aside for its {DEV} part" if shards == self.dev else "has no texts"
        return Table(source, _read(self.path, shards), COLUMNS, fixed=True, empty=empty)


def find_shards(name: str | Path) -> ShardFolder | None:
    """Return the folder of shards that a name stands for; None if it stands for another source.

    Raises:
        DataError: It is damaged.
    """
    return ShardFolder.load(name) if os.path.lexists(Path(name, MANIFEST)) else None


def open_shards(source: Source, _encoding: str | None) -> Table:
    """Open the texts to train on of a folder of shards, or, of its subfolder `dev`, those that were set aside.

    Raises:
        DataError: It is damaged.
        ImportError: pyarrow is not installed.
    """
    path = Path(str(source.path))
    if path.name in (TRAIN, DEV) and not os.path.lexists(path / MANIFEST):
        folder = ShardFolder.load(path.parent)
        return folder.open() if path.name == TRAIN else folder.open_dev()
    return ShardFolder.load(path).open()


def is_shards(path: Path) -> bool:
    """Return whether a folder is one of shards, also a half-written one, or its subfolder `train` or `dev`."""
    if path.name in (TRAIN, DEV) and os.path.lexists(path.parent / MANIFEST):
        return True
    return os.path.lexists(path / MANIFEST) or any((path / TRAIN).rglob("*.parquet"))


def _read(path: Path, shards: tuple[ShardFile, ...]) -> Generator[Record, None, None]:
    for shard in shards:
        name = str(path / shard.file)
        table = open_parquet(Source(name, name, "parquet"), None)
        with closing(table):
            if not set(COLUMNS) <= set(table.columns):
                problem = (
                    f"has the columns {list_names(table.columns)} instead of {list_names(COLUMNS)}; {_AGAIN}"
                )
                raise DataError(problem, name)
            rows = 0
            for record in table:
                rows += 1
                yield record
        if rows != shard.rows:
            raise DataError(f"has {count(rows, 'row')} instead of {shard.rows:,}; {_AGAIN}", name)


def _check_file(path: Path, shard: ShardFile) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise DataError(f"is missing, but {MANIFEST} lists it; {_AGAIN}", str(path)) from None
    except OSError as error:
        raise DataError(explain_os_error(error), str(path)) from None
    if size != shard.bytes:
        raise DataError(
            f"has {size:,} bytes instead of {shard.bytes:,}; copy it anew, or {_AGAIN}", str(path)
        )


def _read_manifest(path: Path, content: str) -> ShardFolder:
    """Return the folder that a `shards.json` describes.

    Raises:
        DataError: It does not describe one.
    """
    name = str(path / MANIFEST)
    try:
        read = json.loads(content)
        if not isinstance(read, dict) or read.get("kind") != _KIND:
            raise DataError(f"does not describe shards; {_AGAIN}", name)
        if read.get("version") != _VERSION:
            problem = f"is of version {read.get('version')!r}, and this grutext reads {_VERSION}; update it, or {_AGAIN}"
            raise DataError(problem, name)
        folder = ShardFolder(
            path,
            _read_files(read[TRAIN]),
            _read_files(read[DEV]),
            Counter(_read_counts(read["labels"])),
            _of_type(read["multilabel"], bool),
            _of_type(read["characters"], int),
            _of_type(read["fingerprint"], str),
            _of_type(read["copies"], int),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        raise DataError(f"is damaged; {_AGAIN}", name) from None
    if not folder.texts:
        raise DataError(f"lists no texts to train on; {_AGAIN}", name)
    unknown = [label for label, number in folder.labels.items() if number < 1]
    if unknown:
        raise DataError(f"has labels without a text to train on: {list_names(unknown)}; {_AGAIN}", name)
    return folder


def _read_files(value: Any) -> tuple[ShardFile, ...]:
    return tuple(_read_file(entry) for entry in _of_type(value, list))


def _read_file(entry: Any) -> ShardFile:
    file = _of_type(entry["file"], str)
    place = PurePosixPath(file)
    if place.is_absolute() or ".." in place.parts or "\0" in file or "\\" in file:
        raise ValueError(quote(file))  # it would be outside of the folder
    return ShardFile(file, _of_type(entry["rows"], int), _of_type(entry["bytes"], int))


def _read_counts(value: Any) -> dict[str, int]:
    return {name: _of_type(number, int) for name, number in _of_type(value, dict).items()}


def _of_type(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


FORMATS = (
    Format(
        "shards",
        open_shards,
        kind="folder",
        recognise=is_shards,
        package="pyarrow",
        extra="train",
        usage="a folder of shards",
    ),
)
