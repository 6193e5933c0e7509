"""Run one job in a process of its own: `python -m benchmarks.suggest.job DATA JOB` prints its numbers.

The training set is the pool. A model is trained on a few random rows of it; then, round after round, rows are added and a new model is
trained: rows that `grutext.suggest` chooses, or random ones. Each model is scored on the test set.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import grutext
from benchmarks.ours import describe_source
from benchmarks.results import Job, Result
from benchmarks.sets import BenchSet
from benchmarks.stopwatch import Stopwatch
from grutext import Classifier
from grutext.data import Example

SYSTEMS = ("random", "suggest")
ROUNDS, ADDED, START, START_OF_INTENTS = 5, 100, 100, 200
_INTENTS = 50  # labels from which on a set is one of intents


@dataclass(frozen=True)
class SuggestJob(Job):
    """Trainings on more and more rows.

    Attributes:
        seed: Decides the first rows, the random ones, and the trainings.
    """

    seed: int


def run_job(bench_set: BenchSet, job: SuggestJob) -> Result:
    """Train round after round, and return the accuracy on the test set after each."""
    watch = Stopwatch()
    pool, test = bench_set.read("train").examples, bench_set.read("test").examples
    several = len({example.labels[0] for example in pool})
    order = np.random.default_rng([job.seed, 11]).permutation(len(pool)).tolist()
    start = START_OF_INTENTS if several >= _INTENTS else START
    chosen, rest = order[:start], order[start:]
    rows, accuracies = [], []
    for _ in range(ROUNDS + 1):
        model = _train([pool[n] for n in chosen], job.seed)
        rows.append(len(chosen))
        accuracies.append(_score(model, test))
        if job.system == "suggest":
            found = grutext.suggest(model, (pool[n].text for n in rest), ADDED, seed=job.seed)
            new = [rest[one.position] for one in found.suggestions]
        else:
            new = rest[:ADDED]
        added = set(new)
        chosen = [*chosen, *new]
        rest = [n for n in rest if n not in added]
    return {
        "rows": rows,
        "accuracies": accuracies,
        "accuracy": accuracies[-1],
        "version": f"grutext {grutext.__version__}",
        "commit": describe_source(),
        **watch.read(),
    }


def _train(examples: list[Example], seed: int) -> Classifier:
    texts, labels = [example.text for example in examples], [example.labels[0] for example in examples]
    settings = {"gru.enabled": False, "training.seed": seed}
    return grutext.train((texts, labels), settings=settings).classifier


def _score(model: Classifier, test: list[Example]) -> float:
    answers = model.predict([example.text for example in test])
    return float(np.mean([answer == one.labels[0] for answer, one in zip(answers, test, strict=True)]))


if __name__ == "__main__":
    data, fields = sys.argv[1:]
    job = SuggestJob(**json.loads(fields))
    print(json.dumps(run_job(BenchSet(Path(data) / job.set), job)))
