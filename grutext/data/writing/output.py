"""Where results are written: standard output, or a file that appears only when it is complete."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from grutext.data.writing.gzip_writer import GzipWriter
from grutext.data.writing.resumable import ResumableFile, ResumableRun
from grutext.errors import DataError

_PIECE = 1 << 20  # bytes that are compressed and written at once


class Output:
    """A target to write bytes to.

    A file is written beside its final place and moved there by `commit`; until then, the target stays as it was. Pipes,
    devices and standard output are written directly.

    Args:
        target: A path, of which `.gz` at the end means compressed; None or `-` for standard output.
        run: The run that writes a file, if an interrupted run can be continued; None removes an unfinished file.

    Raises:
        DataError: The target cannot be written, or cannot be continued.

    Attributes:
        name: The name of the target in messages.
        resumable: The file of a `run`; None otherwise.
    """

    def __init__(self, target: str | None, run: ResumableRun | None = None) -> None:
        self.name = "standard output" if target in {None, "-"} else str(target)
        self.resumable: ResumableFile | None = None
        self._target: Path | None = None
        self._temporary: Path | None = None
        self._pending = bytearray()
        self._gzip: GzipWriter | None = None
        if target is None or target == "-":
            if sys.stdout is None:
                raise DataError("is closed; name a file to write", self.name)
            sys.stdout.flush()
            self._file: IO[bytes] = sys.stdout.buffer
            return
        self._target = Path(os.path.realpath(target))  # so that a symbolic link stays one
        try:
            self._file = self._open(self._target, run)
        except (OSError, ValueError) as error:
            raise self._explain(error) from None
        if target.lower().endswith(".gz"):
            self._gzip = GzipWriter(*self._state.get("gzip", ()))

    def _open(self, path: Path, run: ResumableRun | None) -> IO[bytes]:
        if path.exists() and not path.is_file():
            if run and run.resume:
                raise DataError("is not a file, so nothing of it was saved; leave out --resume", self.name)
            return path.open("wb")
        if run:
            self.resumable = ResumableFile(path, self.name, run)
            return self.resumable.file
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        return self._temporary.open("xb")

    @property
    def _state(self) -> Mapping[str, Any]:
        return self.resumable.state if self.resumable else {}

    def write(self, data: bytes) -> None:
        """Write bytes; they may stay in memory until `mark` or `commit` is called.

        Raises:
            DataError: They cannot be written, for example because the disk is full.
        """
        self._pending += data
        if len(self._pending) >= _PIECE:
            self._flush()

    def mark(self, state: Mapping[str, Any]) -> None:
        """Write all bytes so far: to a pipe for its reader, to a resumable file so that a later run can continue there.

        Args:
            state: What that run needs to know; it gets it as `resumable.state`.

        Raises:
            DataError: The bytes cannot be written.
        """
        self._flush()
        try:
            if self.resumable:
                gzip = {"gzip": [self._gzip.crc, self._gzip.size]} if self._gzip else {}
                self.resumable.save({**state, **gzip})
            elif self._temporary is None:
                self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._explain(error) from None

    def _flush(self) -> None:
        data = bytes(self._pending)
        self._pending.clear()
        if data and self._gzip:
            data = self._gzip.compress(data)
        try:
            while data:  # with PYTHONUNBUFFERED, a pipe may take only some of them
                data = data[self._file.write(data) :]
        except BrokenPipeError:
            raise  # the reader of standard output stopped reading; the command line ends without an error
        except OSError as error:
            raise self._explain(error) from None

    def commit(self) -> None:
        """Write what is left; give a file its final name.

        Raises:
            DataError: The last bytes cannot be written, or a resumed run got fewer rows than the interrupted one.
        """
        try:
            self._flush()
            if self._gzip:
                self._file.write(self._gzip.finish())
            self._file.flush()
            if self.resumable:
                self.resumable.finish()
            elif self._target:
                if self._temporary:
                    os.fsync(self._file.fileno())
                self._file.close()
                if self._temporary:
                    self._temporary.replace(self._target)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._explain(error) from None
        finally:
            self.discard()  # does nothing after a success

    def discard(self) -> None:
        """Remove an unfinished file, unless a later run can continue it."""
        if self.resumable:
            self.resumable.abandon()
        elif self._target:
            with contextlib.suppress(OSError):
                self._file.close()
            if self._temporary:
                with contextlib.suppress(OSError):
                    self._temporary.unlink()

    def _explain(self, error: Exception) -> DataError:
        if isinstance(error, FileNotFoundError):
            return DataError("cannot be written: the folder does not exist; make it first", self.name)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return DataError(f"cannot be written: {reason[:1].lower()}{reason[1:]}", self.name)
