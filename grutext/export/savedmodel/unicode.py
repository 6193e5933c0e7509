"""Unicode normalisation in TensorFlow's operators, as `grutext.text.normalize` does it.

NFKC is decomposition, canonical order of the marks, and composition (Unicode standard annex 15). The code points of all texts
are one array, in which each text begins with a boundary that composes with nothing.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from grutext.engines.keras.backend import tf

Tensor = Any
BOUNDARY = sys.maxunicode + 1
_SHIFT = 21  # bits of a code point
_HANGUL = range(0xAC00, 0xD7A4)
_SURROGATES = range(0xD800, 0xE000)


def normalize(texts: Tensor, case: str) -> Tensor:
    """Return texts `(N,)` in NFKC form with straight apostrophes, casefolded unless `case` is "keep"."""
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    begin = tf.fill([tf.size(texts), 1], BOUNDARY)
    codes = tf.concat([begin, codes], axis=1).flat_values  # (S,)
    codes = _nfkc(codes)
    codes = _Replacements(_fold if case != "keep" else str, extra={"\u2019": "'"})(codes)
    codes = _nfkc(codes)
    rows = tf.cumsum(tf.cast(codes == BOUNDARY, tf.int64)) - 1
    inside = codes != BOUNDARY
    ragged = tf.RaggedTensor.from_value_rowids(
        tf.boolean_mask(codes, inside), tf.boolean_mask(rows, inside), tf.size(texts, tf.int64)
    )
    return tf.strings.unicode_encode(ragged, "UTF-8")


def _nfkc(codes: Tensor) -> Tensor:
    codes = _Replacements(_decompose)(codes)
    classes = _combining_classes(codes)
    order = tf.argsort(tf.cumsum(tf.cast(classes == 0, tf.int64)) * 256 + classes, stable=True)
    return _compose(tf.gather(codes, order), tf.gather(classes, order))


def _decompose(character: str) -> str:
    """Return the compatibility decomposition; syllables of Hangul stay, since composition would put them together again."""
    return character if ord(character) in _HANGUL else unicodedata.normalize("NFKD", character)


def _fold(character: str) -> str:
    return character.casefold()


@cache
def _characters() -> list[str]:
    """Return all characters that Unicode has assigned; the others have no decomposition, no case and no class."""
    every = (chr(code) for code in range(BOUNDARY) if code not in _SURROGATES)
    return [character for character in every if unicodedata.category(character) != "Cn"]


class _Replacements:
    """Replaces single characters by strings.

    Args:
        function: Returns what a character becomes.
        extra: Further replacements, of characters that the function leaves alone.
    """

    def __init__(self, function: Callable[[str], str], extra: dict[str, str] | None = None) -> None:
        table = {c: new for c in _characters() if (new := function(c)) != c} | (extra or {})
        pairs = sorted((ord(character), list(map(ord, new))) for character, new in table.items())
        self._keys = np.array([key for key, _ in pairs], np.int32)
        self._values = np.array([code for _, new in pairs for code in new], np.int32)
        self._starts = np.cumsum([0, *(len(new) for _, new in pairs)], dtype=np.int64)

    def __call__(self, codes: Tensor) -> Tensor:
        """Return code points `(S,)` with the replacements in place."""
        places, found = look_up(self._keys, codes)
        all_starts = tf.constant(self._starts)
        starts = tf.gather(all_starts, places)
        sizes = tf.where(found, tf.gather(all_starts, places + 1) - starts, 1)  # (S,)
        owners = tf.repeat(tf.range(tf.size(codes)), sizes)
        offsets = tf.range(tf.size(owners, tf.int64)) - tf.gather(tf.cumsum(sizes, exclusive=True), owners)
        positions = tf.where(tf.gather(found, owners), tf.gather(starts, owners) + offsets, 0)
        replaced = tf.gather(self._values, positions)
        return tf.where(tf.gather(found, owners), replaced, tf.gather(codes, owners))


def look_up(keys: Any, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the place of each wanted number in sorted keys, and whether it is there; of others, any place."""
    keys = tf.convert_to_tensor(keys)  # once, or the graph would have it twice
    places = tf.minimum(tf.searchsorted(keys, wanted), tf.size(keys) - 1)
    return places, tf.gather(keys, places) == wanted


def _combining_classes(codes: Tensor) -> Tensor:
    """Return the canonical combining class of each code point, int64."""
    marks = [ord(c) for c in _characters() if unicodedata.combining(c)]
    classes = np.array([unicodedata.combining(chr(code)) for code in marks], np.int64)
    places, found = look_up(np.array(marks, np.int32), codes)
    return tf.where(found, tf.gather(classes, places), 0)


@cache
def _pairs() -> dict[tuple[int, int], int]:
    """Return which two code points are composed to which one."""
    pairs = {}
    for character in _characters():
        parts = _first_decomposition(character)
        if len(parts) == 2 and unicodedata.normalize("NFC", "".join(parts)) == character:
            pairs[ord(parts[0]), ord(parts[1])] = ord(character)
    return pairs


def _first_decomposition(character: str) -> str:
    """Return the canonical decomposition of a character into at most two; `character` if it has none."""
    code = ord(character)
    if code in _HANGUL:
        lead, rest = divmod(code - _HANGUL[0], 588)
        vowel, tail = divmod(rest, 28)
        if tail:
            return chr(code - tail) + chr(0x11A7 + tail)
        return chr(0x1100 + lead) + chr(0x1161 + vowel)
    parts = unicodedata.decomposition(character)
    if not parts or parts.startswith("<"):
        return character
    return "".join(chr(int(part, 16)) for part in parts.split())


def _compose(codes: Tensor, classes: Tensor) -> Tensor:
    """Return code points `(S,)` in canonical order with all pairs composed.

    The codes are cut into runs that begin with a starter (a character of class 0) that is no second half of a pair, so that
    nothing is composed across runs. All runs advance together: at each step, one character of each run is composed with
    its last starter, unless one between them blocks it.
    """
    pairs = _pairs()
    keys = np.array(sorted(first << _SHIFT | second for first, second in pairs), np.int64)
    composites = np.array(
        [pairs[int(key) >> _SHIFT, int(key) & ((1 << _SHIFT) - 1)] for key in keys], np.int32
    )
    seconds = sorted({second for _, second in pairs if not unicodedata.combining(chr(second))})
    _, second = look_up(np.array(seconds, np.int32), codes)
    starts = tf.where((classes == 0) & ~second)[:, 0]  # (R,)
    ends = tf.concat([starts[1:], [tf.size(codes, tf.int64)]], axis=0)
    longer = ends - starts > 1
    starts, ends = tf.boolean_mask(starts, longer), tf.boolean_mask(ends, longer)
    longest = tf.reduce_max(tf.concat([ends - starts, [0]], axis=0))

    def step(
        k: Tensor, codes: Tensor, kept: Tensor, starter: Tensor, blocked_by: Tensor
    ) -> tuple[Tensor, ...]:
        positions = tf.minimum(starts + k, tf.maximum(ends - 1, 0))
        active = starts + k < ends
        code, combining = tf.gather(codes, positions), tf.gather(classes, positions)
        first = tf.cast(tf.gather(codes, starter), tf.int64)
        places, found = look_up(keys, first * (1 << _SHIFT) + tf.cast(code, tf.int64))
        composed = active & found & ~((blocked_by >= 0) & (blocked_by >= combining))
        new = tf.where(composed, tf.gather(composites, places), tf.gather(codes, starter))
        codes = tf.tensor_scatter_nd_update(codes, starter[:, None], new)
        gone = tf.boolean_mask(positions, composed)[:, None]
        kept = tf.tensor_scatter_nd_update(kept, gone, tf.zeros(tf.shape(gone)[:1], tf.bool))
        stays = active & ~composed
        starts_anew = stays & (combining == 0)
        starter = tf.where(starts_anew, positions, starter)
        blocked_by = tf.where(starts_anew, tf.constant(-1, tf.int64), tf.where(stays, combining, blocked_by))
        return k + 1, codes, kept, starter, blocked_by

    _, codes, kept, _, _ = tf.while_loop(
        lambda k, *_: k < longest,
        step,
        (tf.constant(1, tf.int64), codes, tf.ones_like(codes, tf.bool), starts, -tf.ones_like(starts)),
    )
    return tf.boolean_mask(codes, kept)
