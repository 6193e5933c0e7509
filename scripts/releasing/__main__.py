"""Build a release, check it, and print a table of what was tried; exit code 1 if something failed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from releasing.answers import GOLDEN, check_answers
from releasing.build import build_release
from releasing.environments import PYTHONS, Environment, find_python
from releasing.errors import ReleaseError
from releasing.extras import SMOKES, prepare, try_extra

ROOT = Path(__file__).parents[2]


class Table:
    """Prints a line for each thing that is tried, and remembers whether one failed."""

    def __init__(self) -> None:
        self.failed = False

    def run(self, what: str, attempt: Callable[..., str], *arguments: object) -> None:
        """Print what an attempt found; one that raises a ReleaseError has failed."""
        start = time.monotonic()
        try:
            outcome = attempt(*arguments)
        except ReleaseError as error:
            self.failed = True
            outcome = f"FAILED: {error}"
        self.line(what, f"{time.monotonic() - start:.0f} s", outcome)

    def line(self, what: str, took: str, outcome: str) -> None:
        """Print a line."""
        print(f"{what:<24}{took:>6}  {outcome}", flush=True)


def main() -> int:
    """Run the steps that the options ask for."""
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    parser.add_argument(
        "--python", nargs="+", choices=PYTHONS, default=PYTHONS, metavar="VERSION", help="all if left out"
    )
    parser.add_argument(
        "--extras", default=",".join(SMOKES), metavar="NAMES", help=f"`none`, or of {','.join(SMOKES)}"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="FOLDER", help="dist if left out")
    options = parser.parse_args()
    extras = [] if options.extras == "none" else options.extras.split(",")
    if unknown := set(extras) - set(SMOKES):
        parser.error(f"there is no extra {' '.join(sorted(unknown))}; the extras are {' '.join(SMOKES)}")

    try:
        release = build_release(ROOT, options.out.resolve())
    except ReleaseError as error:
        print(f"scripts/release: {error}", file=sys.stderr)
        return 1
    for note in release.notes:
        print(note)
    table = Table()
    with tempfile.TemporaryDirectory(prefix="grutext-release-") as name:
        work = Path(name)
        for version in options.python:
            python = find_python(version)
            if python is None:
                table.line(f"Python {version}", "", "skipped: not found")
                continue
            table.run(f"Python {version}", _try_base, python, work / f"python{version}", release.wheel)
        files = prepare(work / "files")
        for extra in extras:
            table.run(f"extra {extra}", try_extra, extra, work / extra, release.wheel, files)
    if not table.failed:
        print(f"{release.wheel.name} and {release.sdist.name} are ready in {options.out}")
    return int(table.failed)


def _try_base(python: Path, folder: Path, wheel: Path) -> str:
    """Install the wheel without extras, and compare its answers with the recorded ones."""
    with Environment(python, folder) as environment:
        packages = environment.install(str(wheel))
        texts = sum(check_answers(environment, model) for model in GOLDEN)
    return f"{packages} packages; {texts} texts of {len(GOLDEN)} golden models are answered as recorded"


sys.exit(main())
