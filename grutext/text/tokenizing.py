"""Convert texts to tokens and tokens to numbers: in Python, or by compiled kernels for most characters."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

from grutext.text.codes import Strings, code_points
from grutext.text.tokenizers import LETTERS, ODD, TOKENIZERS, UNSPACED

Int32 = NDArray[np.int32]
_PLANE = 1 << 16  # characters beyond the first plane are left to the tokenizer


def tokenize_texts(texts: list[str], tokenizer: str) -> tuple[list[str], Int32, Int32]:
    """Split N normalised texts into S tokens.

    Args:
        texts: The texts.
        tokenizer: A name in `TOKENIZERS`.

    Returns:
        The M distinct tokens (types), in order of first occurrence; the type of each token, `(S,) int32`; and the
        number of tokens of each text, `(N,) int32`.
    """
    split = TOKENIZERS[tokenizer]
    type_of: defaultdict[str, int] = defaultdict(count().__next__)  # assigns the next number to a new token
    ids: list[int] = []
    lengths: list[int] = []
    for text in texts:
        tokens = split(text)
        lengths.append(len(tokens))
        ids.extend(map(type_of.__getitem__, tokens))
    return list(type_of), np.array(ids, np.int32), np.array(lengths, np.int32)


def tokenize_compiled(texts: list[str], tokenizer: str) -> tuple[Sequence[str], Int32, Int32]:
    """Return the same as `tokenize_texts`, by compiled kernels; texts with marks or emoji go through the tokenizer.

    If many tokens have the same hash, as crafted ones may, `tokenize_texts` takes over: the seed of Python's own
    string hashes cannot be predicted.
    """
    from grutext.kernels.tokens import cut_texts, find_odd, number_tokens

    table = kinds_of_characters(tokenizer)
    codes, bounds = code_points(texts)
    is_cut = find_odd(codes, bounds, table)
    if is_cut.any():
        split = TOKENIZERS[tokenizer]
        codes, bounds = code_points(
            [" ".join(split(text)) if odd else text for text, odd in zip(texts, is_cut, strict=True)]
        )
    letters, token_bounds, lengths = cut_texts(codes, bounds, is_cut, table, tokenizer == "pair")
    ids, types, type_bounds, _ = number_tokens(letters, token_bounds)
    if len(ids) < len(token_bounds) - 1:
        return tokenize_texts(texts, tokenizer)
    return Strings(types, type_bounds), ids, lengths


@cache
def kinds_of_characters(tokenizer: str) -> NDArray[np.uint8]:
    """Return the kind of each character of the first plane to a tokenizer, by code point, `(65536,) uint8`."""
    from grutext.kernels import tokens

    every = "".join(map(chr, range(_PLANE)))
    table = np.full(_PLANE, tokens.OTHER, np.uint8)

    def put(pattern: str, kind: int) -> None:
        table[[ord(character) for character in re.findall(pattern, every)]] = kind

    if tokenizer != "character":
        put(LETTERS, tokens.LETTER)
        put(rf"(?=\d){LETTERS}", tokens.DIGIT)
        put("[.!?-]", tokens.REPEATED)
        put(rf"[{UNSPACED}]", tokens.UNSPACED)
    put(r"\s", tokens.SPACE)
    put(rf"[{ODD}]|(?=\d)[{UNSPACED}]", tokens.ODD)
    return table
