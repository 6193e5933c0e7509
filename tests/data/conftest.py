"""Fixtures for tests that read files; each test runs in an empty folder."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import grutext
from grutext.data import Example, ReadOptions, RowReader, read_dataset
from grutext.errors import DataError

Write = Callable[..., str]


@pytest.fixture(autouse=True)
def _inside_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write() -> Write:
    """Return a function that writes a file and returns its name; a string is compressed if the name ends in .gz."""

    def write_file(name: str, content: str | bytes) -> str:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        if name.endswith(".gz") and isinstance(content, str):
            data = gzip.compress(data)
        path.write_bytes(data)
        return name

    return write_file


@pytest.fixture
def problem() -> Callable[..., str]:
    """Return a function that returns the message of the error with which reading a source fails."""

    def read_and_fail(source: str, options: ReadOptions | None = None, read=read_dataset, **kwargs) -> str:
        def read_all() -> None:
            result = read(source, options or ReadOptions(), **kwargs)
            for _ in result if isinstance(result, RowReader) else ():
                pass

        with pytest.raises(DataError) as caught:
            read_all()
        message = str(caught.value)
        assert "\n" not in message
        return message

    return read_and_fail


@pytest.fixture
def make_examples() -> Callable[..., list[Example]]:
    """Return a function that builds examples from their labels: strings, or tuples of strings."""

    def build(labels) -> list[Example]:
        return [
            Example(f"text {row}", (label,) if isinstance(label, str) else label, "made.csv", row)
            for row, label in enumerate(labels, start=2)
        ]

    return build


@pytest.fixture
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs code in a new interpreter that finds the package."""

    def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        root = str(Path(grutext.__file__).parents[1])
        return subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": root} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
