import gzip
import io
import os
import random
import sys
from pathlib import Path

import pytest

from grutext.data import ReadOptions, format_names, read_dataset
from grutext.data.formats.registry import list_suffixes

KNOWN = (
    f"known are {list_suffixes()} (each also .gz .bz2 .xz .zst .zip), a folder of class folders, a folder of shards, "
    "tfds:NAME[/CONFIG][:SPLIT], sample; --format names the format of other files"
)
TABLE = "text,label\nhello there,x\n"


def test_a_missing_file_is_named_with_the_nearest_one(write, problem):
    write("reviews.csv", TABLE)
    assert problem("revews.csv") == 'revews.csv: there is no such file or folder, did you mean "reviews.csv"?'
    assert problem("nowhere/x.csv") == "nowhere/x.csv: there is no such file or folder"


def test_an_unknown_extension_is_refused_unless_the_format_is_named(write, problem):
    for name, why in (("a.docx", 'the extension ".docx" is unknown'), ("noext", "the name has no extension")):
        assert problem(write(name, TABLE.encode())) == f"{name}: {why}; {KNOWN}"
        assert len(read_dataset(name, ReadOptions(format="csv")).examples) == 1
    assert problem(write("a.CSV.GZ", gzip.compress(TABLE.encode())), ReadOptions(format="exel")) == (
        f'there is no format "exel", did you mean "excel"? The formats are: {", ".join(format_names())}'
    )
    assert len(read_dataset("a.CSV.GZ").examples) == 1


def test_folders_and_files_are_not_taken_for_each_other(write, problem):
    Path("d.csv").mkdir()
    assert problem("d.csv", ReadOptions(format="csv")) == "d.csv: is a folder; csv needs a file"
    name = write("f.csv", TABLE)
    assert (
        problem(name, ReadOptions(format="folder")) == "f.csv: is a file, and not a folder of class folders"
    )


def test_impossible_names_are_refused(problem):
    assert problem("a\0b.csv") == '"a\\x00b.csv": is not a possible file name'
    assert problem("x" * 300 + ".csv").endswith(".csv: the name is too long")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(write, problem):
    Path(write("secret.csv", TABLE)).chmod(0)
    assert problem("secret.csv") == "secret.csv: cannot be read: permission denied"


def test_permission_denied_is_a_clear_error_for_root_too(write, problem, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    name = write("secret.csv", TABLE)
    monkeypatch.setattr(Path, "open", refuse)
    assert problem(name) == "secret.csv: cannot be read: permission denied"


def test_standard_input_needs_a_format_and_stays_open(problem, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(TABLE.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert problem("-") == (
        "standard input: its format is not known; name it by --format: "
        + ", ".join(name for name in format_names() if name not in {"folder", "shards"})
    )
    (example,) = read_dataset("-", ReadOptions(format="csv")).examples
    assert (example.text, example.source, example.row) == ("hello there", "standard input", 2)
    assert not stdin.closed
    assert not stdin.buffer.closed


def test_bytes_that_are_not_utf8_are_named_with_their_line(write, problem):
    name = write("dos.csv", "text,label\nfine,x\nbüro,y\n".encode("cp437"))
    assert problem(name).startswith("dos.csv, line 3: byte 0x81 is not UTF-8; ")
    assert problem(name, ReadOptions(encoding="utf-8")) == problem(name)
    assert read_dataset(name, ReadOptions(encoding="cp437")).examples[1].text == "büro"


@pytest.mark.long
@pytest.mark.parametrize("lines", [1, 400, 3000, 20_000])
def test_the_line_of_bad_bytes_is_right_also_far_inside_a_file(write, problem, lines):
    good = "".join(f"__label__x číslo {number}\r\n" for number in range(lines))
    name = write("far.txt", good.encode() + b"__label__x \xff\n" + good.encode())
    assert problem(name).startswith(f"far.txt, line {lines + 1}: byte 0xff is not UTF-8")


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "shift_jis", "gb18030", "cp1251"]
)
def test_other_encodings_are_read_when_they_are_named(write, encoding):
    text = "Привет, мир" if encoding == "cp1251" else "日本語、 ok"
    name = write("other.csv", f'text,label\n"{text}",x\n'.encode(encoding))
    assert read_dataset(name, ReadOptions(encoding=encoding)).examples[0].text == text


def test_a_file_of_another_kind_gets_a_hint(write, problem):
    assert problem(write("a.csv", TABLE.replace("o", "\0"))) == (
        "a.csv, line 2: a NUL character is not text; if the file is UTF-16, name it: --encoding utf-16"
    )
    utf8 = ReadOptions(encoding="utf-8")
    assert problem(write("a.csv", b"\xff\xfe" + TABLE.encode("utf-16-le")), utf8) == (
        "a.csv, line 1: byte 0xff is not UTF-8; it starts like UTF-16; try --encoding utf-16"
    )
    assert problem(write("a.csv", gzip.compress(TABLE.encode()))) == (
        "a.csv, line 1: byte 0x8b is not UTF-8; it is compressed with gzip; let its name end in .gz"
    )


@pytest.mark.parametrize("encoding", ["latin-9x", "base64", "a\0b", ""])
def test_an_unknown_encoding_is_refused(write, problem, encoding):
    shown = encoding.replace("\0", "\\x00")
    assert problem(write("a.csv", TABLE), ReadOptions(encoding=encoding)) == (
        f'a.csv: there is no encoding "{shown}"; --encoding takes names such as latin-1'
    )


def test_truncated_damaged_and_uncompressed_gz_files_have_different_messages(write, problem):
    generator = random.Random(3)
    rows = "".join(f"some text {generator.getrandbits(64)},x\n" for _ in range(5000))
    packed = gzip.compress(f"text,label\n{rows}".encode())
    cut = problem(write("cut.csv.gz", packed[:-2000]))
    assert cut.startswith("cut.csv.gz, line ")
    assert cut.endswith(": the .gz file is cut off here; copy it again")
    assert 4000 < int(cut.split("line ")[1].split(":")[0]) <= 5001
    assert problem(write("extra.csv.gz", packed + b"more")) == (
        "extra.csv.gz, line 5002: the .gz file is damaged here; copy it again"
    )
    wrong_sum = packed[:-8] + b"\0\0\0\0" + packed[-4:]
    assert problem(write("sum.csv.gz", wrong_sum)).endswith("the .gz file is damaged here; copy it again")
    assert problem(write("none.csv.gz", TABLE.encode())) == (
        "none.csv.gz: is not compressed with gzip, although its name ends in .gz; rename it"
    )
    assert problem(write("empty.csv.gz", b"")).startswith("empty.csv.gz: is empty")
