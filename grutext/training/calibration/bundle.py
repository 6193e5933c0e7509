"""Complete a trained bundle with what is fitted on the dev set: calibration, thresholds and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from grutext.data import Example
from grutext.evaluation import Decisions, evaluate
from grutext.inference import Classifier, RawScores
from grutext.inference.familiarity import familiarity, top_score
from grutext.inference.fusion import fuse
from grutext.model.bundle import Bundle
from grutext.model.spec import Calibration
from grutext.text import text_key
from grutext.training.calibration import abstention
from grutext.training.calibration import thresholds as decisions
from grutext.training.calibration.familiarity import choose_familiarity, fit_familiarity
from grutext.training.calibration.fit import calibrate, cross_fit
from grutext.training.copies import distinct

# The number of dev texts that a bundle keeps with their probabilities, and of the characters of each.
_GOLDEN, _GOLDEN_CHARACTERS = 5, 1000


def calibrate_bundle(
    bundle: Bundle, dev: Sequence[Example], targets: NDArray[np.float32], scores: RawScores
) -> tuple[Bundle, NDArray[np.float32]]:
    """Return the bundle with calibration, decision and abstention thresholds, and the report on the dev set.

    The second result are the probabilities that the report is on, `(N, C)`: calibrated without the text itself.

    Args:
        bundle: The trained weights.
        dev: N texts.
        targets: `(N, C)`, 1 where a label of the model applies.
        scores: The scores of the texts by weights that were not trained on them.
    """
    gru, linear, known = scores
    several, truth = bundle.multilabel, [example.labels for example in dev]
    calibration = calibrate(gru, linear, targets, several)
    probabilities = fuse(gru, linear, calibration, several)
    thresholds = decisions.choose_thresholds(probabilities, targets, several, bundle.config.training.optimize)
    top = top_score(gru, linear, calibration, several)
    calibration = replace(calibration, thresholds=thresholds, familiarity=fit_familiarity(top, known))
    copies = distinct(dev, partial(text_key, case=bundle.config.text.case))
    firsts = [group[0] for group in copies]
    unfamiliar = choose_familiarity(familiarity(top, known, calibration)[firsts])
    before, after = (
        fuse(gru, linear, Calibration(), several),
        cross_fit(gru, linear, targets, several, copies),
    )
    report = evaluate(truth, after, bundle.labels, multilabel=several, thresholds=thresholds)
    compared = {}
    for name, trial in (("before", before), ("after", after)):
        found = evaluate(truth, trial, bundle.labels, multilabel=several)
        compared[name] = {"ece": found.ece, "log_loss": found.log_loss}
    bundle = replace(bundle, calibration=calibration)
    # Decision thresholds tuned on the same labels would void the guarantee; see `abstention`. So would copies of a text
    # that count several times: each text counts once, and as right if the label of every copy is.
    chosen = []
    if not several and not thresholds:
        decided = Decisions.compare(truth, probabilities, bundle.labels)
        correct = np.array([decided.correct[group].all() for group in copies])
        chosen = abstention.choose_abstention(decided.confidence[firsts], correct)
    folds = {"folds": bundle.data["folds"]} if "folds" in bundle.data else {}
    metrics = {"dev": report.to_dict() | folds, "calibration": compared}
    return replace(bundle, metrics=metrics, abstention=chosen, unfamiliar=unfamiliar), after


def add_golden(bundle: Bundle, texts: Sequence[str]) -> Bundle:
    """Return the bundle with a few texts and their probabilities, so that the model can be verified anywhere."""
    texts = [*(text[:_GOLDEN_CHARACTERS] for text in texts[:_GOLDEN]), ""]
    rows = Classifier(bundle, compiled=False).predict_proba(texts).tolist()
    golden = [{"text": text, "probabilities": row} for text, row in zip(texts, rows, strict=True)]
    return replace(bundle, golden=golden)
