"""Files that are compressed: every text format in every compression, damaged files, and bombs."""

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from grutext.data import read_dataset, read_rows
from grutext.data.limits import LONGEST_RECORD
from grutext.errors import DataError, MissingExtraError

TABLE = "text,label\nhello there,x\ngood bye,y\n"
CONTENTS = {
    "csv": TABLE,
    "tsv": TABLE.replace(",", "\t"),
    "jsonl": '{"text": "hello there", "label": "x"}\n{"text": "good bye", "label": "y"}\n',
    "json": '[{"text": "hello there", "label": "x"}, {"text": "good bye", "label": "y"}]',
    "txt": "__label__x hello there\n__label__y good bye\n",
}


def zip_files(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__dot__", "."), content)
    return buffer.getvalue()


def pack_zst(content: bytes) -> bytes:
    return pytest.importorskip("zstandard").ZstdCompressor().compress(content)


def pack(suffix: str, content: bytes, inner: str = "data") -> bytes:
    if suffix == "zip":
        return zip_files(**{inner: content})
    packers = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": pack_zst}
    return packers[suffix](content)


SUFFIXES = ["gz", "bz2", "xz", "zst", "zip"]


@pytest.mark.parametrize("suffix", [*SUFFIXES, "ZIP", "XZ"])
@pytest.mark.parametrize("form", CONTENTS)
def test_every_text_format_is_read_in_every_compression(write, form, suffix):
    name = write(f"a.{form}.{suffix}", pack(suffix.lower(), CONTENTS[form].encode()))
    assert [(e.text, e.labels) for e in read_dataset(name).examples] == [
        ("hello there", ("x",)),
        ("good bye", ("y",)),
    ]
    with read_rows(name) as reader:
        assert [row.text for row in reader] == ["hello there", "good bye"]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_a_file_of_several_members_is_read_whole(write, suffix):
    members = [pack(suffix, part) for part in (b"text,label\n", b"", b"a,x\n", b"b,y\n")]
    assert [e.text for e in read_dataset(write(f"a.csv.{suffix}", b"".join(members))).examples] == ["a", "b"]


def test_the_file_in_a_zip_shows_the_format(write):
    name = write("export.zip", zip_files(rows__dot__tsv=CONTENTS["tsv"].encode()))
    assert len(read_dataset(name).examples) == 2
    name = write("export.csv.zip", zip_files(rows=TABLE.encode()))
    assert len(read_dataset(name).examples) == 2
    name = write("mac.zip", zip_files(**{"rows.csv": TABLE.encode(), "__MACOSX/._rows.csv": b"\0"}))
    assert len(read_dataset(name).examples) == 2


def test_a_zip_that_does_not_hold_one_file_is_refused(write, problem):
    two = write("two.zip", zip_files(**{"a.csv": b"", "b.csv": b""}))
    assert problem(two) == (
        "two.zip: holds 2 files (a.csv, b.csv), and may hold one; unpack it, and name a file or several"
    )
    assert problem(write("none.csv.zip", zip_files())) == (
        "none.csv.zip: is empty, and may hold one; unpack it, and name a file or several"
    )


def test_a_zip_whose_directory_is_missing_is_refused(write, problem):
    packed = zip_files(**{"a.csv": TABLE.encode()})
    message = "is not a .zip archive, or is damaged or cut off; copy it again, or rename it"
    for content in (TABLE.encode(), packed[:-10], packed[:40]):
        assert problem(write("a.csv.zip", content)) == f"a.csv.zip: {message}"


@pytest.mark.parametrize("suffix", ["bz2", "xz", "zst"])
def test_a_file_that_is_not_compressed_is_refused(write, problem, suffix):
    if suffix == "zst":
        pytest.importorskip("zstandard")
    assert problem(write(f"a.csv.{suffix}", TABLE)) == (
        f"a.csv.{suffix}: is not compressed with {suffix}, although its name ends in .{suffix}; rename it"
    )


@pytest.mark.long
@pytest.mark.parametrize("suffix", ["bz2", "xz", "zst", "zip"])
def test_a_file_that_is_cut_off_or_damaged_loses_no_row_in_silence(write, problem, suffix):
    rows = "".join(f"text number {number * 7919 % 10007},{'xy'[number % 2]}\n" for number in range(20_000))
    packed = pack(suffix, f"text,label\n{rows}".encode())
    for share in (0.3, 0.6, 0.95):
        message = problem(write(f"cut.csv.{suffix}", packed[: int(len(packed) * share)]))
        assert "cut off" in message or "damaged" in message or "is not compressed" in message
    spoilt = bytearray(packed)
    for place in range(len(packed) // 2, len(packed) // 2 + 8):
        spoilt[place] ^= 0xFF
    problem(
        write(f"spoilt.csv.{suffix}", bytes(spoilt))
    )  # where it is damaged in its middle, rows may be read first


@pytest.mark.long
@pytest.mark.parametrize("suffix", ["bz2", "xz", "zst", "zip"])
def test_a_compressed_file_of_a_gigabyte_is_refused_at_its_first_endless_line(write, problem, suffix):
    content = bytes(2**24) if suffix == "zip" else b"a" * 2**24
    packed = pack(suffix, b"a" * 2**28) if suffix == "zip" else pack(suffix, content) * 64
    assert problem(write(f"bomb.csv.{suffix}", packed)) == (
        f"bomb.csv.{suffix}, line 1: is longer than {LONGEST_RECORD:,} characters; split it"
    )


def test_zst_without_its_package_names_the_extra(write, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(MissingExtraError, match=r"reading \.zst needs zstandard; .*grutext\[zstd\]"):
        read_dataset(write("a.csv.zst", b"\x28\xb5\x2f\xfd"))


def test_an_encrypted_zip_is_refused(write):
    packed = bytearray(zip_files(**{"a.csv": TABLE.encode()}))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match=r"^a\.zip: is encrypted; unpack it, and name the file$"):
        read_dataset(write("a.zip", bytes(packed)))
