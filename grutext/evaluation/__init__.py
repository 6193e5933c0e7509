"""The metrics of a model on labelled texts, as one `Report`.

>>> report = evaluate([("ham",), ("spam",)], [[0.9, 0.1], [0.6, 0.4]], ("ham", "spam"))
>>> report.accuracy
0.5
>>> report.confusion
((1, 0), (1, 0))
"""

from grutext.evaluation.abstention import selective_risk
from grutext.evaluation.calibration import expected_calibration_error
from grutext.evaluation.decisions import Decisions
from grutext.evaluation.diagnostics import Diagnostics, diagnose
from grutext.evaluation.metrics import build_report, evaluate
from grutext.evaluation.predictions import Prediction, Predictions
from grutext.evaluation.report import LabelScore, Report

__all__ = [
    "Decisions",
    "Diagnostics",
    "LabelScore",
    "Prediction",
    "Predictions",
    "Report",
    "build_report",
    "diagnose",
    "evaluate",
    "expected_calibration_error",
    "selective_risk",
]
