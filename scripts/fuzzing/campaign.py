"""Fuzz the targets for a number of executions, and print a table of the outcomes."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from fuzzing.targets import SEEDS, TARGETS

# The last line of libFuzzer's statistics.
_STATISTICS = re.compile(r"^#(\d+)\s+(?:DONE|NEW|REDUCE|pulse|INITED)\s+cov: (\d+) ft: (\d+)", re.MULTILINE)
ONE = ["-m", "fuzzing.one"]
_SECONDS, _MEGABYTES = 10, 2048  # limits of one execution


def main() -> int:
    """Fuzz the targets one after the other; return 1 if one of them failed, 2 if atheris is not installed."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all if left out: {' '.join(TARGETS)}")
    parser.add_argument(
        "--executions", type=int, default=100_000, metavar="N", help="over all targets together"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="what is tried first")
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"there is no target {' '.join(sorted(unknown))}; the targets are {' '.join(TARGETS)}")
    if find_spec("atheris") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        print(
            f"scripts/fuzz needs atheris, and there is none for Python {version}; try 3.11", file=sys.stderr
        )
        return 2
    names = options.targets or list(TARGETS)
    runs = max(1, options.executions // len(names))
    print(
        f"{'target':12}{'executions':>12}{'seconds':>9}{'per second':>12}{'edges':>8}{'features':>10}  outcome"
    )
    return max([fuzz(name, runs, options.seed) for name in names])


def fuzz(name: str, runs: int, seed: int) -> int:
    """Fuzz one target, starting from its seeds, and print a line; a failing input is added to the seeds."""
    seeds = SEEDS / name
    with tempfile.TemporaryDirectory(prefix="grutext-fuzz-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        arguments = [f"-runs={runs}", f"-seed={seed}", f"-timeout={_SECONDS}", f"-rss_limit_mb={_MEGABYTES}"]
        command = [sys.executable, *ONE, name, *arguments, f"-artifact_prefix={seeds}/"]
        start = time.monotonic()
        done = subprocess.run(
            [*command, str(corpus), str(seeds)],
            env=os.environ | {"TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        seconds = time.monotonic() - start
    executions, edges, features = (_STATISTICS.findall(done.stdout) or [("0", "0", "0")])[-1]
    rate = int(executions) / seconds
    outcome = "nothing found" if not done.returncode else _explain(done.stdout)
    print(
        f"{name:12}{executions:>12}{seconds:9.0f}{rate:12.0f}{edges:>8}{features:>10}  {outcome}", flush=True
    )
    return int(done.returncode != 0)


def _explain(log: str) -> str:
    """Return the error, and the seed that reproduces it."""
    lines = log.splitlines()
    reason = [line for line in lines if "Exception" in line or "Error" in line or line.startswith("ALARM")]
    saved = [line.rpartition(" ")[2] for line in lines if "Test unit written to" in line]
    return " | ".join([*reason[:2], *saved] or lines[-1:])


if __name__ == "__main__":
    sys.exit(main())
