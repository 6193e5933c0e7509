"""Several corpora that are read as one: each text once, all parts from beginning to end."""

import numpy as np

from grutext.config import Config
from grutext.text import Vectorizer
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.mixed import MixedCorpus

PARTS = [[f"w{n} a" for n in range(40)], [f"v{n} b c" for n in range(160)]]


def parts():
    config = Config().override({"text.min_count": 1})
    vectorizer = Vectorizer.fit([text for part in PARTS for text in part], config.text)
    corpora = [
        VectorizedCorpus(vectorizer.vectorize(part), np.zeros((len(part), 0), np.float32)) for part in PARTS
    ]
    return MixedCorpus(corpora), vectorizer.vocabulary


def read(mixed, vocabulary, seed):
    """The words of each text, batch by batch."""
    batches = []
    for batch in mixed.shuffled(8, 1_000, 0.0, np.random.default_rng(seed)):
        words = np.array(["", *vocabulary.tokens])[batch["word_rows"][batch["type_words"]]]
        rows = zip(batch["ids"], batch["lengths"], strict=True)
        batches.append([" ".join(words[ids[:length]]) for ids, length in rows])
    return batches


def test_each_text_is_read_once():
    mixed, vocabulary = parts()
    assert (mixed.texts, mixed.size) == (200, 40 * 2 + 160 * 3)
    found = read(mixed, vocabulary, 1)
    assert sorted(text for batch in found for text in batch) == sorted(PARTS[0] + PARTS[1])
    assert found == read(mixed, vocabulary, 1)
    assert found != read(mixed, vocabulary, 2)


def test_all_parts_are_spread_over_the_epoch():
    mixed, vocabulary = parts()
    places = []
    for seed in range(40):
        is_first = [batch[0].endswith(" a") for batch in read(mixed, vocabulary, seed)]
        places.extend(np.flatnonzero(is_first) / len(is_first))
    assert abs(np.mean(places) - 0.48) < 0.06
    assert np.std(places) > 0.25
