"""Where results go: standard output, or a file that appears only when it is complete."""

from __future__ import annotations

import contextlib
import gzip
import os
import secrets
import sys
from pathlib import Path
from typing import IO, cast

from grutext.errors import DataError


class Output:
    """Bytes on their way to a target.

    A file is written beside its final place and moved there by `commit`; until then, whatever the target held
    stays as it was. Pipes and devices are written directly, and so is standard output.

    Args:
        target: A path; None or `-` for standard output. What ends in `.gz` is packed.

    Raises:
        DataError: The target cannot be written.
    """

    def __init__(self, target: str | None) -> None:
        self.name = "standard output" if target in {None, "-"} else str(target)
        self._target: Path | None = None
        self._temporary: Path | None = None
        self._packed: gzip.GzipFile | None = None
        if target is None or target == "-":
            sys.stdout.flush()
            self._file: IO[bytes] = sys.stdout.buffer
            return
        self._target = Path(os.path.realpath(target))  # a link stays a link
        try:
            self._file = self._open(self._target)
        except (OSError, ValueError) as error:
            raise self._explain(error) from None
        if target.lower().endswith(".gz"):
            try:
                # Neither name nor time of the temporary file go into the header: same rows, same bytes.
                self._packed = gzip.GzipFile(filename="", mode="wb", fileobj=self._file, mtime=0)
            except OSError as error:
                self.discard()
                raise self._explain(error) from None

    def _open(self, path: Path) -> IO[bytes]:
        if path.exists() and not path.is_file():
            return path.open("wb")
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        return self._temporary.open("xb")

    def write(self, data: bytes) -> None:
        """Writes bytes.

        Raises:
            DataError: They cannot be written: the disk is full, say.
        """
        stream = self._file if self._packed is None else cast("IO[bytes]", self._packed)
        try:
            stream.write(data)
        except BrokenPipeError:
            raise  # whoever read standard output has seen enough; the command line ends quietly
        except OSError as error:
            raise self._explain(error) from None

    def commit(self) -> None:
        """Completes the output; a file gets its final name.

        Raises:
            DataError: The last bytes cannot be written.
        """
        try:
            if self._packed is not None:
                self._packed.close()
            self._file.flush()
            if self._target is None:
                return
            if self._temporary is not None:
                os.fsync(self._file.fileno())
            self._file.close()
            if self._temporary is not None:
                self._temporary.replace(self._target)
        except BrokenPipeError:
            raise
        except OSError as error:
            self.discard()
            raise self._explain(error) from None

    def discard(self) -> None:
        """Removes what was written of a file."""
        if self._target is None:
            return
        for file in (self._packed, self._file):
            with contextlib.suppress(OSError, ValueError):  # ValueError: the packed data has no file any more
                if file is not None:
                    file.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.unlink()

    def _explain(self, error: Exception) -> DataError:
        if isinstance(error, FileNotFoundError):
            return DataError("cannot be written: the folder does not exist; make it first", self.name)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return DataError(f"cannot be written: {reason[:1].lower()}{reason[1:]}", self.name)
