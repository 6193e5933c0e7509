"""Where results go: standard output, or a file that appears only when it is complete."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from grutext.data.writing.gzip_writer import Packer
from grutext.data.writing.resumable import Partial, Run
from grutext.errors import DataError

_PIECE = 1 << 20  # bytes that are packed and written at once


class Output:
    """Bytes on their way to a target.

    A file is written beside its final place and moved there by `commit`; until then, whatever the target held
    stays as it was. Pipes and devices are written directly, and so is standard output.

    Args:
        target: A path; None or `-` for standard output. What ends in `.gz` is packed.
        run: Who writes a file, so that it can be gone on with if it is interrupted; None removes it then.

    Raises:
        DataError: The target cannot be written, or not be gone on with.

    Attributes:
        name: What messages call it.
        partial: What keeps a file that has a `run`; None otherwise.
    """

    def __init__(self, target: str | None, run: Run | None = None) -> None:
        self.name = "standard output" if target in {None, "-"} else str(target)
        self.partial: Partial | None = None
        self._target: Path | None = None
        self._temporary: Path | None = None
        self._pending = bytearray()
        self._packer: Packer | None = None
        if target is None or target == "-":
            if sys.stdout is None:
                raise DataError("is closed; name a file to write", self.name)
            sys.stdout.flush()
            self._file: IO[bytes] = sys.stdout.buffer
            return
        self._target = Path(os.path.realpath(target))  # a link stays a link
        try:
            self._file = self._open(self._target, run)
        except (OSError, ValueError) as error:
            raise self._explain(error) from None
        if target.lower().endswith(".gz"):
            self._packer = Packer(*self._state.get("packed", ()))

    def _open(self, path: Path, run: Run | None) -> IO[bytes]:
        if path.exists() and not path.is_file():
            if run and run.resume:
                raise DataError("is no file, so nothing of it was kept; leave out --resume", self.name)
            return path.open("wb")
        if run:
            self.partial = Partial(path, self.name, run)
            return self.partial.file
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        return self._temporary.open("xb")

    @property
    def _state(self) -> Mapping[str, Any]:
        return self.partial.state if self.partial else {}

    def write(self, data: bytes) -> None:
        """Writes bytes, at the latest when `mark` is called.

        Raises:
            DataError: They cannot be written: the disk is full, say.
        """
        self._pending += data
        if len(self._pending) >= _PIECE:
            self._drain()

    def mark(self, state: Mapping[str, Any]) -> None:
        """Lets a reader have the bytes so far, or keeps them for a run that goes on after them.

        Args:
            state: What that run needs to know; it finds it in `partial.state`.

        Raises:
            DataError: The bytes cannot be written.
        """
        self._drain()
        try:
            if self.partial:
                packed = {"packed": [self._packer.crc, self._packer.size]} if self._packer else {}
                self.partial.keep({**state, **packed})
            elif self._temporary is None:
                self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._explain(error) from None

    def _drain(self) -> None:
        data = bytes(self._pending)
        self._pending.clear()
        if data and self._packer:
            data = self._packer.pack(data)
        try:
            while data:  # with PYTHONUNBUFFERED, a pipe may take less than all
                data = data[self._file.write(data) :]
        except BrokenPipeError:
            raise  # whoever read standard output has seen enough; the command line ends quietly
        except OSError as error:
            raise self._explain(error) from None

    def commit(self) -> None:
        """Completes the output; a file gets its final name.

        Raises:
            DataError: The last bytes cannot be written, or the input ended before a run that is gone on with.
        """
        try:
            self._drain()
            if self._packer:
                self._file.write(self._packer.end())
            self._file.flush()
            if self.partial:
                self.partial.finish()
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
            self.discard()  # of what is complete nothing is left to remove

    def discard(self) -> None:
        """Removes what was written of a file, unless a later run can go on with it."""
        if self.partial:
            self.partial.abandon()
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
