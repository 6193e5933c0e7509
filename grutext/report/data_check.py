"""The report of a check of data: what is wrong, where, and how long and in which scripts the texts are."""

from __future__ import annotations

from grutext.data_quality import DataCheck
from grutext.data_quality.findings import SHOWN
from grutext.report.page import render_page

_LABELS = 200  # that are shown


def render_check(found: DataCheck) -> str:
    """Return the page as HTML."""
    values = found.to_dict()
    return render_page(
        "check.html",
        found=found,
        values=values,
        shown=SHOWN,
        labels=list((values["labels"] or {}).items())[:_LABELS],
        all_labels=len(values["labels"] or {}),
        most=max((values["labels"] or {"": 1}).values(), default=1),
    )
