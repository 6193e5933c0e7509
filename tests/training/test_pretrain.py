"""A base of texts without labels, and trainings that start from it."""

from dataclasses import replace

import numpy as np
import pytest
from support.stopped_training import StopAt
from support.tiny_training import TINY, TRAIN, Recorder

import grutext
from grutext.config import Config
from grutext.errors import BundleError, ConfigError, TrainingError
from grutext.model.bundle import Bundle, weights_digest
from grutext.text import Vocabulary
from grutext.training.base import Base

SETTINGS = TINY | {"training.pretraining_epochs": 3}
TEXTS = [f"{example.text} kelp reef" for example in TRAIN]
LABELLED = ([example.text for example in TRAIN], [example.labels[0] for example in TRAIN])


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases") / "base"
    grutext.pretrain(TEXTS, folder, settings=SETTINGS)
    return folder


def train(base, settings=(), unlabelled=None, **others):
    data = grutext.TrainingData(LABELLED, base=base, unlabelled=unlabelled)
    named = {name: value for name, value in TINY.items() if name.startswith(("gru.", "training."))}
    del named["training.pretraining_epochs"]
    settings = named | {"linear.enabled": False, "training.epochs": 1} | dict(settings)
    return grutext.train(data, settings=settings, **others)


@pytest.mark.long
def test_a_base_has_words_and_their_vectors_and_no_labels(base, tmp_path):
    bundle = Bundle.load(base, base=True)
    assert bundle.labels == ()
    assert {"kelp", "reef", "wave"} <= set(bundle.vocabulary)
    assert set(bundle.weights) == {"embedding/words", "embedding/subwords"}
    assert bundle.data["unlabelled_texts"] == len(TRAIN)
    again = grutext.pretrain(iter(TEXTS), tmp_path / "again", settings=SETTINGS).bundle
    assert weights_digest(again) == weights_digest(bundle)
    other = grutext.pretrain(TEXTS, tmp_path / "other", settings=SETTINGS | {"training.seed": 2}).bundle
    assert weights_digest(other) != weights_digest(bundle)


@pytest.mark.long
def test_a_base_cannot_predict(base):
    with pytest.raises(BundleError, match="is a base and knows no labels; train a model from it"):
        grutext.Classifier.load(base)


@pytest.mark.long
def test_a_base_with_other_arrays_than_the_embedding_is_refused(base, tmp_path):
    bundle = Bundle.load(base, base=True)
    more = bundle.weights | {"head/bias": np.zeros(0, np.float32)}
    with pytest.raises(BundleError, match="head/bias is unknown"):
        replace(bundle, weights=more).save(tmp_path / "more")
    less = {"embedding/words": bundle.weights["embedding/words"]}
    with pytest.raises(BundleError, match="embedding/subwords is missing"):
        replace(bundle, weights=less).save(tmp_path / "less")


@pytest.mark.long
def test_a_training_starts_from_the_words_and_vectors_of_its_base(base):
    found, heard = Base.load(base), Recorder()
    words, tables = found.bundle.vocabulary, found.bundle.weights
    start = found.start(Vocabulary(["wave", "zebra", "yak"]), len(words) + 1, heard)
    assert start.vocabulary.tokens == (*words, "zebra")
    assert heard.notes == [f"{base}: {len(words):,} words and their vectors; known besides: 1 word"]
    fresh = {
        "embedding/words": np.full((len(words) + 2, 8), 7, np.float32),
        "embedding/subwords": np.full((200, 8), 7, np.float32),
        "head/bias": np.full(3, 7, np.float32),
    }
    placed = start.placed(fresh)
    np.testing.assert_array_equal(
        placed["embedding/words"][:-1], tables["embedding/words"].astype(np.float32)
    )
    assert (placed["embedding/words"][-1] == 7).all(), "of a word that the base lacks"
    np.testing.assert_array_equal(
        placed["embedding/subwords"], tables["embedding/subwords"].astype(np.float32)
    )
    assert placed["head/bias"] is fresh["head/bias"]


@pytest.mark.long
def test_a_training_from_a_base_pretrains_only_on_texts_of_its_own(base):
    heard = Recorder()
    bundle = train(base, {"training.learning_rate": 1e-9}, listener=heard).bundle
    words = Bundle.load(base, base=True)
    assert bundle.vocabulary[: len(words.vocabulary)] == words.vocabulary
    rows = bundle.weights["embedding/words"][: len(words.vocabulary) + 1].astype(np.float32)
    np.testing.assert_allclose(rows, words.weights["embedding/words"].astype(np.float32), atol=1e-3)
    assert bundle.config.text == replace(words.config.text, min_count=bundle.config.text.min_count), (
        "its tokenizer"
    )
    assert (bundle.data["base"], bundle.data["base_sha256"]) == ("base", Base.load(base).sha256)
    assert not any(note.startswith("pretraining") for note in heard.notes)
    again = Recorder()
    train(base, unlabelled=["zebra yak zebra yak"] * 3, listener=again)
    assert any(note.startswith("pretraining: read") for note in again.notes)


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"gru.embedding_size": 5},
            r"was made with gru\.embedding_size=8, but gru\.embedding_size is 5; leave the setting out",
        ),
        ({"text.tokenizer": "character"}, r"text\.tokenizer=word, but text\.tokenizer is character"),
        ({"gru.enabled": False, "linear.enabled": True}, r"a base is for the GRU part"),
    ],
)
def test_settings_that_do_not_fit_the_base_are_an_error(base, settings, message):
    with pytest.raises(ConfigError, match=message):
        train(base, settings)


@pytest.mark.long
def test_only_a_base_alone_is_a_base(base, tmp_path):
    model = train(base).bundle
    model.save(tmp_path / "model")
    with pytest.raises(BundleError, match="model is a model, not a base"):
        train(tmp_path / "model")
    with pytest.raises(BundleError, match="nowhere does not exist"):
        train(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="a base and word vectors cannot be combined"):
        train(base, vectors=tmp_path / "words.vec")


@pytest.mark.long
def test_a_pretraining_resumes_to_the_same_bytes(base, tmp_path):
    target = grutext.TrainingTarget(tmp_path / "base", resume=True)
    with pytest.raises(KeyboardInterrupt, match="the same command with --resume continues it"):
        grutext.pretrain(TEXTS, target, settings=SETTINGS, listener=StopAt(2))
    assert not target.folder.exists()
    with pytest.raises(TrainingError, match="differs: the texts without labels"):
        grutext.pretrain(TEXTS[1:], target, settings=SETTINGS)
    outcome = grutext.pretrain(TEXTS, target, settings=SETTINGS)
    assert not outcome.was_finished
    assert weights_digest(outcome.bundle) == weights_digest(Bundle.load(base, base=True))
    assert grutext.pretrain(TEXTS, target, settings=SETTINGS).was_finished
    with pytest.raises(TrainingError, match=r"the finished base of other texts or settings: training\.seed"):
        grutext.pretrain(TEXTS, target, settings=SETTINGS | {"training.seed": 2})


@pytest.mark.long
def test_a_training_is_not_resumed_with_another_base(base, tmp_path):
    target = grutext.TrainingTarget(tmp_path / "model", resume=True)
    train(base, model=target)
    assert train(base, model=target).was_finished
    other = grutext.pretrain(TEXTS, tmp_path / "other", settings=SETTINGS | {"training.seed": 2}).folder
    with pytest.raises(TrainingError, match="a training that differs: the base"):
        train(other, model=target)


@pytest.mark.parametrize("settings", [{"gru.enabled": False}, {"training.pretraining_epochs": 0}])
def test_without_a_gru_part_or_pretraining_there_is_no_base(tmp_path, settings):
    with pytest.raises(ConfigError, match="a base is for the GRU part"):
        grutext.pretrain(TEXTS, tmp_path / "base", settings=settings)
    assert Config().training.pretraining_epochs == -1
