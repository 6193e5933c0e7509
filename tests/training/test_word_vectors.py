"""Word vectors make words known and are the start of the word table, up to whole trainings on a few texts."""

import gzip
import hashlib

import numpy as np
import pytest
from support.tiny_training import fit_splits

from grutext.config import Config, TextConfig
from grutext.data import Example
from grutext.errors import DataError, TrainingError
from grutext.inference import Classifier
from grutext.model.initial import initial_arrays
from grutext.progress import Silent
from grutext.text import Vocabulary
from grutext.training.splits import Splits
from grutext.training.word_vectors import GAIN, TABLE, WordVectors, project, read_word_vectors

WORDS = ("wave", "salt", "owl", "fern", "tram")
FILE = "Wave 1 0 0 0 0\nowl 0 2 0 0 0\nowl 9 9 9 9 9\nunseen 7 7 7 7 7\nfern 0 0 -4 0 0\n"
CONFIG = {
    "gru.units": 4, "gru.embedding_size": 5, "text.subword_buckets": 50, "training.epochs": 2,
    "training.batch_size": 8, "linear.enabled": False,
}  # fmt: skip


class Notes(Silent):
    def __init__(self):
        self.heard = []

    def note(self, text):
        self.heard.append(text)


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "words.txt.gz"
    path.write_bytes(gzip.compress(FILE.encode(), mtime=0))
    return path


def read(path, words=WORDS, rare=(), listener=None, **settings):
    return read_word_vectors(path, Vocabulary(words), rare, TextConfig(**settings), listener or Silent())


def test_the_words_of_the_vocabulary_find_their_rows(vectors):
    notes = Notes()
    found = read(vectors, listener=notes)
    rows = {int(row): vector.tolist() for row, vector in zip(found.rows, found.vectors, strict=True)}
    assert rows == {1: [1, 0, 0, 0, 0], 3: [0, 2, 0, 0, 0], 4: [0, 0, -4, 0, 0], 6: [7, 7, 7, 7, 7]}
    assert found.vocabulary.tokens == (*WORDS, "unseen")
    assert notes.heard == [f"{vectors}: vectors for 3 of 5 words (60 %); known besides: 1 word"]
    assert found.origin == {
        "vectors": "words.txt.gz",
        "vectors_sha256": hashlib.sha256(vectors.read_bytes()).hexdigest(),
        "vectors_words": 4,
    }


@pytest.mark.parametrize(
    ("room", "added"),
    [(2, []), (3, ["elm"]), (4, ["elm", "of"]), (5, ["elm", "of", "the"]), (9, ["elm", "of", "the", "sky"])],
)
def test_rare_words_of_the_texts_join_before_the_first_words_of_the_file(tmp_path, room, added):
    path = tmp_path / "words.txt"
    path.write_text("of 1\nowl 2\nNew York 3\nThe 4\nsky 5\nelm 6\n", encoding="utf-8")
    found = read(path, ("owl", "salt"), ("owl", "elm", "reed"), max_vocabulary=room)
    assert found.vocabulary.tokens == ("owl", "salt", *added)
    held = {
        found.vocabulary.tokens[row - 1]: float(v[0])
        for row, v in zip(found.rows, found.vectors, strict=True)
    }
    every = {"owl": 2.0, "elm": 6.0, "of": 1.0, "the": 4.0, "sky": 5.0}
    assert held == {word: every[word] for word in ("owl", *added)}


def test_rows_without_a_vector_and_other_weights_stay_as_they_were(rng):
    before = {TABLE: rng.uniform(-0.05, 0.05, (6, 5)).astype(np.float32), "head/bias": np.ones(2)}
    kept = before[TABLE].copy()
    drawn = rng.normal(size=(3, 5)).astype(np.float32)
    after = WordVectors(Vocabulary(WORDS), np.array([1, 5, 3]), drawn, {}).placed(before)
    np.testing.assert_array_equal(after[TABLE][[0, 2, 4]], kept[[0, 2, 4]])
    np.testing.assert_array_equal(before[TABLE], kept)
    assert after["head/bias"] is before["head/bias"]
    factors = after[TABLE][[1, 5, 3]] / drawn
    assert np.ptp(factors) < 1e-6 * factors.max()  # one factor for all, so that long vectors stay long
    started = np.sqrt(np.mean(after[TABLE][[1, 5, 3]] ** 2))
    assert started == pytest.approx(GAIN * np.sqrt(np.mean(kept**2)), rel=1e-5)


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e30])
def test_vectors_of_any_length_give_finite_rows(size):
    before = {TABLE: np.full((2, 5), 0.05, np.float32)}
    vectors = np.full((1, 5), size, np.float32)
    placed = WordVectors(Vocabulary(["wave"]), np.array([1]), vectors, {}).placed(before)[TABLE]
    np.testing.assert_allclose(placed[1], GAIN * 0.05 if size else 0.0, rtol=1e-5)


def test_a_file_without_any_of_the_words_is_refused(vectors):
    for words in (("mer", "bois"), ()):
        with pytest.raises(DataError, match=rf"vectors for 0 of {len(words)} words of the training set; use"):
            read(vectors, words)


def test_narrower_vectors_leave_the_last_columns_as_they_were(rng):
    before = {TABLE: rng.uniform(-0.05, 0.05, (3, 5)).astype(np.float32)}
    vectors = rng.normal(size=(2, 3)).astype(np.float32)
    after = WordVectors(Vocabulary(["a", "b"]), np.array([1, 2]), vectors, {}).placed(before)[TABLE]
    np.testing.assert_array_equal(after[:, 3:], before[TABLE][:, 3:])
    factors = after[1:, :3] / vectors
    assert factors.min() > 0
    assert np.ptp(factors) < 1e-6 * factors.max()


def test_wider_vectors_are_projected_to_the_directions_in_which_they_differ_most(rng):
    vectors = (rng.normal(size=(40, 6)) * [1, 9, 3, 0.1, 0.2, 5] @ rng.normal(size=(6, 6))).astype(np.float32)
    narrow = project(vectors, 3)
    u, s, _ = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    expected = u[:, :3] * s[:3]  # up to the signs of the columns
    np.testing.assert_allclose(narrow @ narrow.T, expected @ expected.T, rtol=1e-4, atol=1e-3 * s[0])
    np.testing.assert_allclose(np.linalg.norm(narrow, axis=0), s[:3], rtol=1e-5)
    np.testing.assert_array_equal(
        project(-vectors, 3), -narrow
    )  # the sign of a direction is that of its values
    assert project(vectors, 6) is vectors
    assert project(vectors, 9) is vectors
    assert np.isfinite(project(np.zeros((4, 6), np.float32), 3)).all()


def test_skipped_rows_are_noted(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"wave 1 1 1 1 1\n\xe9t\xe9 1 1 1 1 1\n")
    notes = Notes()
    read(path, listener=notes)
    assert notes.heard[1:] == [f"{path}: rows skipped because their word is not UTF-8: 1"]


def examples(seed):
    rng = np.random.default_rng(seed)
    labels = ("sea", "wood")
    words = ("wave salt tram", "owl fern tram")
    return [
        Example(" ".join(rng.choice(words[n % 2].split(), 4)), (labels[n % 2],), "made.csv", n)
        for n in range(24)
    ]


def fit(vectors, checkpoint=None, resume=False, **settings):
    named = {name.replace("__", "."): value for name, value in settings.items()}
    config = Config().override(CONFIG | {"training.pretraining_epochs": 0} | named)
    splits = Splits(examples(1), examples(2), None, False, {"source": "made.csv"}, dev_is_split_off=False)
    return fit_splits(splits, config, vectors=vectors, checkpoint=checkpoint, resume=resume)


@pytest.mark.tf
@pytest.mark.parametrize("pretraining", [0, 2])
def test_a_training_starts_from_the_vectors(vectors, pretraining):
    # At this rate nothing moves within float16, so that the bundle shows the start.
    still = {
        "training__learning_rate": 1e-9,
        "training__epochs": 1,
        "training__pretraining_epochs": pretraining,
    }
    bundle = fit(vectors, **still)
    start = initial_arrays(bundle.config, len(bundle.vocabulary) + 1, 2)
    table = bundle.weights[TABLE].astype(np.float32)  # (V, E)
    row = {word: n for n, word in enumerate(bundle.vocabulary, start=1)}
    unit = table[row["wave"], 0]
    expected = start[TABLE].copy()
    held = {
        "wave": [1, 0, 0, 0, 0], "owl": [0, 2, 0, 0, 0], "fern": [0, 0, -4, 0, 0], "unseen": [7, 7, 7, 7, 7],
    }  # fmt: skip
    for word, vector in held.items():
        expected[row[word]] = unit * np.array(vector)
    assert unit > 0.005
    assert bundle.vocabulary[-1] == "unseen"
    np.testing.assert_allclose(table, expected, atol=2e-4)
    for name in set(start) - {TABLE}:
        np.testing.assert_allclose(bundle.weights[name], start[name], atol=1e-4)
    assert bundle.data["source"] == "made.csv"
    assert (bundle.data["vectors"], bundle.data["vectors_words"]) == ("words.txt.gz", 4)
    assert not any(key.startswith("vectors") for key in fit(None, **still).data)


@pytest.mark.tf
def test_a_training_resumes_with_the_same_vectors_only(vectors, tmp_path):
    often = {"training__checkpoint_seconds": 0}
    whole = fit(vectors, checkpoint=tmp_path / "c", **often)
    again = fit(vectors, checkpoint=tmp_path / "c", resume=True)
    np.testing.assert_array_equal(again.weights[TABLE], whole.weights[TABLE])
    other = tmp_path / "other.txt"
    other.write_text(FILE.replace("-4", "4"), encoding="utf-8")
    for wrong in (other, None):
        with pytest.raises(TrainingError, match="differs: the word vectors"):
            fit(wrong, checkpoint=tmp_path / "c", resume=True)


WORDS_OF = {"sea": [f"s{n}" for n in range(80)], "wood": [f"w{n}" for n in range(80)]}


def unseen_words(first, last):
    """Texts of two words, which occur in no other text, among words that say nothing."""
    rng = np.random.default_rng(first)
    texts = [
        (" ".join([*words[2 * n : 2 * n + 2], *rng.choice(["the", "of", "and"], 3)]), label)
        for label, words in WORDS_OF.items()
        for n in range(first, last)
    ]
    return [Example(text, (label,), "made.csv", n) for n, (text, label) in enumerate(texts)]


@pytest.fixture
def meanings(tmp_path):
    """A file in which words about the sea are alike, and so are those about the wood."""
    rng, path = np.random.default_rng(5), tmp_path / "meanings.txt"
    centers = {"the": (0, 1), "of": (0, 2), "and": (0, -1)}
    centers |= {
        word: (side, 0) for side, words in ((1, WORDS_OF["sea"]), (-1, WORDS_OF["wood"])) for word in words
    }
    rows = [
        f"{word} {x + rng.normal() / 9:.3f} {y + rng.normal() / 9:.3f} 0" for word, (x, y) in centers.items()
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_without_a_gru_the_linear_part_reads_the_vectors_of_words_that_the_training_texts_lack(meanings):
    splits = Splits(unseen_words(0, 15), unseen_words(15, 20), None, False, {}, dev_is_split_off=False)
    config = Config().override({"gru.enabled": False, "linear.char_max": 0, "linear.vector_size": 2})
    heard, tests = Notes(), unseen_words(20, 40)
    truth, texts = [example.labels[0] for example in tests], [example.text for example in tests]

    def right(vectors):
        bundle = fit_splits(splits, config, heard, vectors)
        return bundle, np.mean(np.array(Classifier(bundle).predict(texts)) == truth)

    bundle, share = right(meanings)
    assert share == 1.0
    assert right(None)[1] < 0.8
    assert bundle.weights["text_vectors/words"].shape == (len(bundle.vocabulary) + 1, 3)
    assert any(note.startswith("text vectors: those of the file and kept; of ") for note in heard.heard)
