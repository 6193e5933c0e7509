"""Run one job in a process of its own: `python -m benchmarks.audit.job DATA JOB` prints its numbers.

A share of the labels of a training set is exchanged for other labels at random. What is listed as a likely error is right if it
was exchanged; labels that were wrong before count as mistakes of the list. The test set is not used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import grutext
from benchmarks.ours import describe_source
from benchmarks.results import Job, Result
from benchmarks.sets import BenchSet
from benchmarks.stopwatch import Stopwatch
from grutext.data import label_set

OURS: dict[str, dict[str, Any]] = {"grutext --no-gru": {"gru.enabled": False}, "grutext": {}}
PEERS = {"cleanlab": 1.0, "cleanlab, C=10": 10.0}  # the strength C of the logistic regression
SYSTEMS = (*OURS, *PEERS)
_FOLDS = 5
_FIRST = 100


@dataclass(frozen=True)
class AuditJob(Job):
    """An audit of a training set of which some labels are exchanged.

    Attributes:
        percent: The share of the labels that are exchanged.
        seed: The seed of the exchange, of the folds and of the trainings.
    """

    percent: int
    seed: int


def swap_labels(truth: NDArray[np.int64], classes: int, job: AuditJob) -> NDArray[np.int64]:
    """Return labels of which a share is exchanged for another one, `(N,)`, each other one as likely."""
    rng = np.random.default_rng([job.seed, job.percent, 22])
    places = rng.permutation(len(truth))[: round(len(truth) * job.percent / 100)]
    given: NDArray[np.int64] = truth.copy()
    given[places] = (given[places] + rng.integers(1, classes, len(places))) % classes
    return given


def score_list(listed: NDArray[np.int64], is_wrong: NDArray[np.bool_]) -> Result:
    """Return precision, recall and the precision of the first 100 of a list of texts, the worst first."""
    found = is_wrong[listed]
    return {
        "listed": len(listed),
        "swapped": int(is_wrong.sum()),
        "precision": float(found.mean()) if len(found) else 0.0,
        "recall": float(found.sum() / is_wrong.sum()),
        "first_100": float(found[:_FIRST].mean()) if len(found) else 0.0,
    }


def run_job(bench_set: BenchSet, job: AuditJob) -> Result:
    """Exchange labels, list the likely errors, and score the list."""
    watch = Stopwatch()
    examples = bench_set.read("train").examples
    labels, texts = label_set(examples), [example.text for example in examples]
    truth = np.array([labels.index(example.labels[0]) for example in examples])
    given = swap_labels(truth, len(labels), job)
    if job.system in PEERS:
        listed, probabilities = audit_with_cleanlab(texts, given, PEERS[job.system], job.seed)
        release = f"cleanlab {version('cleanlab')}, scikit-learn {version('scikit-learn')}"
    else:
        settings = OURS[job.system] | {"training.seed": job.seed}
        found = grutext.audit((texts, [labels[c] for c in given]), _FOLDS, settings=settings)
        listed = np.array([error.position for error in found.errors], np.int64)
        probabilities = found.probabilities
        release = f"grutext {grutext.__version__}"
    return {
        **score_list(listed, given != truth),
        "accuracy": float((probabilities.argmax(axis=1) == truth).mean()),
        "version": release,
        "commit": None if job.system in PEERS else describe_source(),
        **watch.read(),
    }


def audit_with_cleanlab(
    texts: Sequence[str], given: NDArray[np.int64], strength: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return cleanlab's list, the worst first, and the out-of-fold probabilities, by TF-IDF of words and pairs of words."""
    from cleanlab.filter import find_label_issues
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=strength, max_iter=1000)
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    probabilities = cross_val_predict(model, texts, given, cv=folds, method="predict_proba")
    listed = find_label_issues(given, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    return np.asarray(listed, np.int64), probabilities


if __name__ == "__main__":
    data, fields = sys.argv[1:]
    job = AuditJob(**json.loads(fields))
    print(json.dumps(run_job(BenchSet(Path(data) / job.set), job)))
