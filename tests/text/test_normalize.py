"""Texts that look the same become the same string, whatever is in them."""

import random
import time
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
def test_returns_the_expected_normal_form(text, expected):
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MiXeD 7", "MiXeD 7"),
        ("Straße STRASSE", "Straße STRASSE"),
        ("ΟΔΟΣ οδός", "ΟΔΟΣ οδός"),
        ("ﬃ № ＡＢ", "ffi No AB"),
        ("isn\u2019T", "isn'T"),
        ("\u212b E\u0301", "Å É"),
        ("\ud800X", "\ud800X"),
    ],
)
def test_case_can_be_kept(text, expected):
    assert normalize(text, "keep") == expected


@given(text=...)
def test_folding_what_was_kept_is_folding(text: str):
    kept = normalize(text, "keep")
    assert normalize(kept, "keep") == kept
    assert normalize(kept) == normalize(text) == normalize(text, "auto")


@pytest.mark.long
def test_the_normal_form_of_every_character_is_stable():
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
def test_the_fast_path_for_ascii_returns_the_same(text: str):
    ascii_text = text.encode("ascii", "ignore").decode()
    long_way = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", ascii_text).casefold())
    assert normalize(ascii_text) == long_way


MARKS = [
    char
    for char in map(chr, range(0x110000))
    if unicodedata.combining(unicodedata.normalize("NFKD", char)[0])
]


@pytest.mark.parametrize("seed", range(6))
def test_sorting_the_marks_of_a_long_text_changes_no_normal_form(seed):
    draw = random.Random(seed)
    few = draw.sample(MARKS, 9)
    runs = [
        "".join(draw.choices(pool, k=1500))
        for pool in (
            MARKS,
            few,
            ["\u0315", "\u0334", "\uff9e", "\u0f73", "\u0345", "\u0344"],
            ["👩", "\u200d", "!", "\u0301"],
        )
    ]
    text = "".join(start + run for start, run in zip("éか1\u1100", runs, strict=True)) + "\u1161b"
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    assert normalize(text) == unicodedata.normalize("NFKC", folded)


@pytest.mark.long
def test_a_text_of_combining_marks_takes_no_longer_than_others():
    start = time.process_time()
    assert len(normalize("a" + "\u0315\u0334\uff9e" * 100_000)) == 300_001
    assert time.process_time() - start < 10  # half a second; minutes if each mark is moved over all others
