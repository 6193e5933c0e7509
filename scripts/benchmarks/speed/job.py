"""One part in a process of its own: `python -m benchmarks.speed.job PART BENCH` prints its rows as JSON lines.

What is heavy is imported by the parts themselves, where they need it: a child of a process that is large would count
that process' memory as its own.
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
    """What a part is to measure with.

    Attributes:
        data: The folder of the sets.
        sets: The names of the sets; parts that need one take the first.
        models: The folder of the models, by set; those that are missing are trained and kept there.
        repeats: Turns of each timing.
    """

    data: Path
    sets: tuple[str, ...]
    models: Path
    repeats: int

    def to_json(self) -> str:
        """Gives it as a JSON object, for an argument of a process."""
        return json.dumps(asdict(self), default=str)

    @staticmethod
    def from_json(text: str) -> Bench:
        """Reads what `to_json` gives."""
        values = json.loads(text)
        paths = {name: Path(values[name]) for name in ("data", "models")}
        return Bench(**(values | paths | {"sets": tuple(values["sets"])}))


if __name__ == "__main__":
    part, bench = sys.argv[1:]
    for row in importlib.import_module(f"benchmarks.speed.{part}").measure(Bench.from_json(bench)):
        print(json.dumps(row), flush=True)
