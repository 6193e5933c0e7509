"""Characters of a wrong encoding, and scripts."""

import pytest

from grutext.data_quality.characters import find_odd_characters, find_script


def kinds(text):
    return [kind for kind, _ in find_odd_characters(text)]


@pytest.mark.parametrize(
    "text",
    ["São Paulo", "it’s “quoted”…", "über Maß", "Где посылка?", "你好，世界", "مرحبا", "😀 ok", "price: 5 €"],
)
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_utf8_read_as_a_western_encoding_is_mojibake(text, encoding):
    wrong = "".join(
        bytes([byte]).decode(encoding, "ignore") or bytes([byte]).decode("latin-1") for byte in text.encode()
    )
    assert "mojibake" in kinds(wrong)
    assert kinds(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain\ttext\r\nof two lines",
        "Spaß… macht „Maß“ viel Spaß.",
        "« voilà\u00a0» et CAFÉ»",
        "NÃO É UMA PROMOÇÃO",
        "ÀÉÈÙ ÖÄÜ – Ñandú · Île",
        "Ångström Øre Þór",
        "naïve façade",
    ],
)
def test_proper_texts_have_no_odd_characters(text):
    assert kinds(text) == []


def test_each_kind_is_named_once_with_the_characters_around_it():
    text = "one caf\ufffd and two caf\ufffds\x00 a\x07b \x92 \ud83d end"
    found = dict(find_odd_characters(text))
    assert list(found) == ["replacement_character", "nul_character", "control_character", "lone_surrogate"]
    assert found["replacement_character"] == "one caf\ufffd and two caf"
    assert "a\x07b" in found["control_character"]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Hello", "Latin"),
        ("Grüße", "Latin"),
        ("Где заказ? order 17", "Cyrillic"),
        ("天气很好 ok", "Han"),
        ("ありがとう", "Hiragana"),
        ("مرحبا بك", "Arabic"),
        ("안녕하세요", "Hangul"),
        ("नमस्ते", "Devanagari"),
        ("17 % !", "none"),
        ("👍🏽", "none"),
        ("", "none"),
    ],
)
def test_the_script_is_that_of_most_letters(text, script):
    assert find_script(text) == script
