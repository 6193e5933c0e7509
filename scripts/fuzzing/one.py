"""Fuzz one target in a process of its own: `python -m fuzzing.one TARGET [libFuzzer's arguments]`."""

from __future__ import annotations

import contextlib
import importlib
import sys

import atheris

# Modules to instrument when they are loaded; grutext imports some of them only where they are needed.
MODULES = (
    "tomllib",
    "tomli",
    "grutext.settings",
    "grutext.model.spec",
    "grutext.data.formats.parquet",
    "grutext.data.formats.compression",
    "grutext.data.formats.spreadsheet",
    "fuzzing.targets",
)

if __name__ == "__main__":
    with atheris.instrument_imports(include=["grutext", "json", "tomllib", "tomli"]):
        for module in MODULES:
            with contextlib.suppress(ModuleNotFoundError):  # Python has tomllib or needs tomli
                importlib.import_module(module)
    from fuzzing.targets import TARGETS

    program, name, *arguments = sys.argv
    atheris.Setup([program, *arguments], TARGETS[name])
    atheris.Fuzz()
