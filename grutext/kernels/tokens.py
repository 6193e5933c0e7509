"""Split texts into tokens, and number the tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean
from numba import int32 as i4
from numba import int64 as i8
from numba import uint8 as u1
from numba import uint32 as u4
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_kernel, inline, readonly

Codes = NDArray[np.uint32]
Int = NDArray[np.int64]
Int32 = NDArray[np.int32]
Kinds = NDArray[np.uint8]

# Kinds of characters: white space; letters and `_`; digits, which words may contain, too; characters of scripts without
# spaces; characters that form one token when repeated; tokens of their own; and those that only the Python tokenizer handles.
SPACE, LETTER, DIGIT, UNSPACED, REPEATED, OTHER, ODD = range(7)

_APOSTROPHE, _COMMA, _DOT, _COLON = map(ord, "',.:")
_BASIS, _PRIME = np.uint32(0x811C9DC5), np.uint32(0x01000193)  # of the hash FNV-1a
_FIRST_PLACES = 1 << 10  # of the hash table before it grows
_LOOKS = 16  # largest average number of probes of the hash table for a token; two are usual


@inline
def _kind(kinds: Kinds, code: np.uint32) -> Any:
    return kinds[code] if code < len(kinds) else np.uint8(ODD)


@inline
def _is_letter(kinds: Kinds, code: np.uint32) -> Any:
    return _kind(kinds, code) in (LETTER, DIGIT)


@inline
def _end_of_digits(codes: Codes, at: int, end: int, kinds: Kinds) -> Any:
    while at < end and _kind(kinds, codes[at]) == DIGIT:
        at += 1
    return at


@inline
def _end_of_spaces(codes: Codes, at: int, end: int, kinds: Kinds, spaces: bool) -> Any:
    """Return the end of the white space that begins at `at`, or of the other characters if `spaces` is false."""
    while at < end and (_kind(kinds, codes[at]) == SPACE) == spaces:
        at += 1
    return at


@inline
def _end_of_number(codes: Codes, at: int, end: int, kinds: Kinds) -> Any:
    """Return the end of a number with separators, or `at` if none begins there."""
    digits = number = _end_of_digits(codes, at, end, kinds)
    while number + 1 < end and codes[number] in (_DOT, _COMMA, _COLON):
        further = _end_of_digits(codes, number + 1, end, kinds)
        if further == number + 1:
            break
        number = further
    return number if number > digits else at


@inline
def _end_of_token(codes: Codes, at: int, end: int, kinds: Kinds) -> Any:
    """Return the end of the token that begins at `at`, as `grutext.text.tokenizers.words` defines tokens."""
    kind = _kind(kinds, codes[at])
    if kind == DIGIT:
        number = _end_of_number(codes, at, end, kinds)
        if number > at:
            return number
    stop = at + 1
    if _is_letter(kinds, codes[at]):
        while stop < end:
            if _is_letter(kinds, codes[stop]):
                stop += 1
            elif codes[stop] == _APOSTROPHE and stop + 1 < end and _is_letter(kinds, codes[stop + 1]):
                stop += 2
            else:
                break
    elif kind == REPEATED:
        while stop < end and codes[stop] == codes[at]:
            stop += 1
    return stop


@compile_kernel(readonly(u4, 1), readonly(i8, 1), readonly(u1, 1))
def find_odd(codes: Codes, bounds: Int, kinds: Kinds) -> Any:
    """Return which of N texts have a character of the kind ODD, `(N,)`; the arguments are those of `cut_texts`."""
    found = np.zeros(len(bounds) - 1, np.bool_)
    for text in range(len(found)):
        for code in codes[bounds[text] : bounds[text + 1]]:
            if _kind(kinds, code) == ODD:
                found[text] = True
                break
    return found


@compile_kernel(readonly(u4, 1), readonly(i8, 1), readonly(boolean, 1), readonly(u1, 1), boolean)
def cut_texts(
    codes: Codes, bounds: Int, is_cut: NDArray[np.bool_], kinds: Kinds, in_pairs: bool
) -> tuple[Codes, Int, Int32]:
    """Split N texts into S tokens.

    Args:
        codes: The code points, text after text.
        bounds: `(N + 1,)`, where each text begins, and the end of the last.
        is_cut: `(N,)`, whether a text's tokens are already separated by white space.
        kinds: The kind of each code point, such as `SPACE`; code points beyond the array are ODD.
        in_pairs: Whether a character of a script without spaces forms a token together with the next one.

    Returns:
        The code points of the tokens, one after the other; where each token begins, and the end of the last, `(S + 1,)`; and
        the number of tokens of each text, `(N,)`.
    """
    letters = np.empty((2 if in_pairs else 1) * len(codes), np.uint32)
    token_bounds, lengths = np.zeros(len(codes) + 1, np.int64), np.zeros(len(is_cut), np.int32)
    count = used = 0
    for text in range(len(is_cut)):
        end, first = bounds[text + 1], count
        joins = in_pairs and not is_cut[text]
        at = _end_of_spaces(codes, bounds[text], end, kinds, True)
        while at < end:
            if is_cut[text]:
                stop = _end_of_spaces(codes, at, end, kinds, False)
            else:
                stop = _end_of_token(codes, at, end, kinds)
            after = _end_of_spaces(codes, stop, end, kinds, True)
            for place in range(at, stop):
                letters[used] = codes[place]
                used += 1
            if joins and after < end and _kind(kinds, codes[at]) == _kind(kinds, codes[after]) == UNSPACED:
                letters[used] = codes[after]  # without marks, which are ODD, such a token is one character
                used += 1
            count += 1
            token_bounds[count] = used
            at = after
        lengths[text] = count - first
    return letters[:used].copy(), token_bounds[: count + 1].copy(), lengths


@inline
def _hash(letters: Codes) -> Any:
    key = _BASIS
    for letter in letters:
        key = np.uint32((key ^ letter) * _PRIME)
    return np.uint32(key ^ (key >> np.uint32(15)))


@inline
def _find(places: Int32, key: np.uint32, token: Codes, types: Codes, bounds: Int) -> Any:
    """Find a token in a hash table of types; the other arguments are as in `find_types`.

    Returns:
        Its place, or the empty place where it belongs; and the number of probes.
    """
    place, looks = np.int64(key) & (len(places) - 1), 1
    while places[place] >= 0:
        begin, end = bounds[places[place]], bounds[places[place] + 1]
        same = 0
        while same < min(len(token), end - begin) and types[begin + same] == token[same]:
            same += 1
        if same == len(token) == end - begin:
            break
        place = (place + 1) & (len(places) - 1)
        looks += 1
    return place, looks


@compile_kernel(readonly(u4, 1), readonly(i8, 1))
def number_tokens(letters: Codes, token_bounds: Int) -> tuple[Int32, Codes, Int, Int32]:
    """Find the types of S tokens and number them in order of first occurrence.

    Args:
        letters: The code points of the tokens, one after the other.
        token_bounds: `(S + 1,)`, where each token begins, and the end of the last.

    Returns:
        The type of each token, `(S,)`; the M types, in the same form as the tokens; and a hash table of them for
        `find_types`. The first has fewer than S entries if tokens were chosen to collide in the hash table, which would
        take time that grows with the square of S.
    """
    ids, types, bounds = (
        np.empty(len(token_bounds) - 1, np.int32),
        np.empty_like(letters),
        np.zeros_like(token_bounds),
    )
    hashes = np.empty(len(ids), np.uint32)
    places = np.full(_FIRST_PLACES, -1, np.int32)  # by hash, the number of a type
    count = looks = done = 0
    for number in range(len(ids)):
        token = letters[token_bounds[number] : token_bounds[number + 1]]
        key = _hash(token)
        place, more = _find(places, key, token, types, bounds)
        looks += more
        if looks > _LOOKS * (number + _FIRST_PLACES):
            break
        if places[place] < 0:
            places[place], hashes[count] = count, key
            end = bounds[count] + len(token)
            types[bounds[count] : end] = token
            count += 1
            bounds[count] = end
        ids[number] = places[place]
        done += 1
        if 2 * count > len(places):
            places = np.full(2 * len(places), -1, np.int32)
            for one in range(count):
                place = np.int64(hashes[one]) & (len(places) - 1)
                while places[place] >= 0:
                    place = (place + 1) & (len(places) - 1)
                places[place] = one
    return ids[:done].copy(), types[: bounds[count]].copy(), bounds[: count + 1].copy(), places


@compile_kernel(readonly(u4, 1), readonly(i8, 1), readonly(i4, 1), readonly(u4, 1), readonly(i8, 1))
def find_types(letters: Codes, token_bounds: Int, places: Int32, types: Codes, bounds: Int) -> Int32:
    """Return the type of each of M tokens, or -1, `(M,)`; the arguments are those and the results of `number_tokens`."""
    found = np.empty(len(token_bounds) - 1, np.int32)
    for number in range(len(found)):
        token = letters[token_bounds[number] : token_bounds[number + 1]]
        place, _ = _find(places, _hash(token), token, types, bounds)
        found[number] = places[place]
    return found
