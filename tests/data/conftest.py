"""A folder of its own for each test, in which files are written and named as a user would."""

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
    """Writes a file and gives its name; what ends in .gz is packed, but not what ends in .gz and is bytes."""

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
    """Gives the message with which reading a source fails."""

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
    """Builds examples from their labels: one label each, or tuples of them."""

    def build(labels) -> list[Example]:
        return [
            Example(f"text {row}", (label,) if isinstance(label, str) else label, "made.csv", row)
            for row, label in enumerate(labels, start=2)
        ]

    return build


@pytest.fixture
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs code in a fresh interpreter that finds the package."""

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
