"""Which rows of a file are read: those of wanted words, and the first of the others."""

from pathlib import Path

import pytest

from grutext.data.vectors import Wanted, read_vectors
from grutext.text import TOKENIZERS, normalize

ROWS = "The 1\nof 2\nNew York 3\nthe 4\nof 5\nwave 6\nCat 7\nfern 8\ncat 9\nOf 10\nOwl 11\n"


def read(write, *wanted, more=0, rows=ROWS):
    def is_token(word):
        return TOKENIZERS["word"](word) == [word]

    path = Path(write("words.txt", rows))
    found = read_vectors(path, Wanted(dict.fromkeys(wanted), normalize, more, is_token)).rows
    return {word: float(row[0]) for word, row in found.items()}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (0, {"fern": 8.0}),
        (1, {"the": 4.0, "fern": 8.0}),
        (2, {"the": 4.0, "of": 2.0, "fern": 8.0}),
        (3, {"the": 4.0, "of": 2.0, "wave": 6.0, "fern": 8.0}),
        (4, {"the": 4.0, "of": 2.0, "wave": 6.0, "cat": 9.0, "fern": 8.0}),
        (9, {"the": 4.0, "of": 2.0, "wave": 6.0, "cat": 9.0, "fern": 8.0, "owl": 11.0}),
    ],
)
def test_the_first_words_of_the_file_are_read_besides_the_wanted_ones(write, more, expected):
    # A row of just this word counts more than one of another case, and two words are not a token.
    found = read(write, "fern", "unseen", more=more)
    assert found == expected
    assert list(found) == [word for word in ("the", "of", "wave", "cat", "fern", "owl") if word in expected]


def test_wanted_words_do_not_count_as_others(write):
    assert read(write, "the", "of", "wave", more=1) == {"the": 4.0, "of": 2.0, "wave": 6.0, "cat": 9.0}


def test_a_wanted_word_need_not_be_a_token(write):
    assert read(write, "new york") == {"new york": 3.0}
