"""Run one part in a process of its own: `python -m benchmarks.speed.job PART BENCH` prints its rows as JSON lines.

The parts import heavy packages only where they need them, because a child process would count the memory of a large
parent as its own.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

PARTS = ("layer", "training", "prediction", "latency", "start", "growth")


@dataclass(frozen=True, slots=True)
class Bench:
    """The arguments of a part.

    Attributes:
        data: The folder of the sets.
        sets: The names of the sets; parts that need one take the first.
        models: The folder of the models, by set; missing ones are trained and saved there.
        repeats: Repetitions of each timing.
    """

    data: Path
    sets: tuple[str, ...]
    models: Path
    repeats: int

    def to_json(self) -> str:
        """Return the arguments as a JSON object, for the command line of a process."""
        return json.dumps(asdict(self), default=str)

    @staticmethod
    def from_json(text: str) -> Bench:
        """Parse the result of `to_json`."""
        values = json.loads(text)
        paths = {name: Path(values[name]) for name in ("data", "models")}
        return Bench(**(values | paths | {"sets": tuple(values["sets"])}))


if __name__ == "__main__":
    part, bench = sys.argv[1:]
    for row in importlib.import_module(f"benchmarks.speed.{part}").measure(Bench.from_json(bench)):
        print(json.dumps(row), flush=True)
