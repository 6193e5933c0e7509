"""Unicode normalisation: texts that look the same become equal strings."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

# Texts up to this length are never slow to normalise.
_LONG_TEXT = 4096
# A superset of the runs of combining marks: only two marks, of kana, count as word characters.
_LONG_RUN = re.compile("[\\W\uff9e\uff9f]{64,}")


def normalize(text: str, case: str = "fold") -> str:
    """Return `text` in NFKC form with straight apostrophes, casefolded unless `case` is "keep".

    Any `str` is accepted, including lone surrogates. The `case` "auto", which is resolved from the training texts, stands
    for "fold" until then.

    Casefolding can undo NFKC (`ǰ` becomes two characters), so NFKC is applied a second time, as in
    toNFKC_Casefold of the Unicode standard (core specification, section 3.13).

    >>> normalize("Ｓｔｒａßｅ №１ isn’t")
    "strasse no1 isn't"
    >>> normalize("Ｓｔｒａßｅ №１ isn’t", "keep")
    "Straße No1 isn't"
    """
    if text.isascii():
        return text if case == "keep" else text.lower()
    if len(text) > _LONG_TEXT:
        text = _LONG_RUN.sub(_order_marks, text)
    composed = unicodedata.normalize("NFKC", text)
    folded = (composed if case == "keep" else composed.casefold()).replace("\u2019", "'")
    return unicodedata.normalize("NFKC", folded)


def _order_marks(run: re.Match[str]) -> str:
    """Return a long run of characters with its combining marks in NFKC's order.

    Python's `normalize` sorts them by insertion, which takes quadratic time: hours for a text made of marks alone.
    Marks that are sorted already take it linear time.
    """
    if unicodedata.is_normalized("NFKC", run[0]):  # it finds unsorted marks before it would sort them
        return run[0]
    marks = "".join(unicodedata.normalize("NFKD", character) for character in run[0])
    groups = groupby(marks, key=lambda mark: unicodedata.combining(mark) == 0)
    return "".join(
        "".join(group if starts else sorted(group, key=unicodedata.combining)) for starts, group in groups
    )
