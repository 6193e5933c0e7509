"""Unicode normalisation: texts that look the same become the same string."""

from __future__ import annotations

import unicodedata


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
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return unicodedata.normalize("NFKC", folded)
