"""Training on texts that lie in files: the same texts reach the model, in memory that does not grow with them."""

from dataclasses import replace

import numpy as np
import pytest
from support import tiny_training
from support.tiny_training import DEV, TINY, TRAIN, Recorder, examples

from grutext.config import Config
from grutext.data.on_disk import DiskOptions, collect
from grutext.inference import Classifier
from grutext.model.bundle import weights_digest
from grutext.text import Vectorizer
from grutext.training.gru import shards as module
from grutext.training.gru.batches import VectorizedCorpus, one_hot
from grutext.training.gru.shards import ShardedCorpus

LABELS = ("sea", "town", "wood")


@pytest.fixture
def to_shards(tmp_path, monkeypatch):
    """Puts examples into files of a few blocks each."""
    monkeypatch.setattr(module, "_BLOCK_CHARACTERS", 60)
    monkeypatch.setattr("grutext.data.on_disk._FILES", 5)
    return lambda part: collect(iter(part), DiskOptions(0, tmp_path / "texts", 1, 0.0)).on_disk


@pytest.fixture
def vectorizer():
    return Vectorizer.fit([e.text for e in TRAIN], Config().override(TINY).text)


def contents(batches, vectorizer):
    """Return what each text of the batches consists of, whatever the numbering of the types."""
    found = []
    for batch in batches:
        owners = np.repeat(
            np.arange(len(batch["type_words"])),
            np.bincount(batch["type_of_bucket"], minlength=len(batch["type_words"])),
        )
        for n, length in enumerate(batch["lengths"]):
            words = batch["word_rows"][batch["type_words"][batch["ids"][n, :length]]]
            pieces = [
                sorted(batch["bucket_rows"][batch["type_buckets"][owners == i]].tolist())
                for i in batch["ids"][n, :length]
            ]
            found.append((words.tolist(), pieces, batch["targets"][n].tolist()))
    return found


def test_each_text_comes_once_as_in_memory(to_shards, vectorizer):
    sharded = ShardedCorpus(to_shards(TRAIN), vectorizer, LABELS, 0, 0, seed=1)
    targets = one_hot([e.labels for e in TRAIN], LABELS)
    whole = VectorizedCorpus(vectorizer.vectorize([e.text for e in TRAIN]), targets)
    wanted = sorted(contents(whole.shuffled(8, 1000, 0.0, np.random.default_rng(1)), vectorizer))
    for _ in range(2):  # vectorized, and memory-mapped
        assert (
            sorted(contents(sharded.shuffled(8, 1000, 0.0, np.random.default_rng(2)), vectorizer)) == wanted
        )
    assert sharded.texts == whole.texts
    np.testing.assert_array_equal(sharded.label_counts, whole.label_counts)


def test_an_epoch_depends_on_its_generator_alone(to_shards, vectorizer):
    sharded = ShardedCorpus(to_shards(TRAIN), vectorizer, LABELS, 4, 0, seed=1)

    def epoch(seed):
        return contents(sharded.shuffled(8, 1000, 0.3, np.random.default_rng(seed)), vectorizer)

    first = epoch(5)
    assert epoch(6) != first
    assert epoch(5) == first
    assert max(len(words) for words, _, _ in first) == 4, "the window"


def test_a_file_that_was_left_half_read_is_read_again(to_shards, vectorizer):
    shards = to_shards(TRAIN)
    sharded = ShardedCorpus(shards, vectorizer, LABELS, 0, 0, seed=1)
    blocks = sharded.blocks(0)
    next(blocks)
    blocks.close()
    batches = sharded.shuffled(8, 1000, 0.0, np.random.default_rng(1))
    assert sum(len(batch["lengths"]) for batch in batches) == len(TRAIN)


def fit(part, **others):
    return tiny_training.fit(part, training__checkpoint_seconds=0, training__pretraining_epochs=2, **others)


@pytest.mark.tf
@pytest.mark.parametrize("phase", ["pretraining", "epoch"])
def test_a_training_from_files_learns_and_resumes_to_the_same_bytes(to_shards, tmp_path, phase):
    part = examples(300, 1)
    whole = fit(to_shards(part), refit=True)
    assert whole.metrics["dev"]["accuracy"] > 0.8
    assert whole.data["train"] == 300
    assert "refit" not in whole.data

    class Stop(Recorder):
        steps = 0

        def begin(self, epochs, tokens_per_epoch, name="epoch"):
            self.phase = name

        def step(self, epoch, tokens, loss):
            self.steps += epoch == 2 and self.phase == phase
            if self.steps == 9:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(to_shards(part), checkpoint=tmp_path / "c", listener=Stop())
    resumed = fit(to_shards(part), checkpoint=tmp_path / "c", resume=True)
    assert weights_digest(resumed) == weights_digest(whole)


@pytest.mark.long
@pytest.mark.parametrize("multilabel", [False, True])
def test_the_linear_part_learns_from_files_and_keeps_its_time(to_shards, vectorizer, multilabel):
    from grutext.training.linear.fit import LinearTask
    from grutext.training.linear.out_of_core import fit_out_of_core

    part = examples(900, 1)
    corpus = ShardedCorpus(to_shards(part), vectorizer, LABELS, 0, 0, seed=1)
    settings = Config().override(TINY | {"linear.regularization": 0.5}).linear

    def margins(seconds):
        task = LinearTask(vectorizer, settings, multilabel, 1, np.ones(3, np.float32))
        found = fit_out_of_core(corpus, task, seconds=seconds)
        from grutext.inference.linear_part import LinearPart

        dev = vectorizer.vectorize([e.text for e in DEV])
        return found.rows, LinearPart(settings, found.arrays).margins(dev)

    rows, scores = margins(None)
    truth = one_hot([e.labels for e in DEV], LABELS)
    assert rows == 900
    assert np.mean(truth[np.arange(len(DEV)), scores.argmax(axis=1)]) > 0.8
    if multilabel:
        assert np.mean((scores > 0) == (truth > 0)) > 0.8
    rows, _ = margins(0.0)
    assert 0 < rows < 900


@pytest.mark.long
def test_a_label_that_all_texts_in_files_have_is_always_predicted(to_shards, vectorizer):
    from grutext.training.linear.fit import LinearTask
    from grutext.training.linear.out_of_core import fit_out_of_core

    part = [replace(example, labels=("sea", "wood")) for example in examples(60, 1)]
    part[0] = replace(part[0], labels=("sea",))
    corpus = ShardedCorpus(to_shards(part), vectorizer, LABELS, 0, 0, seed=1)
    settings = Config().override(TINY | {"linear.regularization": 0.5}).linear
    task = LinearTask(vectorizer, settings, True, 1, np.ones(3, np.float32))
    fit = fit_out_of_core(corpus, task)
    assert fit.arrays["linear/bias"][:2].tolist() == [1, -1]
    assert not fit.arrays["linear/kernel"][:, :2].any()
    assert fit.arrays["linear/kernel"][:, 2].any()


@pytest.mark.tf
def test_a_model_trained_from_files_predicts(to_shards, tmp_path):
    bundle = fit(to_shards(TRAIN))
    bundle.save(tmp_path / "model")
    assert Classifier.load(tmp_path / "model").predict(["salt tide and fish"]) == ["sea"]
