"""Run grutext as a user does, by `grutext train` in a process of its own, and score its parts alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grutext
from benchmarks.results import Result
from benchmarks.scores import keep, score
from benchmarks.sets import BenchSet
from benchmarks.stopwatch import Stopwatch
from grutext.inference import Classifier
from grutext.inference.fusion import fuse

ROOT = Path(__file__).parents[2]


def run_grutext(bench_set: BenchSet, options: Sequence[str], folder: Path) -> Result:
    """Train and test with the command line, then score the parts of the model, `folder`/model, one by one."""
    source = describe_source()
    command = [sys.executable, "-m", "grutext", "train", str(bench_set.path("train"))]
    command += ["--dev", str(bench_set.path("dev"))] if bench_set.path("dev") else []
    command += ["--test", str(bench_set.path("test")), "-m", str(folder / "model"), *options]
    watch = Stopwatch()
    done = subprocess.run([*command, "--json", "--quiet"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)  # it has printed the reason
    times = watch.read()
    outcome = json.loads(done.stdout)
    model = Classifier.load(folder / "model")
    result = {
        "multilabel": model.multilabel,
        "n_test": outcome["test"]["n"],
        **keep(outcome["test"]),
        "version": f"grutext {grutext.__version__}",
        "commit": source,
        **times,
        "mb": sum(file.stat().st_size for file in (folder / "model").iterdir()) / 1e6,
        "epochs": outcome["epochs"],
        "dev": {"n": outcome["dev"]["n"], **keep(outcome["dev"])},
        "parts": score_parts(model, bench_set),
    }
    if bench_set.path("oos_test"):
        result["oos_auroc"] = _score_out_of_scope(model, bench_set)
    return result


def score_parts(model: Classifier, bench_set: BenchSet) -> dict[str, Any]:
    """Return the weight of the GRU part in the mixture, and the metrics of each part alone."""
    test = bench_set.read("test")
    gru, linear, _ = model.raw_scores([example.text for example in test.examples])
    calibration = model.bundle.calibration
    parts: dict[str, Any] = {"fusion": calibration.fusion}
    thresholds = model.thresholds if model.multilabel else None
    for name, own_gru, own_linear in (("gru", gru, None), ("linear", None, linear)):
        if own_gru is not None or own_linear is not None:
            alone = fuse(own_gru, own_linear, calibration, model.multilabel)
            parts[name] = keep(score(test, alone, model.labels, thresholds))
    return parts


def _score_out_of_scope(model: Classifier, bench_set: BenchSet) -> dict[str, float]:
    """Return the AUROC of separating the texts of the test set from texts out of scope."""
    from sklearn.metrics import roc_auc_score

    inside, outside = (
        [example.text for example in bench_set.read(part).examples] for part in ("test", "oos_test")
    )
    measures: dict[str, Callable[[list[str]], Any]] = {
        "max_probability": lambda texts: model.predict_proba(texts).max(axis=1)
    }
    if hasattr(model, "familiarity"):
        measures["familiarity"] = model.familiarity
    belongs = [True] * len(inside) + [False] * len(outside)
    return {
        name: float(roc_auc_score(belongs, measure(inside + outside))) for name, measure in measures.items()
    }


def describe_source() -> str | None:
    """Return the commit of the package, with a mark if files differ from it; None outside of git."""
    git = ["git", "-C", str(ROOT)]
    try:
        commit = subprocess.check_output([*git, "rev-parse", "--short=8", "HEAD"], text=True).strip()
        changed = subprocess.check_output([*git, "status", "--porcelain", "--", "grutext"], text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}-dirty" if changed else commit
