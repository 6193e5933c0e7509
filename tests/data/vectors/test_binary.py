"""Word vectors in word2vec's binary format."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.data.limits import LONGEST_RECORD
from grutext.data.vectors import Wanted, check_vectors, read_vectors
from grutext.errors import DataError


def packed(rows, end=b"", promised=None):
    """A file as word2vec writes it; `rows` are pairs of a word and its numbers."""
    width = len(rows[0][1])
    body = b"".join(word + b" " + struct.pack(f"<{width}f", *numbers) + end for word, numbers in rows)
    return f"{len(rows) if promised is None else promised} {width}\n".encode() + body


ROWS = [(b"the", (0.5, -1.0, 0.1)), (b"cat", (1.0, 2.0, 3.0)), ("天".encode(), (4.0, 5.0, 6.0))]


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["gensim", "word2vec"])
@pytest.mark.parametrize("name", ["words.bin", "words.txt", "words.bin.gz"])
def test_a_binary_file_is_read_whatever_its_name(write, name, end):
    content = packed(ROWS, end)
    path = Path(write(name, gzip.compress(content) if name.endswith(".gz") else content))
    check_vectors(path)
    found = read_vectors(path, Wanted({"the", "天", "dog"}, str)).rows
    assert {word: row.tolist() for word, row in found.items()} == {
        "the": [0.5, -1.0, pytest.approx(0.1)], "天": [4.0, 5.0, 6.0],
    }  # fmt: skip
    assert found["the"].dtype == np.float32


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("cut", [1, 14, 20])
def test_a_file_that_was_cut_off_is_refused(write, end, cut):
    path = Path(write("words.bin", packed(ROWS, end)[: -cut - len(end)]))
    with pytest.raises(
        DataError, match=r"^words.bin: promises 3 rows in its first line, but has [12]: the download was cut"
    ):
        read_vectors(path, Wanted({"the"}, str))


def test_what_follows_the_promised_rows_is_not_read(write):
    path = Path(write("words.bin", packed(ROWS, promised=2)))
    assert set(read_vectors(path, Wanted({"the", "cat", "天"}, str)).rows) == {"the", "cat"}


def test_words_that_are_not_utf8_are_skipped_and_counted(write):
    path = Path(write("words.bin", packed([(b"\xe9t\xe9", (1.0, 2.0)), *((w, v[:2]) for w, v in ROWS)])))
    found = read_vectors(path, Wanted({"the"}, str))
    assert (list(found.rows), found.garbled) == (["the"], 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_wanted_row_with_a_value_that_is_not_finite_is_refused(write, value):
    path = Path(write("words.bin", packed([*ROWS, (b"dog", (1.0, value, 1.0))])))
    assert list(read_vectors(path, Wanted({"the"}, str)).rows) == ["the"]
    with pytest.raises(DataError, match=r'^words.bin: the vector of "dog" has a value that is not a finite'):
        read_vectors(path, Wanted({"dog"}, str))


@pytest.mark.parametrize(
    "content",
    [
        b"2 3\nthe " + struct.pack("<3f", 0.1, 0.2, 0.3) + b"a" * (LONGEST_RECORD + 10),
        b"2 99999999\nthe " + bytes(100),
    ],
    ids=["a word", "a row"],
)
@pytest.mark.long
def test_a_row_has_the_limit_of_a_record(write, content):
    path = Path(write("words.bin", content))
    with pytest.raises(DataError, match=rf"^words.bin, line [12]: is longer than {LONGEST_RECORD:,} bytes"):
        read_vectors(path, Wanted({"the"}, str))


@given(data=st.data(), width=st.integers(1, 5), end=st.sampled_from([b"", b"\n"]))
def test_vectors_written_in_binary_are_read_exactly(tmp_path, data, width, end):
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False).filter(lambda x: x < 0 or x > 1e-3)
    words = st.text("ab1.é天", max_size=6)
    row = st.tuples(words, st.lists(numbers, min_size=width, max_size=width))
    rows = data.draw(st.lists(row, min_size=1, max_size=8))
    path = tmp_path / "words.bin"
    # The first value has bytes that are no text, so that the format is certain.
    first = ("first", [-0.5] * width)
    path.write_bytes(packed([(word.encode(), numbers) for word, numbers in (first, *rows)], end))
    expected = dict(reversed([first, *rows]))  # the first of equals remains
    found = read_vectors(path, Wanted(set(expected), str)).rows
    assert {word: row.tolist() for word, row in found.items()} == expected
