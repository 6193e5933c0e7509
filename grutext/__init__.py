"""grutext: text classification with a GRU encoder trained from scratch.

>>> import grutext
>>> grutext.__version__
'0.2.0'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grutext.data_quality.active_learning import suggest as suggest
    from grutext.estimator import GRUTextClassifier as GRUTextClassifier
    from grutext.estimator import GRUTextVectorizer as GRUTextVectorizer
    from grutext.inference import Classifier as Classifier
    from grutext.training.audit import audit as audit
    from grutext.training.crossval import cross_validate as cross_validate
    from grutext.training.learning_curve import learning_curve as learning_curve
    from grutext.training.pretrain import pretrain as pretrain
    from grutext.training.splits import TrainingData as TrainingData
    from grutext.training.target import TrainingTarget as TrainingTarget
    from grutext.training.train import train as train
    from grutext.training.tune import tune as tune

__version__ = "0.2.0"
__all__ = [
    "Classifier",
    "GRUTextClassifier",
    "GRUTextVectorizer",
    "TrainingData",
    "TrainingTarget",
    "__version__",
    "audit",
    "cross_validate",
    "learning_curve",
    "pretrain",
    "suggest",
    "train",
    "tune",
]

# Name to module, so that `import grutext` itself loads nothing.
_LAZY = {
    "Classifier": "grutext.inference",
    "GRUTextClassifier": "grutext.estimator",
    "GRUTextVectorizer": "grutext.estimator",
    "TrainingData": "grutext.training.splits",
    "TrainingTarget": "grutext.training.target",
    "audit": "grutext.training.audit",
    "cross_validate": "grutext.training.crossval",
    "learning_curve": "grutext.training.learning_curve",
    "pretrain": "grutext.training.pretrain",
    "suggest": "grutext.data_quality.active_learning",
    "train": "grutext.training.train",
    "tune": "grutext.training.tune",
}

_OF_TRAIN = {"GRUTextClassifier", "GRUTextVectorizer", "pretrain"}  # importing them needs the extra `train`


def __getattr__(name: str) -> Any:
    if name in _OF_TRAIN:
        from grutext.requirements import check_installed

        check_installed(f"grutext.{name}", "scikit-learn")
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'grutext' has no attribute {name!r}")
