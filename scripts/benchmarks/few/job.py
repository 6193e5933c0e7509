"""Run one job in a process of its own: `python -m benchmarks.few.job DATA JOB` prints its numbers.

The cut, models and other files go to a temporary folder, which the parent process removes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.few.cuts import Cut, write_cut
from benchmarks.few.peers import FEATURES, run_logistic
from benchmarks.few.vectors import write_static
from benchmarks.ours import run_grutext
from benchmarks.peers import run_fasttext, run_svm
from benchmarks.results import Job, Result
from benchmarks.sets import BenchSet
from grutext.evaluation import Decisions, selective_risk
from grutext.inference import Classifier

OURS = ("grutext", "grutext+unlabelled", "grutext+vectors")
SYSTEMS = ("svm", *FEATURES, "fasttext", *OURS)
CACHE = Path(__file__).parents[3] / "bench"
_PROMISE = 0.05  # the share of wrong answers that the offered threshold promises not to exceed


@dataclass(frozen=True)
class FewJob(Job):
    """A training on a cut of a training set.

    Attributes:
        rows: How many rows keep their labels.
        cut: Which of the cuts of this size, from 1; also the seed of the training.
    """

    rows: int
    cut: int


def run_job(bench_set: BenchSet, job: FewJob, folder: Path) -> Result:
    """Cut the training set, train one system on the cut, and test it on the test set."""
    cut = write_cut(bench_set, Cut(job.set, job.rows, job.cut), folder)
    if job.system in FEATURES:
        return run_logistic(cut, job.system, job.cut, folder, CACHE)
    if job.system not in OURS:
        return {"svm": run_svm, "fasttext": run_fasttext}[job.system](cut, job.cut, folder)
    options = ["--seed", str(job.cut)]
    if job.system == "grutext+unlabelled":
        options += ["--unlabelled", str(cut.path("unlabelled"))]
    if job.system == "grutext+vectors":
        options += ["--vectors", str(write_static(folder / "vectors"))]
    result = run_grutext(cut, options, folder)
    return result | {"abstention": check_abstention(Classifier.load(folder / "model"), cut)}


def check_abstention(model: Classifier, cut: BenchSet) -> dict[str, Any] | None:
    """Return coverage and errors on the test set at the threshold for 5 % errors; None if none is offered."""
    offered = [one["threshold"] for one in model.bundle.abstention if one["errors"] == _PROMISE]
    if not offered or offered[0] is None:
        return None
    examples = cut.read("test").examples
    probabilities = model.predict_proba([example.text for example in examples])  # (N, C)
    decided = Decisions.compare([example.labels for example in examples], probabilities, model.labels)
    risk = selective_risk(decided.confidence, decided.correct, offered[0])
    return {name: risk[name] for name in ("threshold", "coverage", "errors")}


if __name__ == "__main__":
    data, fields = sys.argv[1:]
    job = FewJob(**json.loads(fields))
    with tempfile.TemporaryDirectory() as folder:
        result = run_job(BenchSet(Path(data) / job.set), job, Path(folder))
    print(json.dumps(result))
