"""The encodings that are found, and those that an error advises."""

import gzip
import io
import sys

import pytest

from grutext.data import ReadOptions, describe_reading, read_dataset, read_rows
from grutext.data.formats.encodings import BLOCK, advise_encoding, find_encoding

WESTERN = "it looks like Windows-1252; try --encoding cp1252"
NOT_UTF8 = "its encoding is not UTF-8 but"
FOUND = "(found; --encoding names another)"

WESTERN_TEXTS = [
    "the refund hasn’t reached my bank – it cost 20 €",
    "“quoted”, and so on…",
    "£1000 prize\u00a0now • call §§ —————",
    "café",
    "où est le colis, déjà payé ? J’ai été déçue par l’œuvre",
    "Größe, Straße, Übung",
    "Où est le colis, déjà payé ? Das Paket ist größer",
    "el niño comió piñas; ¿qué? en la 1ª planta, un pingüino",
    "ação, não, às três",
    "perché non è arrivato? Così, però",
    "é tarde, a encomenda já não vem",
    "det er vanskelig å forstå, på øya",
    "10 µg am 1º",
    "hope ü are fine, Ü will see",
    "hej, mitt paket är försenat på väg",
    "pakken er ikke ankommet på øen, æbler",
    "hyvää päivää, häävyöä",
    "góðan daginn, pöntunin mín, þakka þér",
    "ÉTÉ À LA MER, GARÇON",
]
OTHER_TEXTS = [
    ("Привет, как дела у вас дома сегодня вечером?", "cp1251"),
    ("my order has not arrived, my order has not arrived: Привет мир", "cp1251"),
    ("the order has not arrived, the order has not arrived: Καλημέρα", "cp1253"),
    ("žluťoučký kůň úpěl ďábelské ódy a příliš", "cp1250"),
    ("dobrý den, moje objednávka ještě nepřišla", "cp1250"),
    ("dobrý den, moje objednávka ještě nepřišla", "iso8859-2"),
    ("Zażółć gęślą jaźń, proszę państwa", "cp1250"),
    ("őszintén szólva csalódott vagyok, űr, köszönöm", "cp1250"),
    ("jövő idő", "cp1250"),
    ("naročilo še ni prispelo, čakam že tri tedne", "cp1250"),
    ("siparişim hâlâ gelmedi, üç haftadır bekliyorum", "cp1254"),
    ("siparişim gelmedi mı", "cp1254"),
    ("pasūtījums vēl nav pienācis, lūdzu, atmaksājiet naudu", "cp1257"),
    ("coletul meu nu a ajuns încă, vă rog, ţară, aştept", "cp1250"),
    ("今日は天気がいいので、公園に行きます", "shift_jis"),
    ("my order has not arrived, my order has not arrived: こんにちは", "shift_jis"),
    ("ma commande n’est pas arrivée, déjà trois semaines", "mac_roman"),
    ("it’s late and I don’t know “why”", "mac_roman"),
    ("la información está mal; ¿dónde? mañana", "mac_roman"),
    ("it cost 20 €, and then €30", "mac_roman"),
    ("· one thing · another thing · a third one", "mac_roman"),
    ("Schöne Grüße, das Paket ist nicht größer", "cp850"),
    ("la información está mal; ¿dónde? mañana", "cp437"),
    ("it cost 20 € and then 30 €", "iso8859-15"),
]


def table(text: str) -> str:
    return f'text,label\n"{text}",x\nfine,y\n'


@pytest.mark.parametrize("text", WESTERN_TEXTS)
def test_windows_1252_is_found_where_it_is_sure(write, text):
    data = table(text).encode("cp1252")
    assert find_encoding(data, whole=True) == "cp1252"
    dataset = read_dataset(write("a.csv", data))
    assert dataset.examples[0].text == text
    assert f"a.csv: {NOT_UTF8} cp1252 {FOUND}" in dataset.notes
    assert describe_reading(dataset, ReadOptions())["reading"]["found"]["encoding"] == ["cp1252"]


@pytest.mark.parametrize(("text", "encoding"), OTHER_TEXTS)
def test_other_encodings_of_one_or_two_bytes_are_never_taken_for_it(
    monkeypatch, write, problem, text, encoding
):
    data = table(text).encode(encoding)
    assert find_encoding(data, whole=True) == "utf-8"
    name = write("a.csv", data)
    assert "is not UTF-8; " in problem(name)
    assert read_dataset(name, ReadOptions(encoding=encoding)).examples[0].text == text
    assert WESTERN not in advise_encoding(data, "utf-8")
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    assert advise_encoding(data, "utf-8") == (
        "name its encoding, such as --encoding cp1252, cp1251, shift_jis or gb18030"
    )


def test_a_few_foreign_words_in_an_english_text_are_read():
    text = "the order came late, and nobody could tell us what had happened to it in the end\n" * 10
    assert find_encoding((text + "Müller, São Paulo, Søren").encode("cp1252"), whole=True) == "cp1252"
    assert find_encoding((text + "Müller, São Paulo, Søren" * 20).encode("cp1252"), whole=True) == "utf-8"


FORMS = {
    "csv": "text,label\n{0},x\nfine,y\n",
    "tsv": "text\tlabel\n{0}\tx\nfine\ty\n",
    "jsonl": '{{"text": "{0}", "label": "x"}}\n{{"text": "fine", "label": "y"}}\n',
    "json": '[{{"text": "{0}", "label": "x"}}, {{"text": "fine", "label": "y"}}]',
    "txt": "__label__x {0}\n__label__y fine\n",
}
ENCODINGS = {"utf-8-sig": "", "utf-16": "utf-16", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be"} | {
    "utf-32": "utf-32",
    "cp1252": "cp1252",
    "utf-8": "",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("form", FORMS)
def test_every_text_format_is_read_in_every_encoding_that_is_found(write, form, encoding):
    name = write(f"a.{form}", FORMS[form].format("déjà vu").encode(encoding))
    dataset = read_dataset(name)
    assert [(e.text, e.labels) for e in dataset.examples] == [("déjà vu", ("x",)), ("fine", ("y",))]
    note = f"a.{form}: {NOT_UTF8} {ENCODINGS[encoding]} {FOUND}"
    assert (note in dataset.notes) == bool(ENCODINGS[encoding])
    with read_rows(name) as reader:
        assert [row.text for row in reader] == ["déjà vu", "fine"]
        assert (note in reader.notes) == bool(ENCODINGS[encoding])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding_of_standard_input_is_found(monkeypatch, encoding):
    data = FORMS["csv"].format("déjà vu").encode(encoding)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    with read_rows("-", ReadOptions(format="csv")) as reader:
        assert [row.text for row in reader] == ["déjà vu", "fine"]
    assert not sys.stdin.buffer.closed


def test_the_encoding_of_a_compressed_file_is_found(write):
    name = write("a.csv.gz", gzip.compress(FORMS["csv"].format("déjà vu").encode("utf-16")))
    assert read_dataset(name).examples[0].text == "déjà vu"


def test_an_encoding_that_is_named_is_not_doubted(write, problem):
    name = write("a.csv", FORMS["csv"].format("déjà vu").encode("cp1252"))
    assert problem(name, ReadOptions(encoding="utf-8")) == f"a.csv, line 2: byte 0xe9 is not UTF-8; {WESTERN}"
    dataset = read_dataset(name, ReadOptions(encoding="cp437"))
    assert dataset.examples[0].text == "dΘjα vu"
    assert not [note for note in dataset.notes if NOT_UTF8 in note]
    assert "encoding" not in describe_reading(dataset, ReadOptions())["reading"]["found"]


def test_zero_bytes_that_are_no_utf_16_are_an_error(write, problem):
    for content in (b"text,label\na\0b,x\n", table("abc").encode("utf-32-le"), b"t\0\0\0e\0x\0"):
        assert "UTF-16" in problem(write("a.csv", content))


@pytest.mark.parametrize("end", range(4))
def test_a_character_across_the_end_of_the_block_is_none_of_its_faults(write, end):
    start = "text,label\n"
    text = "a" * (BLOCK - len(start) - end) + "日本"
    name = write("a.csv", f"{start}{text},x\nb,y\n")
    assert read_dataset(name).examples[0].text == text


@pytest.mark.long
def test_bytes_behind_the_block_that_do_not_fit_are_named_with_their_line(write, problem):
    lines = BLOCK // 8 + 1
    name = write("a.csv", b"text,label\n" + b"fine,xx\n" * lines + "déjà vu,x\n".encode("cp1252"))
    assert problem(name) == f"a.csv, line {lines + 2}: byte 0xe9 is not UTF-8; {WESTERN}"
    windows = "déjà vu,x\n".encode("cp1252") + b"fine,xx\n" * lines + b"\x81\n"
    assert problem(write("a.csv", b"text,label\n" + windows)).startswith(
        f"a.csv, line {lines + 3}: byte 0x81 is not CP1252"
    )


def test_charset_normalizer_names_other_encodings():
    pytest.importorskip("charset_normalizer")
    data = "Привет, как дела у вас дома сегодня вечером?\n".encode("cp1251") * 4
    assert advise_encoding(data, "utf-8").startswith("it may be cp1251, ")


def test_a_single_damaged_line_of_utf8_is_told_as_such(write, problem):
    data = "Größe, Straße, Übung\n".encode() * 5 + b"\xff\n"
    damaged = "other lines are, so this one is damaged; correct it"
    assert advise_encoding(data, "utf-8") == damaged
    data = "text,label\nGröße,x\nStraße,x\n".encode() + "Übung,y\n".encode("cp1252")
    assert problem(write("a.csv", data)) == f"a.csv, line 4: byte 0xdc is not UTF-8; {damaged}"
