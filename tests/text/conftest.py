"""Texts of every kind, for hypothesis."""

from __future__ import annotations

import random

import pytest
from hypothesis import strategies as st

# Characters that mean something to a tokenizer: spaces of all kinds, joiners, marks, halves of pairs.
SPECIAL = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"
    "\0\x01\x7f\ufeff\u200b\u200c\u200d\u2060\ufe0e\ufe0f\u20e3\U000e0067\U000e007f"
    "\ud800\udbff\udc00\udfff\uffff\U0010ffff"
    "'\u2019.,:!?-_#*0123456789aZ\u0130\u0131\u00df\u03c3\u03c2\u01f0\u0149\ufb03\u1e9e\u2126\u212b"
    "\u0301\u0308\u0323\u0345\u05b0\u064b\u0670\u093c\u094d\u0903\u3099\uff9e"
    "\u0e01\u0e31\u0e51\u0661\u0967\u1780\u17e1\u1019\u1031\u5929\u3042\u30ab\uac00\u1100\u1161\u11a8"
    "\U0001f468\U0001f469\U0001f3fd\U0001f1e9\U0001f1ea\U0001f3f4\U0001f44d\u2764\u2600"
)
# What clings to its neighbours, and neighbours.
TOUCHING = (
    "aZ\u00e9\u0438\u0915\u0e01\u5929\U0001f469\U0001f469\u200d\u200d\ufe0f\U0001f3fd\u0301\u0301'\u20191.,  "
)
# One alphabet of all kinds would be drawn from evenly, and so hold next to no joiner or surrogate.
PIECES = st.lists(
    st.one_of(
        st.text(list(SPECIAL)),
        st.text(st.characters(max_codepoint=127)),
        st.text(st.characters(categories=["Cs"]), max_size=5),
        st.text(st.characters()),
    ),
    max_size=6,
).map("".join)


def mix(seed: int) -> str:
    """Return a text of up to 40 characters of all kinds; hypothesis tends to draw few and similar ones."""
    draw = random.Random(seed)
    kinds = [
        lambda: draw.choice(SPECIAL),
        lambda: draw.choice(TOUCHING),
        lambda: draw.choice(TOUCHING),
        lambda: chr(draw.randrange(128)),
        lambda: chr(draw.randrange(0xD800, 0xE000)),
        lambda: chr(draw.randrange(0x300, 0x3100)),
        lambda: chr(draw.randrange(0x110000)),
    ]
    return "".join(draw.choice(kinds)() for _ in range(draw.randrange(40)))


# What `@given(...)` draws for an argument of type `str`.
st.register_type_strategy(str, st.one_of(PIECES, st.integers(0, 1 << 32).map(mix)))


@pytest.fixture(scope="session")
def long_texts() -> list[str]:
    """Texts of 10^5 characters, each a run of one thing or of two in turn."""
    parts = [
        "a", "1", " ", "\0", "a'", "1,", "a b", "\u0301", "é\u0301", "\u200d", "\ud800", "๑", "ก", "١", "天", "👩\u200d",
        "🇩🇪", "1\ufe0f\u20e3",
    ]  # fmt: skip
    return [(part * 100_000)[:100_000] for part in parts]
