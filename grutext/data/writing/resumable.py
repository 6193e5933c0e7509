"""What is written of a file that is not complete yet, so that an interrupted run can go on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, final

from grutext.data.rows import Row
from grutext.errors import DataError
from grutext.messages import count

SECONDS = 5.0  # between two entries of the log
_ANEW = "repeat its command, or start anew without --resume"


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run that writes a file.

    Attributes:
        settings: All that decides its bytes except for the rows, by what messages call it.
        resume: Whether to go on with an interrupted run.
    """

    settings: Mapping[str, Any]
    resume: bool = False


@final
class Partial:
    """The files beside a target while it is being written, all by one process.

    `.NAME.partial` has the bytes. `.NAME.progress` is a log: a line with the settings, then one for each moment at
    which all bytes so far were on the disk. It is only ever appended to, so that whenever a process or a machine
    dies, the last whole line is true. `.NAME.lock` is locked while the process lives.

    Args:
        target: The path of the complete file.
        name: What messages call it.
        run: Who writes it.

    Raises:
        DataError: Another process writes it, or the interrupted run had other settings.
        OSError: The files cannot be written.

    Attributes:
        file: Where the bytes go.
        kept: The rows that can be gone on after, as the log has it.
        state: What `keep` was given with them; empty where nothing is gone on with.
        notes: Lines for the user.
    """

    def __init__(self, target: Path, name: str, run: Run) -> None:
        from filelock import FileLock, Timeout

        os.stat(os.path.join(target.parent, ""))  # noqa: PTH116, PTH118 (or the lock would make the folder)
        self.name, self._target = name, target
        self._path, self._log_path, lock = (
            target.with_name(f".{target.name}.{part}") for part in ("partial", "progress", "lock")
        )
        self._lock = FileLock(lock)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise DataError(
                "another process is writing this file; wait for it, or name another file", name
            ) from None
        self.kept, self.state, self.notes = 0, dict[str, Any](), list[str]()
        self._digests: dict[int, str] = {}
        self._seen, self._hash = 0, hashlib.blake2b(digest_size=16)
        self._due = time.monotonic() + SECONDS
        self.file: IO[bytes]
        self._log: IO[bytes]
        try:
            self._open(run)
        except BaseException:
            self._unlock()
            raise

    def _open(self, run: Run) -> None:
        settings, entries, end = self._read_log()
        there = bool(entries) and self._path.exists()
        if there and run.resume:
            changed = [
                key for key in {**settings, **run.settings} if settings.get(key) != run.settings.get(key)
            ]
            if changed:
                values = " and ".join(changed)
                raise DataError(f"the interrupted run had another value of {values}; {_ANEW}", self.name)
            self._digests = {entry["rows"]: entry["digest"] for entry in entries}
            self.state = entries[-1]
            self.kept = self.state["rows"]
            self.file, self._log = self._path.open("r+b"), self._log_path.open("r+b", buffering=0)
            self._cut(self.file, self.state["bytes"])
            self._cut(self._log, end)
            self.notes.append(f"{self.name}: goes on after {count(self.kept, 'row')}")
            return
        if run.resume:
            self.notes.append(f"{self.name}: nothing is there to go on with, so it starts with the first row")
        elif there:
            lost = count(entries[-1]["rows"], "row")
            self.notes.append(f"{self.name}: {lost} of an interrupted run are thrown away (--resume goes on)")
        self._log_path.unlink(missing_ok=True)  # first, or it would speak of other bytes
        self.file, self._log = self._path.open("wb"), self._log_path.open("wb", buffering=0)
        try:
            self._log.write(_render({"settings": dict(run.settings)}))
        except OSError:
            self._remove()
            raise

    def _cut(self, file: IO[bytes], size: int) -> None:
        """Takes off what was written after the last entry."""
        if file.seek(0, os.SEEK_END) < size:
            raise DataError(f"{self._path.name} beside it is cut off; start anew without --resume", self.name)
        file.truncate(size)
        file.seek(size)

    def passes(self, rows: Sequence[Row]) -> bool:
        """Takes note of the next rows; tells whether they are written already.

        Raises:
            DataError: They are not those that the interrupted run read.
        """
        for row in rows:
            self._hash.update(repr(row.fields).encode())
        self._seen += len(rows)
        if self._digests.get(self._seen, self._digest) != self._digest:
            raise self._other_rows()
        if self._seen > self.kept > self._seen - len(rows):
            raise self._other_rows()
        return self._seen <= self.kept

    def keep(self, state: Mapping[str, Any]) -> None:
        """Makes sure that all rows so far can be gone on after, if it is time for that.

        Args:
            state: What going on needs to know, of JSON's types.
        """
        if time.monotonic() < self._due:
            return
        self.file.flush()
        os.fsync(self.file.fileno())
        entry = {"rows": self._seen, "digest": self._digest, "bytes": self.file.tell()}
        self._log.write(_render(entry | dict(state)))
        self.kept = self._seen
        self._due = time.monotonic() + SECONDS

    def finish(self) -> None:
        """Gives the file its final name; nothing else remains.

        Raises:
            DataError: The input ended before the rows that were written.
            OSError: The last bytes cannot be written.
        """
        if self._seen < self.kept:
            raise self._other_rows()
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._log.close()
        self._path.replace(self._target)
        self._log_path.unlink()
        self._unlock()

    def abandon(self) -> None:
        """Leaves what can be gone on with, or else nothing; after `finish` it does nothing."""
        if not self._lock.is_locked:
            return
        with contextlib.suppress(OSError):
            self.file.close()
        self._log.close()
        if not self.kept:
            self._remove()
        self._unlock()

    @property
    def _digest(self) -> str:
        return self._hash.hexdigest()

    def _read_log(self) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
        """Gives the settings, the entries and the length of the log, as far as it is whole."""
        settings: dict[str, Any] = {}
        entries: list[dict[str, Any]] = []
        end = 0
        with (
            contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError),
            self._log_path.open("rb") as log,
        ):
            for line in log:
                values = json.loads(line if line.endswith(b"\n") else b"")
                if end == 0:
                    settings = values["settings"]
                else:
                    entries.append(
                        {"rows": values["rows"], "digest": values["digest"], "bytes": values["bytes"]}
                        | values
                    )
                end += len(line)
        return settings, entries, end

    def _other_rows(self) -> DataError:
        return DataError(
            f"the rows of the input are not those that the interrupted run read; {_ANEW}", self.name
        )

    def _remove(self) -> None:
        for path in (self._log_path, self._path):
            with contextlib.suppress(OSError):
                path.unlink()

    def _unlock(self) -> None:
        with contextlib.suppress(OSError):
            Path(self._lock.lock_file).unlink()  # while it is held, so that nobody else's is removed
        self._lock.release()


def _render(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"
