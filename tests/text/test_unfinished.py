"""A text may be cut where `find_last_cut` says, whatever stands before and after."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.text import TOKENIZERS, normalize
from grutext.text.ngram_stream import NOTHING, fold_part
from grutext.text.unfinished import find_last_cut

EVERY = range(0x30000)  # beyond it, no character composes
# What composes, reorders, folds to several characters, joins, or separates.
PIECES = [
    "a", "e", "1", "3.5", ",", "'", "’", "!", "!!", " ", "\n", "\t", "\u00a0", "\u3000", "\x1c", "\u2028", "ﬁ", "ǰ", "ß", "İ",
    "\u0301", "\u0345", "\u0327", "\u0308", "ΐ", "가", "\u1100", "\u1161", "\u11a8", "天", "か", "\u3099", "ｶ", "ﾞ", "ー",
    "ก", "\u0e33", "\u0e49", "\u0e40", "ក", "\u17d2", "က", "\u102e", "🇩", "👩", "\u200d", "🏽", "\ufe0f", "\u20e3", "\ud800",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def tokens(text, tokenizer, case="fold"):
    """The tokens of a text; for pairs, the words that they are made of."""
    return TOKENIZERS["word" if tokenizer == "pair" else tokenizer](normalize(text, case))


@pytest.mark.parametrize("tokenizer", ["word", pytest.param("character", marks=pytest.mark.long)])
@pytest.mark.parametrize("case", ["fold", "keep"])
@given(before=texts, text=texts, after=texts)
def test_the_parts_have_the_normal_form_and_the_tokens_of_the_whole(tokenizer, case, before, text, after):
    cut = find_last_cut(text, tokenizer)
    if cut is not None:
        first, second = before + text[:cut], text[cut:] + after
        assert normalize(first, case) + normalize(second, case) == normalize(first + second, case)
        assert tokens(first, tokenizer, case) + tokens(second, tokenizer, case) == tokens(
            first + second, tokenizer, case
        )


@pytest.mark.parametrize(
    ("text", "cut"),
    [("", None), ("word", None), ("two wo", 4), ("two  wo", 5), ("wo天气", 3), ("é\u0301", None)],
)
def test_cuts_after_white_space_and_before_a_letter_of_a_script_without_spaces(text, cut):
    assert find_last_cut(text, "word") == cut


@pytest.mark.long
def test_no_character_that_a_text_is_cut_before_composes_with_one_before_it():
    pairs = [unicodedata.decomposition(chr(code)).split() for code in EVERY]
    seconds = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    seconds |= set(map(chr, range(0x1161, 0x1200)))  # of Korean syllables
    cut_before = [chr(code) for code in EVERY if find_last_cut(chr(code), "character") == 0]
    assert len(cut_before) > 70_000
    for character in cut_before:
        first = unicodedata.normalize("NFKD", character.casefold())[0]
        assert unicodedata.combining(first) == 0
        assert first not in seconds, hex(ord(character))


@given(st.lists(texts, max_size=4))
def test_folded_parts_are_the_folded_whole(parts):
    normalized, place, folded = [normalize(part) for part in parts], NOTHING, ""
    for part in normalized:
        more, place = fold_part(part, place)
        folded += more
    whole = " ".join("".join(normalized).split())
    assert folded.rstrip(" ") == (f" {whole}" if whole else "")
    assert "  " not in folded
