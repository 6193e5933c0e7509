"""The confusion matrix as a picture: a table with shaded cells, or a heat map where labels are many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup, escape

from grutext.evaluation import Report

MOST_IN_TABLE, MOST_IN_MAP = 25, 200  # labels


class Cell(NamedTuple):
    """One cell of a confusion matrix.

    Attributes:
        texts: The number of texts.
        share: Its share of the texts of the row.
        shade: How strong its colour is, in 0..1: the square root of the share, so that few texts can be seen too.
        is_right: Whether the cell is on the diagonal.
    """

    texts: int
    share: float
    shade: float
    is_right: bool


def table_cells(confusion: Sequence[Sequence[int]]) -> list[list[Cell]]:
    """Return the rows of a confusion matrix as cells."""
    return [
        [_cell(texts, sum(row), column == place) for column, texts in enumerate(row)]
        for place, row in enumerate(confusion)
    ]


def _cell(texts: int, total: int, is_right: bool) -> Cell:
    share = texts / max(1, total)
    return Cell(texts, share, math.sqrt(share), is_right)


def heat_map(report: Report) -> Markup:
    """Return the confusion matrix as a heat map whose cells have labels and number of texts as tooltips.

    Beyond 200 labels it has the 200 with the most confused texts.
    """
    matrix = np.array(report.confusion)
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    chosen = np.sort(np.argsort(-wrong, kind="stable")[:MOST_IN_MAP])
    totals = matrix.sum(axis=1)
    size = len(chosen)
    frame = f'<rect class="frame" x="-0.25" y="-0.25" width="{size + 0.5}" height="{size + 0.5}"/>'
    parts = [
        f'<svg class="heat" role="img" aria-label="Confusion matrix of {size} labels" viewBox="-0.5 -0.5 {size + 1} {size + 1}">',
        frame,
    ]
    for y, row in enumerate(chosen.tolist()):
        for x, column in enumerate(chosen.tolist()):
            texts = int(matrix[row, column])
            if texts:
                shade = _cell(texts, int(totals[row]), row == column).shade
                kind = "right" if row == column else "wrong"
                title = escape(f"{report.labels[row]} → {report.labels[column]}: {texts:,}")
                parts.append(
                    f'<rect class="{kind}" x="{x}" y="{y}" width="1" height="1" opacity="{shade:.2f}">'
                    f"<title>{title}</title></rect>"
                )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 (names of labels are escaped)
