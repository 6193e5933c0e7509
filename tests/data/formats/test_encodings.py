"""The encoding that an error advises."""

import sys

import pytest

from grutext.data import ReadOptions, read_dataset
from grutext.data.formats.encodings import advise_encoding

WESTERN = "it looks like Windows-1252; try --encoding cp1252"


@pytest.mark.parametrize(
    "text",
    [
        "the refund hasn’t reached my bank – it cost 20 €",
        "“quoted”, and so on…",
        "où est le colis, déjà payé",
        "Größe, Straße, Übung",
        "el niño comió piñas; ¿qué?",
        "ação, não",
    ],
)
def test_windows_1252_is_advised_for_western_text(text):
    data = (text + "\n").encode("cp1252") * 3
    assert advise_encoding(data, "utf-8") == WESTERN


def test_the_advice_reads_the_text_as_it_was_meant(write, problem):
    content = "text,label\nit hasn’t come – 20 €,x\nfine,y\n"
    name = write("a.csv", content.encode("cp1252"))
    assert problem(name) == f"a.csv, line 2: byte 0x92 is not UTF-8; {WESTERN}"
    assert read_dataset(name, ReadOptions(encoding="cp1252")).examples[0].text == "it hasn’t come – 20 €"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Привет, как дела у вас дома сегодня вечером?", "cp1251"),
        ("žluťoučký kůň úpěl ďábelské ódy a příliš", "cp1250"),
        ("今日は天気がいいので、公園に行きます", "shift_jis"),
        ("Zażółć gęślą jaźń, proszę państwa", "cp1250"),
    ],
)
def test_windows_1252_is_not_advised_for_other_scripts(monkeypatch, text, encoding):
    data = (text + "\n").encode(encoding) * 4
    assert WESTERN not in advise_encoding(data, "utf-8")
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    assert advise_encoding(data, "utf-8") == (
        "name its encoding, such as --encoding cp1251, shift_jis or gb18030"
    )


def test_charset_normalizer_names_other_encodings():
    pytest.importorskip("charset_normalizer")
    data = "Привет, как дела у вас дома сегодня вечером?\n".encode("cp1251") * 4
    assert advise_encoding(data, "utf-8") == "it looks like cp1251; try --encoding cp1251"


def test_a_single_damaged_line_of_utf8_is_told_as_such():
    data = "Größe, Straße, Übung\n".encode() * 5 + b"\xff\n"
    assert advise_encoding(data, "utf-8") == "other lines are, so this one is damaged; correct it"
