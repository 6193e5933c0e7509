"""Word vectors as text: their formats, the rows that are read, and the files that are refused."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.data.vectors import Wanted, check_vectors, digest, read_vectors
from grutext.errors import DataError
from grutext.text import normalize

ROWS = "the 0.5 -1 2e-1\ncat 1 2 3\n天 4 5 6\n"


def read(name, *wanted):
    """The vectors of wanted words as lists."""
    found = read_vectors(Path(name), Wanted(wanted, normalize))
    return {word: [round(float(x), 6) for x in row] for word, row in found.rows.items()}


def refusal(name, *wanted):
    with pytest.raises(DataError) as caught:
        read(name, *wanted)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        f"3 3\n{ROWS}",
        f"\ufeff3 3\n{ROWS}\n\n",
        f"\ufeff{ROWS}".replace("\n", "\r\n"),
        f"3 3\n{ROWS}".replace("\n", " \n"),  # fastText ends its lines with a space
    ],
    ids=["glove", "word2vec", "byte order mark and blank lines", "Windows", "fasttext"],
)
def test_every_format_of_vectors_is_read(write, content, suffix):
    name = write(f"words.vec{suffix}", content)
    assert read(name, "the", "天", "dog") == {"the": [0.5, -1.0, 0.2], "天": [4.0, 5.0, 6.0]}
    assert read_vectors(Path(name), Wanted({"the"}, normalize)).rows["the"].dtype == np.float32


def test_words_may_have_spaces_and_other_separators_inside(write):
    name = write(
        "words.txt", ". . . 1 1\na\u2028b\x85c\x0bd\ufeff 2 2\nat home 3 3\n 4 4\nat 5 5\na\u00a0b 6 6\n"
    )
    assert read(name, "at", ".") == {"at": [5.0, 5.0]}
    assert read(name, ". . .", "a\u2028b\x85c\x0bd\ufeff", "at home", "") == {
        ". . .": [1.0, 1.0], "a\u2028b\x85c\x0bd\ufeff": [2.0, 2.0], "at home": [3.0, 3.0], "": [4.0, 4.0],
    }  # fmt: skip


def test_a_number_may_be_the_word_of_a_row(write):
    assert read(write("words.txt", "7 1 2\n0.5 3 4\n"), "7", "0.5") == {"7": [1.0, 2.0], "0.5": [3.0, 4.0]}


def test_an_equal_word_has_precedence_over_a_similar_one_and_the_first_row_over_later_ones(write):
    rows = "THE 1 1\nThe 2 2\nthe 3 3\nthe 4 4\nStraße 5 5\nSTRASSE 6 6\nＡ 7 7\n"
    assert read(write("words.txt", rows), "the", "strasse", "a") == {
        "the": [3.0, 3.0], "strasse": [5.0, 5.0], "a": [7.0, 7.0],
    }  # fmt: skip


def test_a_file_with_fewer_rows_than_its_first_line_states_is_refused(write):
    name = write("words.vec", "4 3\n" + ROWS)
    assert refusal(name, "the") == (
        "words.vec: promises 4 rows in its first line, but has 3: the download was cut off; get it again"
    )
    assert refusal(write("head.vec", "4 3\n"), "the").startswith("head.vec: promises 4 rows in its first")


def test_more_rows_than_the_first_line_states_are_read(write):
    assert read(write("words.vec", "1 3\n" + ROWS), "cat") == {"cat": [1.0, 2.0, 3.0]}


@pytest.mark.parametrize(
    ("row", "has"), [("cat 1 2", "2 numbers"), ("cat 1 2 3 4", "4 numbers"), ("cat", "0 numbers")]
)
@pytest.mark.parametrize("head", ["", "2 3\n"])
def test_a_row_of_another_width_is_refused_wanted_or_not(write, head, row, has):
    name = write("words.txt", f"{head}the 1 2 3\n{row}\n")
    line = 3 if head else 2
    assert refusal(name, "the") == (
        f"words.txt, line {line}: ends with {has}, but the vectors of this file have 3; the file is damaged; get it again"
    )


@pytest.mark.parametrize("number", ["x", "nan", "inf", "-inf", "1e999", "1e39", "", "0x1", "1,5"])
def test_a_wanted_row_with_a_value_that_is_not_finite_is_refused(write, number):
    name = write("words.txt", f"the 1 2 3\ncat 1 {number} 3\n")
    assert refusal(name, "cat") == (
        f'words.txt, line 2: the vector has "{number}", which is not a finite number; the file is damaged; get it again'
    )
    assert list(read(name, "the")) == ["the"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "w.txt: is empty; a line is a word and its numbers"),
        (" \n\n", "w.txt: is empty"),
        ("0 3\n", "w.txt: holds no vectors; a line is a word and its numbers"),
        ("Dear reader,\n", "w.txt, line 1: no vector; a line is a word and its numbers"),
        (
            gzip.compress(ROWS.encode(), mtime=0),
            "w.txt, line 1: it is compressed with gzip; let its name end in .gz",
        ),
        (
            b"PK\x03\x04\x14\0\0",
            "w.txt, line 1: it is a zip archive; let its name end in .npz or .zip, or unpack it",
        ),
        (struct.pack("<2i", 793712314, 12), "w.txt, line 1: it is a whole fastText model; use its .vec file"),
    ],
)
def test_a_file_without_vectors_is_refused(write, content, message):
    assert refusal(write("w.txt", content), "the").startswith(message)


def test_files_that_cannot_be_read_are_named(write):
    packed = gzip.compress("".join(f"w{n} {n} {n}\n" for n in range(5000)).encode())
    assert refusal(write("cut.gz", packed[: len(packed) // 2]), "w1").endswith("cut off here; copy it again")
    assert refusal(write("plain.gz", ROWS.encode()), "the").startswith(
        "plain.gz: is not compressed with gzip"
    )
    for use in (check_vectors, digest):
        with pytest.raises(DataError, match=r"^gone\.txt: cannot be read: No such file"):
            use(Path("gone.txt"))


def test_words_that_are_not_utf8_are_skipped_and_counted(write):
    path = Path(write("w.txt", b"the 1\n\xe9t\xe9 2\n\xff 3\ncat 4\n"))
    found = read_vectors(path, Wanted({"the", "cat"}, normalize))
    assert {word: row.tolist() for word, row in found.rows.items()} == {"the": [1.0], "cat": [4.0]}
    assert found.garbled == 2


def test_memory_does_not_grow_with_the_file(write):
    row = " ".join(["0.25"] * 100)
    name = write("large.txt", "".join(f"word{n} {row}\n" for n in range(8_000)))  # 4 MB
    tracemalloc.start()
    try:
        found = read_vectors(Path(name), Wanted({"word7", "word7999"}, normalize))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found.rows) == 2
    assert peak < 300_000


def test_the_digest_is_that_of_the_file(write):
    # printf 'abc' | sha256sum
    assert digest(Path(write("a.txt", "abc"))) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def _is_number(piece: str) -> bool:
    try:
        float(piece.encode())
    except ValueError:
        return False
    return True


# A word that ends with a number of its own cannot be told from a row that is too wide.
WORDS = st.text("ab1. \té天\u2028\x85\xa0\r\x1c", max_size=6).filter(
    lambda word: not any(_is_number(piece) for piece in word.split(" ")[1:])
)
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(data=st.data(), head=st.booleans(), packed=st.booleans(), width=st.integers(1, 5))
def test_vectors_written_as_text_are_read_exactly(tmp_path, data, head, packed, width):
    vectors = st.lists(NUMBERS, min_size=width, max_size=width)
    rows = data.draw(st.lists(st.tuples(WORDS, vectors), min_size=1, max_size=8))
    wanted = set(data.draw(st.lists(st.sampled_from([word for word, _ in rows])))) | {"zebra"}
    lines = [f"{len(rows)} {width}"] * head + [" ".join([word, *map(repr, row)]) for word, row in rows]
    content = "".join(f"{line}\n" for line in lines).encode()
    path = tmp_path / ("words.vec.gz" if packed else "words.vec")
    path.write_bytes(gzip.compress(content) if packed else content)
    expected = {word: row for word, row in reversed(rows) if word in wanted}  # the first of equals remains
    found = read_vectors(path, Wanted(wanted, str))
    assert {word: row.tolist() for word, row in found.rows.items()} == expected


@pytest.mark.long
def test_files_from_elsewhere_are_read(data_folder):
    path = data_folder / "vectors" / "glove.6B.50d.union.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        plain = {line.split(" ")[0]: [float(x) for x in line.split(" ")[1:]] for line in lines}
    found = read_vectors(path, Wanted({*list(plain)[::7], "no-such-word"}, normalize)).rows
    assert set(found) == set(list(plain)[::7])
    for word, row in found.items():
        np.testing.assert_allclose(row, plain[word], rtol=1e-6)
    characters = data_folder / "vectors" / "tencent_zh_chars.w2v.txt.gz"
    found = read_vectors(characters, Wanted({"天", "好", "龘龘"}, normalize)).rows
    assert {word: row.shape for word, row in found.items()} == {"天": (200,), "好": (200,)}
    with pytest.raises(DataError, match=r"promises 2,519,370 rows in its first line, but has 99"):
        read_vectors(data_folder / "vectors" / "truncated.vec.gz", Wanted({","}, normalize))
