"""A table of tokens in the scripts of the world, and what holds for every string there is."""

import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grutext import config
from grutext.text import TOKENIZERS, normalize
from grutext.text.tokenizers import _ASCII_TOKEN, TOKEN, characters, is_unspaced, pairs, words

DISJOINT = [name for name in TOKENIZERS if name != "pair"]
GOLDEN = [
    ("empty", "", []),
    ("spaces only", " \t\r\n\x0b\x1c\x1f\x85\xa0\u2003\u3000", []),
    ("one character", "x", ["x"]),
    ("English", "The cat sat.", ["the", "cat", "sat", "."]),
    ("Russian", "Где моя посылка, Ёж?", ["где", "моя", "посылка", ",", "ёж", "?"]),
    ("Greek final sigma", "ΟΔΟΣ οδός", ["οδοσ", "οδόσ"]),
    ("German", "Straße STRASSE Fuß", ["strasse", "strasse", "fuss"]),
    ("Turkish dotted and dotless i", "İYİ ılık", ["i\u0307yi\u0307", "ılık"]),
    ("French ligature", "œuvre ﬁn", ["œuvre", "fin"]),
    ("Vietnamese", "Tiếng Việt", ["tiếng", "việt"]),
    ("Arabic with marks", "مُحَمَّدٌ؟ ١٢", ["مُحَمَّدٌ", "؟", "١٢"]),
    ("Hebrew with points", "שָׁלוֹם", [unicodedata.normalize("NFC", "שָׁלוֹם")]),
    ("Hindi", "नमस्ते, हिन्दी।", ["नमस्ते", ",", "हिन्दी", "।"]),
    ("Tamil", "தமிழ் மொழி", ["தமிழ்", "மொழி"]),
    ("Thai", "สวัสดี", ["ส", "วั", "ส", "ดี"]),
    ("Thai digits", "๒๕๖๗ ๑.๕", ["๒๕๖๗", "๑.๕"]),
    ("Khmer", "ភាសា", ["ភា", "សា"]),
    ("Han", "天气不错。", ["天", "气", "不", "错", "。"]),
    ("Han beyond the first plane", "𠮷野家", ["𠮷", "野", "家"]),
    ("Japanese", "東京タワーへ", ["東", "京", "タ", "ワ", "ー", "へ"]),
    ("kana with voicing marks", "か\u3099 ｶﾞ", ["が", "ガ"]),
    ("Korean", "안녕하세요 세계", ["안녕하세요", "세계"]),
    ("scripts without a space between", "iPhone手机3台", ["iphone", "手", "机", "3", "台"]),
    ("apostrophes of both kinds", "don't don’t ’tis dogs'", ["don't", "don't", "'", "tis", "dogs", "'"]),
    ("apostrophe between letters of two scripts", "d’été l'Œuvre", ["d'été", "l'œuvre"]),
    ("numbers", "3.50 1,000 12:30 007", ["3.50", "1,000", "12:30", "007"]),
    ("number at the end of a sentence", "pay 3.50. Or 4, 5", ["pay", "3.50", ".", "or", "4", ",", "5"]),
    ("number and unit", "5kg 10% $3.50", ["5kg", "10", "%", "$", "3.50"]),
    ("date", "2024-05-01", ["2024", "-", "05", "-", "01"]),
    ("underscore", "snake_case _x", ["snake_case", "_x"]),
    ("URL", "https://a.io/x?y=1", ["https", ":", "/", "/", "a", ".", "io", "/", "x", "?", "y", "=", "1"]),
    ("e-mail", "me@a.io", ["me", "@", "a", ".", "io"]),
    ("hyphen", "well-known", ["well", "-", "known"]),
    ("runs of punctuation", "Oh... no!!! why?? -- ?! ,,", ["oh", "...", "no", "!!!", "why", "??", "--", "?", "!", ",", ","]),
    ("ellipsis", "wait…", ["wait", "..."]),
    ("emoji", "👍👍 ok☀️", ["👍", "👍", "ok", "☀️"]),
    ("emoji with a skin tone", "👍🏽!", ["👍🏽", "!"]),
    ("emoji with joiners", "👩🏽‍🚀👨‍👩‍👧", ["👩🏽‍🚀", "👨‍👩‍👧"]),
    ("emoji with a selector", "❤️‍🔥", ["❤️‍🔥"]),
    ("flags", "🇩🇪🇫🇷 🏴\U000e0067\U000e0062\U000e007f", ["🇩🇪", "🇫🇷", "🏴\U000e0067\U000e0062\U000e007f"]),
    ("half a flag", "🇩", ["🇩"]),
    ("keycaps", "1️⃣2️⃣ #️⃣", ["1️⃣", "2️⃣", "#️⃣"]),
    ("combining marks", "cafe\u0301 na\u0131\u0308ve", ["café", "na\u0131\u0308ve"]),
    ("a mark with nothing to sit on", "\u0301a", ["\u0301", "a"]),
    ("zero-width non-joiner", "می‌خواهم", ["می‌خواهم"]),
    ("NUL and other controls", "a\0b\x07", ["a", "\0", "b", "\x07"]),
    ("lone surrogates", "a\ud800b\udfff", ["a", "\ud800", "b", "\udfff"]),
    ("replacement character", "�x", ["�", "x"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_splits_into_words(text, expected):
    assert words(normalize(text)) == expected


@pytest.mark.parametrize("text", [row[1] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_composed_and_decomposed_spellings_have_the_same_tokens(tokenizer, text):
    composed, decomposed = (normalize(unicodedata.normalize(form, text)) for form in ("NFC", "NFD"))
    assert TOKENIZERS[tokenizer](composed) == TOKENIZERS[tokenizer](decomposed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \x1c\u3000", []),
        ("Né 天!", ["n", "é", "天", "!"]),
        ("q\u0301\u0323x", ["q\u0323\u0301", "x"]),
        ("ดี", ["ดี"]),
        ("ก็", ["ก็"]),
        ("हिन्दी", ["हि", "न्", "दी"]),
        ("❤️x", ["❤️", "x"]),
        ("a\ud800\0", ["a", "\ud800", "\0"]),
    ],
)
def test_splits_into_characters(text, expected):
    assert characters(normalize(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("天", ["天"]),
        ("天气 很好!", ["天气", "气很", "很好", "好", "!"]),
        ("我用 iphone 打", ["我用", "用", "iphone", "打"]),
        ("don't pay", ["don't", "pay"]),
        ("ดีก็", ["ดีก็", "ก็"]),
    ],
)
def test_splits_into_pairs(text, expected):
    assert pairs(normalize(text)) == expected


@given(text=...)
def test_a_pair_is_a_character_and_the_one_after_it(text: str):
    single = words(normalize(text))
    found = pairs(normalize(text))
    assert len(found) == len(single)
    for n, (pair, token) in enumerate(zip(found, single, strict=True)):
        after = single[n + 1] if n + 1 < len(single) else ""
        both = is_unspaced(token) and is_unspaced(after)
        assert pair == (token + after if both else token)


def test_settings_allow_exactly_the_known_tokenizers():
    assert tuple(TOKENIZERS) == config.TOKENIZERS


def check_tokens(tokens: list[str], normalized: str) -> None:
    """Assert that tokens are the normalised text without its white space: nothing lost, nothing made up."""
    assert "".join(tokens) == re.sub(r"\s", "", normalized)
    assert "" not in tokens


@pytest.mark.parametrize("tokenizer", DISJOINT)
@given(text=...)
def test_tokens_are_the_text_without_white_space(tokenizer, text: str):
    normalized = normalize(text)
    tokens = TOKENIZERS[tokenizer](normalized)
    check_tokens(tokens, normalized)
    assert TOKENIZERS[tokenizer](normalized) == tokens


@pytest.mark.long  # quick, but a few texts do not hold it all
def test_random_texts_contain_the_hard_cases():
    """A generator that leaves out the hard characters would make the tests above and below say nothing."""
    hard = {
        "lone surrogates": "[\ud800-\udfff]",
        "joiners": "\u200d",
        "controls": "[\0-\x08\x1c-\x1f]",
        "marks after letters": "\\w[\u0300-\u036f\u064b\u093f]",
        "apostrophes": "['\u2019]",
        "several tokens": r"\S\s+\S",
        "ASCII alone": r"[\0-\x7f]+\Z",
    }
    drawn: Counter = Counter()

    @settings(max_examples=300)  # what is drawn depends on what is imported
    @given(...)
    def draw(text: str):
        drawn.update(name for name, pattern in hard.items() if re.search(pattern, text))
        drawn["long"] += len(text) > 20

    draw()
    assert set(drawn) == {*hard, "long"}
    assert min(drawn.values()) >= 5, drawn


@pytest.mark.long
@pytest.mark.parametrize("tokenizer", DISJOINT)
def test_splits_all_of_a_long_text(tokenizer, long_texts):
    for text in long_texts:
        normalized = normalize(text)
        check_tokens(TOKENIZERS[tokenizer](normalized), normalized)


@pytest.mark.long
def test_every_character_between_letters_is_kept():
    codes = [*range(0x20000), *range(0xE0000, 0xE0200)]  # the planes beyond hold nothing but Han
    everything = " ".join(f"a{chr(code)}b" for code in codes)
    for name in DISJOINT:
        check_tokens(TOKENIZERS[name](everything), everything)


@given(st.text(st.characters(max_codepoint=127)))
def test_the_fast_path_for_ascii_returns_the_same(text):
    assert _ASCII_TOKEN.findall(text) == TOKEN.findall(text)


@given(...)
def test_a_text_in_ascii_has_the_same_tokens_beside_another_script(text: str):
    ascii_text = text.encode("ascii", "ignore").decode()
    assert words(f"{ascii_text} é") == [*words(ascii_text), "é"]
