"""A training on a few made-up texts that takes a second, for the tests of this folder."""

import numpy as np

from grutext.config import Config
from grutext.data import Example
from grutext.progress import Silent
from grutext.text import text_key
from grutext.training.folds import Folds
from grutext.training.splits import Splits

TINY = {
    "gru.units": 8, "gru.embedding_size": 8, "text.subword_buckets": 200, "training.epochs": 4, "training.pretraining_epochs": 0,
    "training.batch_size": 8, "training.learning_rate": 0.01, "training.adversarial_radius": 0.0,
    "linear.vector_size": 0,
}  # fmt: skip
WORDS = {
    "sea": "wave salt sail harbour tide fish",
    "wood": "tree leaf moss owl path fern",
    "town": "street tram",
}


def examples(count, seed):
    rng = np.random.default_rng(seed)
    made = []
    for n in range(count):
        label = sorted(WORDS)[n % 3]
        words = rng.choice([*WORDS[label].split(), "the", "a", "old", "and"], rng.integers(0, 12))
        made.append(Example(" ".join(words), (label,), "made.csv", n + 2))
    return made


TRAIN, DEV = examples(90, 1), examples(30, 2)


def fit(
    train_part=TRAIN,
    dev=DEV,
    multilabel=False,
    listener=None,
    checkpoint=None,
    resume=False,
    refit=False,
    vectors=None,
    unlabelled=None,
    **settings,
):
    """Trains on examples, or on shards, with or without texts without labels; `section__key` is a setting."""
    named = {name.replace("__", "."): value for name, value in settings.items()}
    data = {"source": "made.csv"}
    splits = Splits(train_part, dev, None, multilabel, data, dev_is_split_off=refit, unlabelled=unlabelled)
    return fit_splits(splits, Config().override(TINY | named), listener, vectors, checkpoint, resume)


def fit_folds(examples=TRAIN, multilabel=False, listener=None, checkpoint=None, resume=False, **settings):
    """Trains on examples in folds; `section__key` is a setting."""
    named = {name.replace("__", "."): value for name, value in settings.items()}
    folds = Folds.deal(examples, 1, [text_key(example.text) for example in examples])
    held_out = [examples[n] for n in folds.held_out]
    splits = Splits(examples, held_out, None, multilabel, {"source": "made.csv"}, False, folds=folds)
    return fit_splits(splits, Config().override(TINY | named), listener, None, checkpoint, resume)


def fit_splits(splits, config, listener=None, vectors=None, checkpoint=None, resume=False):
    from grutext.training.budget import TimeBudget
    from grutext.training.fit import TrainingRun, fit_bundle
    from grutext.training.plan import plan_training, prepare_engine

    listener = listener or Silent()
    budget = TimeBudget(config.training.time_budget)
    plan = prepare_engine(plan_training(splits, config, listener, vectors), splits.test, listener, budget)
    return fit_bundle(plan, TrainingRun(listener, budget, vectors, checkpoint, resume))


class Recorder(Silent):
    def __init__(self, stop_after=None):
        self.notes, self.records, self.ended, self.stop_after = [], [], 0, stop_after

    def note(self, text):
        self.notes.append(text)

    def epoch(self, record):
        self.records.append(record)

    def step(self, epoch, tokens, loss):
        if self.stop_after is not None and epoch > self.stop_after:
            raise KeyboardInterrupt

    def end(self):
        self.ended += 1
