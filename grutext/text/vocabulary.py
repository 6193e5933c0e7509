"""The vocabulary: the tokens that have a row of their own in the word table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grutext.text.codes import Codes, Int64, code_points

UNKNOWN = 0  # the row that every token outside the vocabulary shares


class Vocabulary:
    """The known tokens and their rows in the word table; unknown tokens share row 0.

    Args:
        tokens: The V - 1 known tokens; the first one has row 1.

    >>> vocabulary = Vocabulary(["the", "cat"])
    >>> vocabulary.row("cat"), vocabulary.row("dog"), vocabulary.rows
    (2, 0, 3)
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tuple(tokens)
        self._row_of = {token: row for row, token in enumerate(self.tokens, start=1)}

    @property
    def rows(self) -> int:
        """The number V of rows of the word table."""
        return len(self.tokens) + 1

    def row(self, token: str) -> int:
        """Return the row of `token` in the word table, `UNKNOWN` if it is not in the vocabulary."""
        return self._row_of.get(token, UNKNOWN)

    def rows_of(self, tokens: Sequence[str], compiled: bool = False) -> NDArray[np.int32]:
        """Return the rows of M tokens, `(M,) int32`.

        Args:
            tokens: The tokens.
            compiled: Whether to look them up with the compiled kernels of `grutext.kernels.tokens`.
        """
        if compiled and self._table is not None:
            from grutext.kernels.tokens import find_types

            # `find_types` returns -1 for a token that it does not find: UNKNOWN.
            return np.asarray(find_types(*code_points(tokens), *self._table) + np.int32(1))
        row_of = self._row_of
        return np.array([row_of.get(token, UNKNOWN) for token in tokens], np.int32)

    @cached_property
    def _table(self) -> tuple[NDArray[np.int32], Codes, Int64] | None:
        """The hash table of the compiled lookup; None if tokens are repeated or collide too often."""
        from grutext.kernels.tokens import number_tokens

        ids, types, bounds, slots = number_tokens(*code_points(self.tokens))
        return (slots, types, bounds) if len(bounds) == len(self.tokens) + 1 == len(ids) + 1 else None


def build_vocabulary(texts: Iterable[Iterable[str]], min_count: int, max_size: int) -> Vocabulary:
    """Build the vocabulary of tokenised texts, the most frequent tokens first; ties are broken by code point.

    Args:
        texts: The tokens of each training text.
        min_count: The smallest number of occurrences of a token.
        max_size: The largest number of tokens.
    """
    return rank_tokens(Counter(token for tokens in texts for token in tokens), min_count, max_size)


def rank_tokens(counts: Mapping[str, int], min_count: int, max_size: int) -> Vocabulary:
    """Build the vocabulary of tokens that were counted; the arguments are those of `build_vocabulary`."""
    ranked = sorted((-count, token) for token, count in counts.items() if count >= min_count)
    return Vocabulary([token for _, token in ranked[:max_size]])
