"""From strings to tokens, rows and hashes in TensorFlow's operators, as `grutext.text` computes them.

Sequences of all texts, or of all distinct tokens, are one array, with the owner of each element beside it.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from grutext.config import Config
from grutext.engines.keras.backend import tf
from grutext.export.savedmodel.unicode import normalize
from grutext.text.ngrams import BASE, CHARACTER_FAMILY, MIX, SPACES
from grutext.text.subwords import CRC_STEP
from grutext.text.tokenizers import CHARACTER, LETTERS, TOKEN, UNSPACED

Tensor = Any
_BEGIN = np.int64(0xFFFFFFFF)  # of a CRC-32


class Sequences(NamedTuple):
    """Sequences of whole numbers, one after the other.

    Attributes:
        values: `(S,) int64`.
        owners: `(S,) int64`, the index of each element's sequence.
        ends: `(S,) int64`, the end of each element's sequence in `values`.
    """

    values: Tensor
    owners: Tensor
    ends: Tensor


class Tokens(NamedTuple):
    """The tokens of N texts, M of them distinct.

    Attributes:
        ids: `(S,) int32`, the index of each token in `types`, text after text.
        owners: `(S,) int64`, the index of each token's text.
        lengths: `(N,) int32`.
        types: `(M,)` strings.
    """

    ids: Tensor
    owners: Tensor
    lengths: Tensor
    types: Tensor


def read(texts: Tensor, config: Config) -> tuple[Tensor, Tokens]:
    """Return the normalised texts `(N,)`, and their tokens."""
    normalized = normalize(texts, config.text.case)
    pattern = CHARACTER if config.text.tokenizer == "character" else TOKEN
    spaced = tf.strings.regex_replace(normalized, _re2(pattern.pattern), r"\0 ")
    words = tf.strings.split(_fold_spaces(spaced), sep=" ")
    tokens, owners = words.flat_values, words.value_rowids()
    some = tokens != ""  # of an empty text
    tokens, owners = tf.boolean_mask(tokens, some), tf.boolean_mask(owners, some)
    if config.text.tokenizer == "pair":
        tokens = _join_pairs(tokens, owners)
    types, ids = tf.unique(tokens)
    lengths = tf.math.unsorted_segment_sum(tf.ones_like(ids), owners, tf.size(texts))
    return normalized, Tokens(ids, owners, lengths, types)


def _join_pairs(tokens: Tensor, owners: Tensor) -> Tensor:
    unspaced = tf.strings.regex_full_match(tokens, f"(?s){_re2(f'[{UNSPACED}]')}.*")
    following = tf.concat([tokens[1:], [""]], axis=0)
    joins = unspaced[:-1] & unspaced[1:] & (owners[:-1] == owners[1:])
    joins = tf.concat([joins, [False]], axis=0)[: tf.size(tokens)]
    return tokens + tf.where(joins, following[: tf.size(tokens)], "")


def _fold_spaces(texts: Tensor) -> Tensor:
    """Return texts with each run of white space as one space, and none at the ends."""
    spaces = "".join(f"\\x{{{code:x}}}" for code in np.flatnonzero(SPACES))
    folded = tf.strings.regex_replace(texts, f"[{spaces}]+", " ")
    return tf.strings.regex_replace(folded, "^ | $", "")


def _re2(pattern: str) -> str:
    """Return a pattern of Python's `re` as one of RE2, whose classes know ASCII only."""
    spaces = "".join(f"\\x{{{code:x}}}" for code in np.flatnonzero(SPACES))
    letters, digits = (f"[{_ranges(characters)}]" for characters in (LETTERS, r"\d"))
    pattern = pattern.replace(LETTERS, letters).replace(r"\d", digits)
    pattern = pattern.replace(r"\S", f"[^{spaces}]")
    pattern = re.sub(r"\\u([0-9a-f]{4})", r"\\x{\1}", pattern)
    return "".join(c if c.isascii() else f"\\x{{{ord(c):x}}}" for c in pattern)


@cache
def _ranges(characters: str) -> str:
    """Return the characters that a pattern of Python matches, as ranges for RE2."""
    codes = map(ord, re.findall(characters, "".join(map(chr, range(sys.maxunicode + 1)))))
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in ranges)


def code_points(texts: Tensor) -> Sequences:
    """Return the code points of strings `(N,)`."""
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    owners = codes.value_rowids()
    return Sequences(tf.cast(codes.flat_values, tf.int64), owners, tf.gather(codes.row_splits, owners + 1))


def hash_subwords(types: Tensor, config: Config) -> tuple[Tensor, Tensor]:
    """Return the rows of the subword table for the n-grams of distinct tokens `(M,)`, and the index of each one's token."""
    characters = code_points("<" + types + ">")
    encoded = _Utf8(characters)
    state = tf.fill(tf.shape(characters.values), _BEGIN)
    rows, owners = [], []
    for n in range(1, config.text.subword_max + 1):
        state = encoded.feed(state, n - 1)
        if n >= config.text.subword_min:
            inside = tf.range(tf.size(state, tf.int64)) + n <= characters.ends
            rows.append(
                tf.boolean_mask(tf.bitwise.bitwise_xor(state, _BEGIN), inside) % config.text.subword_buckets
            )
            owners.append(tf.boolean_mask(characters.owners, inside))
    return tf.concat(rows, axis=0), tf.concat(owners, axis=0)


def hash_types(types: Tensor) -> Tensor:
    """Return the CRC-32 of distinct tokens `(M,)` in UTF-8, int64."""
    characters = code_points(types)
    encoded = _Utf8(characters)
    sizes = tf.math.unsorted_segment_sum(tf.ones_like(characters.owners), characters.owners, tf.size(types))
    starts = tf.cumsum(sizes, exclusive=True)
    longest = tf.reduce_max(tf.concat([sizes, [0]], axis=0))

    def step(n: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        at = tf.minimum(starts + n, tf.size(characters.values, tf.int64) - 1)
        return n + 1, tf.where(n < sizes, encoded.feed_at(state, at), state)

    begin = (tf.constant(0, tf.int64), tf.fill(tf.shape(types), _BEGIN))
    _, state = tf.while_loop(lambda n, _: n < longest, step, begin)
    return tf.bitwise.bitwise_xor(state, _BEGIN)


class _Utf8:
    """The UTF-8 bytes of code points, which extend CRC-32 sums."""

    def __init__(self, characters: Sequences) -> None:
        codes = characters.values
        rest = [0x80 + codes // 64**place % 64 for place in (0, 1, 2)]
        self._sizes = 1 + sum(tf.cast(codes >= least, tf.int64) for least in (0x80, 0x800, 0x10000))
        heads = (codes, 0xC0 + codes // 64, 0xE0 + codes // 64**2, 0xF0 + codes // 64**3)
        head = tf.stack(heads, axis=1)  # (S, 4)
        head = tf.gather(head, self._sizes - 1, batch_dims=1)
        last = tf.stack(rest, axis=1)  # (S, 3), from the last byte on
        self._bytes = [head]
        for place in (
            1,
            2,
            3,
        ):  # of a character with k bytes, byte `place` is the one number k - 1 - place from the end
            at = tf.clip_by_value(self._sizes - 1 - place, 0, 2)
            self._bytes.append(tf.gather(last, at, batch_dims=1))

    def feed(self, state: Tensor, ahead: int) -> Tensor:
        """Return the sums `(S,)` with the characters `ahead` places further on."""
        count = tf.size(state, tf.int64)
        return self.feed_at(state, tf.minimum(tf.range(count) + ahead, count - 1))

    def feed_at(self, state: Tensor, at: Tensor) -> Tensor:
        """Return sums with the characters at places of the same shape."""
        sizes = tf.gather(self._sizes, at)
        for place, byte in enumerate(self._bytes):
            index = tf.bitwise.bitwise_and(tf.bitwise.bitwise_xor(state, tf.gather(byte, at)), 0xFF)
            fed = tf.bitwise.bitwise_xor(tf.gather(CRC_STEP.astype(np.int64), index), state // 256)
            state = tf.where(place < sizes, fed, state)
        return state


def count_ngrams(normalized: Tensor, tokens: Tokens, config: Config) -> tuple[Tensor, Tensor, Tensor]:
    """Return the key of each distinct n-gram of each text, how often it occurs, and the index of its text, all `(Z,) int64`."""
    linear = config.linear
    ends = tf.cumsum(tf.cast(tokens.lengths, tf.int64))
    words = Sequences(
        tf.gather(hash_types(tokens.types), tokens.ids), tokens.owners, tf.gather(ends, tokens.owners)
    )
    keys, owners = _hash_ngrams(words, 1, linear.word_max)
    found = [keys % int(CHARACTER_FAMILY)], [owners]
    if linear.char_max:
        folded = _fold_spaces(normalized)
        folded = tf.where(folded == "", folded, " " + folded + " ")
        keys, owners = _hash_ngrams(code_points(folded), linear.char_min, linear.char_max)
        found[0].append(keys % int(CHARACTER_FAMILY) + int(CHARACTER_FAMILY))
        found[1].append(owners)
    both = tf.concat(found[1], axis=0) * (1 << 32) + tf.concat(found[0], axis=0)
    distinct, _, counts = tf.unique_with_counts(both, tf.int64)
    return distinct % (1 << 32), counts, distinct // (1 << 32)


def _hash_ngrams(symbols: Sequences, shortest: int, longest: int) -> tuple[Tensor, Tensor]:
    """Return the 32-bit key of each n-gram, int64, and the index of its sequence."""
    values = tf.cast(symbols.values, tf.uint64)
    count = tf.size(values, tf.int64)
    places = tf.range(count)
    state = tf.zeros_like(values)
    keys, owners = [tf.zeros([0], tf.int64)], [tf.zeros([0], tf.int64)]
    for n in range(1, longest + 1):
        following = tf.gather(values, tf.minimum(places + (n - 1), count - 1))
        state = state * tf.constant(int(BASE), tf.uint64) + following + tf.constant(n, tf.uint64)
        if n >= shortest:
            mixed = tf.bitwise.bitwise_xor(state, tf.bitwise.right_shift(state, tf.constant(31, tf.uint64)))
            mixed = tf.bitwise.right_shift(
                mixed * tf.constant(int(MIX), tf.uint64), tf.constant(32, tf.uint64)
            )
            inside = places + n <= symbols.ends
            keys.append(tf.boolean_mask(tf.cast(mixed, tf.int64), inside))
            owners.append(tf.boolean_mask(symbols.owners, inside))
    return tf.concat(keys, axis=0), tf.concat(owners, axis=0)
