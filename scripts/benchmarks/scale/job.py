"""Measure one training in a process of its own: `python -m benchmarks.scale.job FILE SETTINGS` prints its core-seconds by stage."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from benchmarks.memory import read_status
from benchmarks.scale.model import STAGES


class StageClock:
    """Counts the processor time of functions, without that of counted functions that they call.

    Attributes:
        seconds: The core-seconds of each stage so far.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def count(self, owner: Any, name: str, stage: str) -> None:
        """Replace a function of a module or class by one whose time counts for a stage."""
        function = getattr(owner, name)

        @wraps(function)
        def counted(*arguments: Any, **options: Any) -> Any:
            with self.during(stage):
                return function(*arguments, **options)

        setattr(owner, name, counted)

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Count the processor time of a block."""
        began = time.process_time()
        self._inner.append(0.0)
        try:
            yield
        finally:
            spent = time.process_time() - began
            self.seconds[stage] += spent - self._inner.pop()
            if self._inner:
                self._inner[-1] += spent


def train(path: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Train on a file, and return the core-seconds of each stage, the peak memory and what the texts are like."""
    import grutext
    from grutext.kernels import PREDICTION, TRAINING, why_unavailable
    from grutext.text import Vectorizer
    from grutext.training import fit
    from grutext.training import train as training
    from grutext.training.gru.fit import SupervisedPhase
    from grutext.training.gru.pretraining import PretrainingPhase
    from grutext.training.linear import out_of_core
    from grutext.training.target import TrainingTarget

    if reason := why_unavailable(*PREDICTION, *TRAINING):  # loaded here, so that loading them is not counted
        raise SystemExit(reason)
    clock = StageClock()
    clock.count(training, "read_splits", "read")
    clock.count(Vectorizer, "fit", "words")
    clock.count(out_of_core, "count_runs", "choice")
    clock.count(out_of_core, "choose_features", "choice")
    clock.count(out_of_core, "fit_out_of_core", "linear")
    clock.count(PretrainingPhase, "run", "pretraining")
    clock.count(SupervisedPhase, "run_epochs", "epochs")
    disk = 0

    def measure_disk(*arguments: Any) -> Any:
        nonlocal disk
        disk = max(disk, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))
        return calibrate(*arguments)

    calibrate = fit._calibrate  # noqa: SLF001 (the files are there when it is called)
    setattr(fit, calibrate.__name__, measure_disk)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with clock.during("rest"):
            target = TrainingTarget(folder / "model")
            outcome = grutext.train(
                str(path), target, settings={"training.in_memory_megabytes": 0.0} | settings
            )
    return {stage: clock.seconds[stage] for stage in STAGES} | {
        "cpu": sum(clock.seconds.values()),
        "disk": disk,
        "mb": read_status(os.getpid())["VmHWM"],
        "epochs_trained": len(outcome.bundle.history),
    }


if __name__ == "__main__":
    print(json.dumps(train(Path(sys.argv[1]), json.loads(sys.argv[2]))))
