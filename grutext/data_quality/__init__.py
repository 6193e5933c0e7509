"""What is wrong with data: findings in texts and labels, and likely label errors."""

from grutext.data_quality.check import DataCheck, check_data
from grutext.data_quality.findings import Finding
from grutext.data_quality.label_errors import (
    LabelErrors,
    MultilabelErrors,
    confident_joint,
    find_label_errors,
    find_multilabel_errors,
)

__all__ = [
    "DataCheck",
    "Finding",
    "LabelErrors",
    "MultilabelErrors",
    "check_data",
    "confident_joint",
    "find_label_errors",
    "find_multilabel_errors",
]
