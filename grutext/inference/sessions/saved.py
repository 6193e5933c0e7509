"""The state of a session as bytes: data from anywhere, which are checked before they are used.

The layout, with little-endian integers::

    b"GRUTEXTS"   version (u2)   SHA-256 of the model (32 bytes)   words (u8)   threshold (f8)   is decided (u1)   five sizes (u4)   the five parts   CRC-32 of all before (u4)

The parts are the numbers of the model; the unfinished text; the open token; the bytes of an unfinished character; and the
counts of n-grams, a pair (row, count) of u4 for each, in any order. Strings are UTF-8, with
surrogates.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from grutext.errors import BundleError, SessionError
from grutext.inference.sessions.stream import Stream, TextState
from grutext.text import MAX_COUNT, TOKENIZERS, is_unspaced, normalize
from grutext.text.ngram_stream import AFTER_SPACE
from grutext.text.unfinished import find_last_cut

_MAGIC, _VERSION = b"GRUTEXTS", 1
_HEADER = struct.Struct("<8sH32sQd?5I")
_CHECK = struct.Struct("<I")
_LONGEST_CHARACTER = 3  # bytes of an unfinished character in UTF-8
_MOST_WORDS = 2**60
_LARGEST = 1e300
_MOST = {
    "place": AFTER_SPACE,
    "tokens": 2**60,
    "steps": 2**60,
    "window": 1e6,
    "states": 1.001,
    "largest": 1.001,
    "vectors": 1e26,
}
_NEVER_NEGATIVE = {"squares", "share"}


def save_state(stream: Stream, state: TextState) -> bytes:
    """Return the state of a session as bytes, for `load_state`."""
    rows = np.array([(row, min(count, MAX_COUNT)) for row, count in state.counts.items()], "<u4")
    parts = (
        state.numbers,
        _encode("".join(state.unfinished)),
        _encode(state.open_token),
        state.undecoded,
        rows.tobytes(),
    )
    decision = state.words, state.threshold, state.is_decided
    content = _HEADER.pack(_MAGIC, _VERSION, stream.digest, *decision, *map(len, parts)) + b"".join(parts)
    return content + _CHECK.pack(zlib.crc32(content))


def load_state(stream: Stream, content: bytes) -> TextState:
    """Return the state of which `save_state` made these bytes.

    Raises:
        SessionError: The bytes are not the state of a session, are damaged, or are of another model or a newer version.
    """
    if len(content) < _HEADER.size + _CHECK.size or not content.startswith(_MAGIC):
        raise SessionError("these bytes are not the state of a session; pass what session.state() returned")
    _, version, digest, words, threshold, is_decided, *sizes = _HEADER.unpack_from(content)
    if version != _VERSION:
        raise SessionError(
            f"the session's state has version {version}, but this grutext reads version {_VERSION}"
        )
    (check,) = _CHECK.unpack(content[-_CHECK.size :])
    body = content[: -_CHECK.size]
    if len(body) != _HEADER.size + sum(sizes) or zlib.crc32(body) != check:
        raise SessionError("the session's state is damaged or incomplete; begin the session again")
    if digest != stream.digest:
        raise SessionError("the session's state is of another model; resume it with the model that began it")
    numbers, unfinished, token, undecoded, rows = (
        body[start:end] for start, end in pairwise(accumulate(sizes, initial=_HEADER.size))
    )
    try:
        text = _decode(unfinished)
        state = TextState(
            numbers=numbers,
            counts=stream.new_counts(_read_counts(rows, stream.features)),
            open_token=_decode(token),
            unfinished=[text] if text else [],
            undecoded=undecoded,
            words=words,
            threshold=threshold,
            is_decided=is_decided,
        )
        _check_numbers(stream, state)
        _check_strings(stream, state)
        stream.probabilities([state])
    except (BundleError, ValueError) as error:
        raise SessionError(f"the session's state is invalid ({error}); begin the session again") from None
    return state


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode(content: bytes) -> str:
    return content.decode("utf-8", "surrogatepass")


def _read_counts(content: bytes, features: int) -> Iterable[tuple[int, int]]:
    if len(content) % 8:
        raise ValueError("counts are cut off")
    rows: NDArray[np.uint32] = np.frombuffer(content, "<u4").reshape(-1, 2)
    if len(rows) and (rows[:, 0].max() >= features or rows[:, 1].min() < 1 or rows[:, 1].max() > MAX_COUNT):
        raise ValueError("a count is of no n-gram")
    counts = dict(rows.tolist())
    if len(counts) < len(rows):
        raise ValueError("an n-gram is counted twice")
    return counts.items()


def _check_strings(stream: Stream, state: TextState) -> None:
    text, token = stream.bundle.config.text, state.open_token
    is_whole = text.tokenizer == "pair" and is_unspaced(token) and TOKENIZERS["word"](token) == [token]
    if token and not (is_whole and normalize(token, text.case) == token):
        raise ValueError("the open token is none")
    if not state.threshold >= 0 or state.words > _MOST_WORDS:
        raise ValueError("the threshold or the number of words is out of range")
    if len(state.undecoded) > _LONGEST_CHARACTER:
        raise ValueError("an unfinished character is too long")
    if find_last_cut("".join(state.unfinished), text.tokenizer):  # at 0 a letter without spaces begins
        raise ValueError("the unfinished text has finished words")


def _check_numbers(stream: Stream, state: TextState) -> None:
    if len(state.numbers) != stream.dtype.itemsize:
        raise ValueError("its size is wrong")
    (row,) = np.frombuffer(state.numbers, stream.dtype)
    for part in stream.dtype.names or ():
        for name in stream.dtype[part].names or ():
            values, most = np.asarray(row[part][name]), _most(name, row[part])
            least = -most if values.dtype.kind == "f" and name not in _NEVER_NEGATIVE else 0
            if not ((values >= least) & (values <= most)).all():  # NaN is not, either
                raise ValueError(f"{name} is out of range")
    if not stream.has_right_sums(state):
        raise ValueError("its sums are not those of its counts")


def _most(name: str, part: NDArray[np.void]) -> float:
    """Return the largest value of a field."""
    if name in {"words_seen", "characters_seen"}:
        return int(part[name.removesuffix("_seen")].size)
    if name == "sums":  # of states, each times its share
        weight = part["share"][0] if "share" in (part.dtype.names or ()) else part["steps"]
        return _MOST["states"] * float(weight)
    return _MOST.get(name, _LARGEST)
