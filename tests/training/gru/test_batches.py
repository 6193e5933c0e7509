import numpy as np
import pytest

from grutext.config import TextConfig
from grutext.data import Example
from grutext.text import UNKNOWN, Vectorizer, Vocabulary
from grutext.training.gru.batches import VectorizedCorpus, _distinct, cut, one_hot, soft_targets


def corpus_of(lengths, seed=0):
    rng = np.random.default_rng(seed)
    words = [f"w{n}" for n in range(50)]
    texts = [" ".join(rng.choice(words, length)) for length in lengths]
    vectorizer = Vectorizer(TextConfig(subword_buckets=97), Vocabulary(words[:30]))
    return texts, VectorizedCorpus(
        vectorizer.vectorize(texts), np.eye(2, dtype=np.float32)[rng.integers(0, 2, len(texts))]
    )


def test_a_batch_gives_back_the_tokens_words_and_subwords_of_its_texts():
    texts, corpus = corpus_of([3, 0, 7, 1])
    places = np.array([2, 1, 0])
    batch = corpus.batch(places, corpus.tokens.rows)
    vectorizer = Vectorizer(TextConfig(subword_buckets=97), Vocabulary([f"w{n}" for n in range(30)]))
    assert batch["ids"].shape == (3, 7)
    assert batch["lengths"].tolist() == [7, 0, 3]
    for row, place in enumerate(places):
        alone = vectorizer.vectorize([texts[place]])
        for t, token in enumerate(texts[place].split()):
            kind = batch["ids"][row, t]
            assert batch["word_rows"][batch["type_words"][kind]] == vectorizer.vocabulary.row(token)
            mine = batch["bucket_rows"][batch["type_buckets"][batch["type_of_bucket"] == kind]]
            place_of = alone.types.index(token)
            first = alone.bucket_counts[:place_of].sum()
            assert mine.tolist() == alone.buckets[first : first + alone.bucket_counts[place_of]].tolist()
    assert len(set(batch["word_rows"].tolist())) == len(batch["word_rows"]), "a row is updated once a step"
    assert len(set(batch["bucket_rows"].tolist())) == len(batch["bucket_rows"])


def test_every_text_is_in_one_batch_of_an_epoch():
    _, corpus = corpus_of(np.random.default_rng(1).integers(0, 40, 333))
    corpus.targets = np.arange(333, dtype=np.float32)[:, None]
    batches = list(corpus.shuffled(16, 200, 0.0, np.random.default_rng(2)))
    assert sorted(np.concatenate([b["targets"][:, 0] for b in batches])) == list(range(333))
    for batch in batches:
        assert len(batch["lengths"]) <= 16
        assert batch["ids"].size <= 200 or len(batch["lengths"]) == 1
    in_order = [place for part, _ in corpus.in_order(16, 200) for place in part]
    assert sorted(in_order) == list(range(333))


def test_the_generator_decides_the_order():
    _, corpus = corpus_of([5] * 40)
    first, again, other = (
        [b["ids"].tobytes() for b in corpus.shuffled(8, 1000, 0.1, np.random.default_rng(seed))]
        for seed in (3, 3, 4)
    )
    assert first == again != other


def test_a_text_longer_than_the_budget_is_a_batch_of_its_own():
    lengths = np.array([2, 3, 50, 60], np.int32)
    parts = [part.tolist() for part in cut(np.arange(4), lengths, batch_size=8, token_budget=20)]
    assert parts == [[0, 1], [2], [3]]


def test_an_epoch_reads_a_window_of_a_long_text_and_another_one_the_next_time():
    lengths = [3, 0, 40, 8, 9]
    _, corpus = corpus_of(lengths)
    windowed = VectorizedCorpus(corpus.tokens, np.arange(5, dtype=np.float32)[:, None], window=8)
    assert windowed.size == 3 + 0 + 8 + 8 + 8
    whole = np.split(corpus.tokens.ids, np.cumsum(lengths)[:-1])
    places = set()
    for seed in range(40):
        batches = list(windowed.shuffled(2, 100, 0.0, np.random.default_rng(seed)))
        seen = {}
        for batch in batches:
            types = windowed.tokens.rows
            for row, (number, length) in enumerate(
                zip(batch["targets"][:, 0], batch["lengths"], strict=True)
            ):
                rows = batch["word_rows"][batch["type_words"]][batch["ids"][row, :length]]
                seen[int(number)] = rows.tolist()
        assert {number: len(rows) for number, rows in seen.items()} == {0: 3, 1: 0, 2: 8, 3: 8, 4: 8}
        for number, rows in seen.items():
            text = types[whole[number]].tolist()
            starts = [n for n in range(len(text) - len(rows) + 1) if text[n : n + len(rows)] == rows]
            assert starts
            if number in (2, 4):
                places.add((number, starts[0]))
    assert {place for number, place in places if number == 4} == {0, 1}
    assert len(places) > 15
    assert min(place for number, place in places if number == 2) < 4
    assert max(place for number, place in places if number == 2) > 28
    everything = np.concatenate([batch["lengths"] for _, batch in windowed.in_order(2, 100)])
    assert sorted(everything) == sorted(lengths), "what is measured is read whole"


def test_windows_leave_the_order_of_shorter_texts_alone():
    _, corpus = corpus_of([5] * 40)
    windowed = VectorizedCorpus(corpus.tokens, corpus.targets, window=8)
    first, second = (
        [b["ids"].tobytes() for b in each.shuffled(8, 1000, 0.1, np.random.default_rng(3))]
        for each in (corpus, windowed)
    )
    assert first == second


def test_word_dropout_reads_known_words_as_unknown():
    _, corpus = corpus_of([30] * 64)
    known = [np.mean(corpus.tokens.rows != UNKNOWN)]
    batches = list(corpus.shuffled(64, 10_000, 0.5, np.random.default_rng(0)))
    seen = np.concatenate([b["word_rows"][b["type_words"]] for b in batches])
    assert 0.2 * known[0] < np.mean(seen != UNKNOWN) < 0.8 * known[0]


def test_soft_targets_are_probabilities_of_the_known_labels():
    uncertain = Example("t", ("a",), "x", 1, probabilities={"a": 0.6, "b": 0.3, "z": 0.1})
    found = soft_targets([uncertain, Example("u", ("b",), "x", 2)], ["a", "b"])
    np.testing.assert_allclose(found, [[0.6, 0.3], [0, 1]])


def test_one_hot_has_a_column_for_each_known_label_and_ignores_others():
    assert one_hot([("b",), ("a", "c"), (), ("z",)], ["a", "b", "c"]).tolist() == [
        [0, 1, 0],
        [1, 0, 1],
        [0, 0, 0],
        [0, 0, 0],
    ]


@pytest.mark.long
@pytest.mark.parametrize("name", ["trec6", "sst2", "banking77", "chnsenticorp", "cr", "tweeteval_emotion"])
def test_padding_stays_under_ten_percent_on_real_texts(name, real_texts):
    texts = real_texts(name)
    corpus = VectorizedCorpus(
        Vectorizer(TextConfig(), Vocabulary([])).vectorize(texts), np.zeros((len(texts), 1), np.float32)
    )
    batches = list(corpus.shuffled(128, 32_768, 0.0, np.random.default_rng(0)))
    tokens = sum(int(batch["lengths"].sum()) for batch in batches)
    assert 1 - tokens / sum(batch["ids"].size for batch in batches) < 0.10


@pytest.mark.parametrize("bound", [30, 100_000])
@pytest.mark.parametrize("count", [0, 1, 200])
def test_distinct_values_and_their_places_are_those_of_numpy(count, bound):
    values = np.random.default_rng(count).integers(0, 30, count).astype(np.int32)
    for mine, other in zip(_distinct(values, bound), np.unique(values, return_inverse=True), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_share_of_the_texts_is_cut_to_its_beginning_and_the_others_are_read_as_before():
    lengths = [9] * 400
    _, corpus = corpus_of(lengths)
    corpus = VectorizedCorpus(corpus.tokens, np.arange(400, dtype=np.float32)[:, None])
    read = {}
    for batch in corpus.shuffled(64, 10_000, 0.0, np.random.default_rng(3), prefixes=0.5):
        for row, number in enumerate(batch["targets"][:, 0].astype(int)):
            read[number] = batch["word_rows"][batch["type_words"][batch["ids"][row, : batch["lengths"][row]]]]
    whole = np.split(corpus.tokens.rows[corpus.tokens.ids], np.cumsum(lengths)[:-1])
    assert sorted(read) == list(range(400))
    assert all(
        len(rows) and np.array_equal(rows, whole[number][: len(rows)]) for number, rows in read.items()
    )
    sizes = np.array([len(rows) for rows in read.values()])
    assert 0.35 < np.mean(sizes < 9) < 0.55  # half of them, of which one in nine is cut after the last token
    assert set(sizes) == set(range(1, 10))
