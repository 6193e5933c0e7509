"""Word vectors in NumPy's `.npz`."""

from pathlib import Path

import numpy as np
import pytest

from grutext.data.vectors import Wanted, check_vectors, digest, read_vectors
from grutext.errors import DataError

WORDS = ["the", "cat", "天"]
MATRIX = np.array([[0.5, -1.0], [1.0, 2.0], [4.0, 5.0]])


def refusal(path):
    for use in (check_vectors, lambda path: read_vectors(path, Wanted({"the"}, str))):
        with pytest.raises(DataError) as caught:
            use(path)
        assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "words", [np.array(WORDS), np.array([word.encode() for word in WORDS])], ids=["str", "bytes"]
)
@pytest.mark.parametrize(
    "matrix", [MATRIX, np.asfortranarray(MATRIX), MATRIX.astype(">f4"), MATRIX.astype("f2")]
)
def test_arrays_of_any_names_are_read(tmp_path, save, words, matrix):
    path = tmp_path / "words.npz"
    save(path, index_to_word=words, syn0=matrix)
    check_vectors(path)
    found = read_vectors(path, Wanted({"the", "天", "dog"}, str)).rows
    assert {word: row.tolist() for word, row in found.items()} == {"the": [0.5, -1.0], "天": [4.0, 5.0]}
    assert found["the"].dtype == np.float32
    assert len(digest(path)) == 64


@pytest.mark.parametrize(
    ("arrays", "has"),
    [
        ({"words": np.array(WORDS)}, "has words (3,) <U3;"),
        ({"words": np.array(WORDS), "vectors": MATRIX[:2]}, "has words (3,) <U3, vectors (2, 2) float64;"),
        ({"words": np.array(WORDS), "vectors": MATRIX[:, :0]}, "has words (3,) <U3, vectors (3, 0) float64;"),
        ({"words": np.array(WORDS), "a": MATRIX, "b": MATRIX}, "a (3, 2) float64, b (3, 2) float64;"),
        ({"words": np.array(WORDS), "vectors": MATRIX.astype("c8")}, "vectors (3, 2) complex64;"),
        ({}, "has nothing;"),
    ],
)
def test_other_arrays_are_refused(tmp_path, arrays, has):
    np.savez(tmp_path / "words.npz", **arrays)
    problem = refusal(tmp_path / "words.npz")
    assert "needs one array of strings, (rows,), and one of numbers, (rows, width), but has" in problem
    assert has in problem


def test_python_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "words.npz", words=np.array(WORDS, object), vectors=MATRIX)
    assert "has an array of Python objects, which are not read because they can contain code" in refusal(
        tmp_path / "words.npz"
    )


def test_files_that_are_no_npz_or_damaged_are_refused(tmp_path):
    path = tmp_path / "words.npz"
    np.savez(path, words=np.array(WORDS), vectors=MATRIX)
    whole = path.read_bytes()
    for content in (b"", b"the 1 2\n", whole[:-30], whole[: len(whole) // 2]):
        path.write_bytes(content)
        assert "is not a .npz file, or is damaged" in refusal(path)
    path.write_bytes(whole.replace(b"(3, 2)", b"(9, 2)"))
    assert "is not a .npz file, or is damaged" in refusal(path)


def test_a_wanted_row_with_a_value_that_is_not_finite_is_refused(tmp_path):
    path = tmp_path / "words.npz"
    np.savez(path, words=np.array(WORDS), vectors=np.array([[1.0, 2.0], [1.0, np.nan], [1e99, 0.0]]))
    assert list(read_vectors(path, Wanted({"the"}, str)).rows) == ["the"]
    for word in WORDS[1:]:
        with pytest.raises(
            DataError, match=f'the vector of "{word}" has a value that is not a finite number'
        ):
            read_vectors(path, Wanted({word}, str))


def test_a_missing_file_is_named():
    with pytest.raises(DataError, match=r"^gone\.npz: cannot be read: No such file"):
        read_vectors(Path("gone.npz"), Wanted({"the"}, str))
