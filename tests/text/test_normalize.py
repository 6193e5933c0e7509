"""Texts that look the same become the same string, whatever is in them."""

import unicodedata

import pytest
from hypothesis import given

from grutext.text import normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("MiXeD 7", "mixed 7"),
        ("Straße STRASSE", "strasse strasse"),
        ("ΟΔΟΣ οδός", "οδοσ οδόσ"),
        ("ИЁ", "иё"),
        ("\u0130stanbul I\u0131", "i\u0307stanbul i\u0131"),
        ("ﬃ ½ ² № ㎏", "ffi 1\u20442 2 no kg"),
        ("ＡＢＣ　１２", "abc 12"),
        ("isn\u2019t isn't", "isn't isn't"),
        ("ｶﾞ", "ガ"),
        ("각", "각"),
        ("\u212b \u2126", "å ω"),
        ("\u01f0", "\u01f0"),
        ("ŉ", "ʼn"),
        ("a\0b", "a\0b"),
        ("\ud800X\udfff", "\ud800x\udfff"),
    ],
)
def test_normal_forms(text, expected):
    assert normalize(text) == expected


def test_every_character_alone_normalizes_to_something_stable():
    for code in range(0x110000):
        once = normalize(chr(code))
        assert normalize(once) == once, hex(code)


@given(...)
def test_composed_and_decomposed_spellings_are_equal(text: str):
    spellings = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert {normalize(spelling) for spelling in [text, *spellings]} == {normalize(text)}


@given(...)
def test_normalizing_twice_changes_nothing(text: str):
    once = normalize(text)
    assert normalize(once) == once


@given(...)
def test_the_short_way_for_ascii_is_the_long_way(text: str):
    ascii_text = text.encode("ascii", "ignore").decode()
    long_way = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", ascii_text).casefold())
    assert normalize(ascii_text) == long_way
