"""Unicode normalisation: texts that look the same become the same string."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

# Shorter texts are never slow, and need no second look.
_LONG_TEXT = 4096
# What may be a run of combining marks: none of them is a letter, but for two of kana.
_LONG_RUN = re.compile("[\\W\uff9e\uff9f]{64,}")


def normalize(text: str) -> str:
    """Gives `text` in NFKC form, casefolded, with straight apostrophes.

    It is defined for every `str`, lone surrogates included.

    Casefolding can undo NFKC (`ǰ` becomes two characters), so NFKC is applied once more, as in the
    Unicode standard's toNFKC_Casefold (section 3.13 of the core specification).

    >>> normalize("Ｓｔｒａßｅ №１ isn’t")
    "strasse no1 isn't"
    """
    if text.isascii():
        return text.lower()
    if len(text) > _LONG_TEXT:
        text = _LONG_RUN.sub(_order_marks, text)
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return unicodedata.normalize("NFKC", folded)


def _order_marks(run: re.Match[str]) -> str:
    """Gives a long run of characters with its combining marks in the order that NFKC gives them.

    Python orders them one by one, in time that grows with the square of their number: hours for a text of nothing
    but marks. Of marks that are in order it needs to move none.
    """
    marks = "".join(unicodedata.normalize("NFKD", character) for character in run[0])
    groups = groupby(marks, key=lambda mark: unicodedata.combining(mark) == 0)
    return "".join(
        "".join(group if starts else sorted(group, key=unicodedata.combining)) for starts, group in groups
    )
