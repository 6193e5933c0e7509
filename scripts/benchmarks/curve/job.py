"""Run one job in a process of its own: `python -m benchmarks.curve.job DATA JOB` prints its numbers.

A fifth of the training set is held out. The learning curve is that of half of the other texts; its forecast for twice as many is
compared with a training on all of them. The test set is not used.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grutext
from benchmarks.ours import describe_source
from benchmarks.results import Job, Result
from benchmarks.sets import BenchSet
from benchmarks.stopwatch import Stopwatch
from grutext import TrainingData
from grutext.config import Config
from grutext.data import Example, split_examples
from grutext.evaluation import evaluate
from grutext.settings import preset
from grutext.text import text_key
from grutext.training.learning_curve import learning_curve

SYSTEMS: dict[str, dict[str, Any]] = {
    "linear part": {"gru.enabled": False},
    "grutext": {},
    "grutext, fast": preset("fast"),
}
_HELD_OUT = 0.2


@dataclass(frozen=True)
class CurveJob(Job):
    """A learning curve of half of the texts, and a training on all of them.

    Attributes:
        seed: The seed of the split and of the trainings.
    """

    seed: int


def run_job(bench_set: BenchSet, job: CurveJob) -> Result:
    """Forecast a score, train, and return the forecast and the score."""
    watch = Stopwatch()
    config = Config().override(SYSTEMS[job.system] | {"training.seed": job.seed})
    dataset = bench_set.read("train")
    rest, held_out = _split(dataset.examples, _HELD_OUT, job.seed)
    _, half = _split(rest, 0.5, job.seed)
    dev = _in_memory(held_out, dataset.multilabel)
    curve = learning_curve(TrainingData(_in_memory(half, dataset.multilabel), dev=dev), settings=config)
    model = grutext.train(_in_memory(rest, dataset.multilabel), settings=config).classifier
    report = evaluate(
        [example.labels for example in held_out],
        model.predict_proba(dev[0]),
        model.labels,
        multilabel=model.multilabel,
        thresholds=model.thresholds,
    )
    forecast = curve.forecasts[0]
    score = float(report.to_dict()[curve.metric])
    return {
        "accuracy": score,
        "texts": len(rest),
        "holds": forecast.low <= score <= forecast.high,
        **curve.to_dict(),
        "version": f"grutext {grutext.__version__}",
        "commit": describe_source(),
        **watch.read(),
    }


def _split(examples: list[Example], fraction: float, seed: int) -> tuple[list[Example], list[Example]]:
    return split_examples(examples, fraction, seed, [text_key(example.text) for example in examples])


def _in_memory(examples: list[Example], multilabel: bool) -> tuple[list[str], list[Any]]:
    labels = [list(example.labels) if multilabel else example.labels[0] for example in examples]
    return [example.text for example in examples], labels


if __name__ == "__main__":
    data, fields = sys.argv[1:]
    job = CurveJob(**json.loads(fields))
    print(json.dumps(run_job(BenchSet(Path(data) / job.set), job)))
