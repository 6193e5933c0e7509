"""Files that an interrupted run can continue."""

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
_START_OVER = "repeat its command, or start over without --resume"


@dataclass(frozen=True, slots=True)
class ResumableRun:
    """The run that writes a file.

    Attributes:
        settings: Everything but the rows that decides the bytes of the file, by the name that messages use.
        resume: Whether to continue an interrupted run.
    """

    settings: Mapping[str, Any]
    resume: bool = False


@final
class ResumableFile:
    """A file that is being written, and that an interrupted run can continue.

    Three files lie beside the target. `.NAME.partial` has the bytes. `.NAME.progress` is a log: a line with the
    settings, then a line for each time at which all bytes so far were on the disk. The log is only appended to, so that
    its last complete line is true whenever a process or a machine stops. `.NAME.lock` is locked while the process runs.

    Args:
        target: The path of the complete file.
        name: The name of the file in messages.
        run: The run that writes the file.

    Raises:
        DataError: Another process writes the file, or the interrupted run had other settings.
        OSError: The files cannot be written.

    Attributes:
        file: The open file to write to.
        saved: The number of rows after which a later run can continue.
        state: What `save` was given with these rows, and `rows`, `digest` and `bytes`; empty for a new file.
        notes: Lines for the user.
    """

    def __init__(self, target: Path, name: str, run: ResumableRun) -> None:
        from filelock import FileLock, Timeout

        os.stat(os.path.join(target.parent, ""))  # noqa: PTH116, PTH118 (the lock would create the folder)
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
        self.saved, self.state, self.notes = 0, dict[str, Any](), list[str]()
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

    def _open(self, run: ResumableRun) -> None:
        settings, entries, end = self._read_log()
        there = bool(entries) and self._path.exists()
        if there and run.resume:
            changed = [
                key for key in {**settings, **run.settings} if settings.get(key) != run.settings.get(key)
            ]
            if changed:
                values = " and ".join(changed)
                raise DataError(
                    f"the interrupted run had another value of {values}; {_START_OVER}", self.name
                )
            self._digests = {entry["rows"]: entry["digest"] for entry in entries}
            self.state = entries[-1]
            self.saved = self.state["rows"]
            self.file, self._log = self._path.open("r+b"), self._log_path.open("r+b", buffering=0)
            self._truncate(self.file, self.state["bytes"])
            self._truncate(self._log, end)
            self.notes.append(f"{self.name}: continues after {count(self.saved, 'row')}")
            return
        if run.resume:
            self.notes.append(f"{self.name}: there is nothing to resume, so it starts with the first row")
        elif there:
            lost = count(entries[-1]["rows"], "row")
            self.notes.append(f"{self.name}: {lost} of an interrupted run are discarded (--resume continues)")
        self._log_path.unlink(missing_ok=True)  # before the bytes that it describes are replaced
        self.file, self._log = self._path.open("wb"), self._log_path.open("wb", buffering=0)
        try:
            self._log.write(_render({"settings": dict(run.settings)}))
        except OSError:
            self._remove()
            raise

    def _truncate(self, file: IO[bytes], size: int) -> None:
        """Remove what was written after the last entry of the log, and continue from there."""
        if file.seek(0, os.SEEK_END) < size:
            raise DataError(f"{self._path.name} beside it is cut off; start over without --resume", self.name)
        file.truncate(size)
        file.seek(size)

    def skip(self, rows: Sequence[Row]) -> bool:
        """Count the next rows of the input; return whether the interrupted run has written them already.

        Raises:
            DataError: They are not the rows that the interrupted run read.
        """
        for row in rows:
            self._hash.update(repr(row.fields).encode())
        self._seen += len(rows)
        if self._digests.get(self._seen, self._digest) != self._digest:
            raise self._other_rows()
        if self._seen > self.saved > self._seen - len(rows):
            raise self._other_rows()
        return self._seen <= self.saved

    def save(self, state: Mapping[str, Any]) -> None:
        """Write all rows so far to the disk and to the log, unless that was done less than 5 seconds ago.

        Args:
            state: What a run that continues needs to know, in JSON's types; it gets it as `self.state`.
        """
        if time.monotonic() < self._due:
            return
        self.file.flush()
        os.fsync(self.file.fileno())
        entry = {"rows": self._seen, "digest": self._digest, "bytes": self.file.tell()}
        self._log.write(_render(entry | dict(state)))
        self.saved = self._seen
        self._due = time.monotonic() + SECONDS

    def finish(self) -> None:
        """Give the file its final name and remove the other files.

        Raises:
            DataError: The input has fewer rows than the interrupted run read.
            OSError: The last bytes cannot be written.
        """
        if self._seen < self.saved:
            raise self._other_rows()
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._log.close()
        self._path.replace(self._target)
        self._log_path.unlink()
        self._unlock()

    def abandon(self) -> None:
        """Close the file, and remove it if no row was saved; after `finish`, do nothing."""
        if not self._lock.is_locked:
            return
        with contextlib.suppress(OSError):
            self.file.close()
        self._log.close()
        if not self.saved:
            self._remove()
        self._unlock()

    @property
    def _digest(self) -> str:
        return self._hash.hexdigest()

    def _read_log(self) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
        """Return the settings, the entries and the size in bytes of the complete lines of the log."""
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
            f"the rows of the input are not those that the interrupted run read; {_START_OVER}", self.name
        )

    def _remove(self) -> None:
        for path in (self._log_path, self._path):
            with contextlib.suppress(OSError):
                path.unlink()

    def _unlock(self) -> None:
        with contextlib.suppress(OSError):
            Path(
                self._lock.lock_file
            ).unlink()  # while it is locked, so that no other process's file is removed
        self._lock.release()


def _render(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"
