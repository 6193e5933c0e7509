"""Virtual environments: an interpreter, what is installed in it, and commands that run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from releasing.errors import ReleaseError

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
_HEAVY = {"keras", "matplotlib", "numba", "pandas", "scikit-learn", "scipy", "tensorflow"}
SHOWN = 400  # characters of the output of a command that failed


def find_python(version: str) -> Path | None:
    """Return an interpreter of a version such as `3.12`: the one on PATH, or one of pyenv's; None if there is none."""
    on_path = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    candidates = [Path(on_path)] if on_path else []
    for python in [*candidates, *sorted(pyenv.glob(f"{version}.*/bin/python"))]:
        # A shim of pyenv is on PATH even where no version is chosen, and a Python may lack venv.
        if (
            subprocess.run(
                [python, "-c", "import ensurepip, venv"], capture_output=True, check=False
            ).returncode
            == 0
        ):
            return python
    return None


def run(*command: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """Run a command and return its stdout.

    Args:
        command: The program and its arguments.
        cwd: The folder to run it in.
        environment: Variables to set in addition to the present ones.

    Raises:
        ReleaseError: It fails.
    """
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=variables | (environment or {}), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-SHOWN:]
        raise ReleaseError(f"{' '.join(map(str, command))} exits with {done.returncode}: {said}")
    return done.stdout


class Environment:
    """A fresh virtual environment, which is deleted at the end: one with TensorFlow takes 2 GB.

    Args:
        python: The interpreter.
        folder: The folder of the environment.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self.folder = folder
        run(python, "-m", "venv", folder)
        self.python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"

    def __enter__(self) -> Environment:  # noqa: PYI034 (Python 3.10 has no Self)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)

    def install(self, requirement: str) -> int:
        """Install a requirement, and return how many packages are installed then, pip apart.

        Raises:
            ReleaseError: It cannot be installed, packages do not fit together, or a heavy one came without an extra.
        """
        pip = (self.python, "-m", "pip", "--disable-pip-version-check")
        # Most modules are never imported, so they are not compiled.
        run(*pip, "install", "--quiet", "--no-compile", requirement, cwd=self.folder)
        run(*pip, "check", cwd=self.folder)
        listed = json.loads(run(*pip, "list", "--format", "json", cwd=self.folder))
        names = {package["name"].lower() for package in listed} - {"pip", "setuptools"}
        if "[" not in requirement and names & _HEAVY:
            raise ReleaseError(f"installed without an extra: {', '.join(sorted(names & _HEAVY))}")
        return len(names)

    def grutext(self, *arguments: str | Path, cwd: Path) -> str:
        """Run `grutext`, and return what it prints.

        Raises:
            ReleaseError: It fails.
        """
        return run(self.python.parent / "grutext", *arguments, cwd=cwd)
