"""What the data decide where nobody else does."""

import dataclasses
from dataclasses import replace

import pytest

from grutext.config import Config
from grutext.training.defaults import CorpusStatistics, describe, measure, resolve

SENTENCE = "the parcel never came, where is it"  # 8 tokens


def shape(**changes):
    return dataclasses.replace(CorpusStatistics(texts=5_000, words=12, tokens=60_000, labels=4), **changes)


def test_the_shape_counts_texts_words_and_labels():
    texts = [SENTENCE] * 60 + ["ok"] * 40
    assert measure(texts, 7) == CorpusStatistics(texts=100, words=8, tokens=520, labels=7)
    assert measure([], 2) == CorpusStatistics(texts=0, words=0, tokens=0, labels=2)
    assert measure(["天气很好 ok", "fine"], 2).unspaced
    assert not measure(["天气很好", SENTENCE], 2).unspaced


def test_of_a_long_text_the_window_counts():
    texts = [SENTENCE, " ".join(["word"] * 1000)]
    assert measure(texts, 2).tokens == 1008
    assert measure(texts, 2, window=512).tokens == 520


def test_a_sample_stands_for_many_texts():
    many = measure([SENTENCE] * 4_001 + [""] * 4_001, 2)
    assert many.texts == 8_002
    assert many.tokens == pytest.approx(8 * 4_001, rel=0.01)


@pytest.mark.parametrize(("words", "tokenizer"), [(0, "character"), (1, "character"), (2, "word")])
def test_single_words_are_read_character_by_character(words, tokenizer):
    assert resolve(Config(), shape(words=words)).text.tokenizer == tokenizer


def test_scripts_without_spaces_are_read_in_pairs_unless_vectors_are_of_words():
    config = resolve(Config(), shape(unspaced=True))
    assert (config.text.tokenizer, config.text.subword_min, config.linear.char_min) == ("pair", 1, 1)
    assert resolve(Config(), shape(unspaced=True, words=1)).text.tokenizer == "character"
    config = resolve(Config(), shape(unspaced=True), pretrained=True)
    assert (config.text.tokenizer, config.text.subword_min) == ("word", Config().text.subword_min)


@pytest.mark.parametrize(
    ("pretrained", "chosen", "rate"),
    [(False, {}, 5.0), (True, {}, 1.0), (True, {"training.table_rate": 2}, 2.0)],
)
def test_vectors_are_changed_more_slowly_unless_the_user_set_a_rate(pretrained, chosen, rate):
    config = resolve(Config().override(chosen), shape(), pretrained=pretrained)
    assert config.training.table_rate == rate


@pytest.mark.parametrize(("texts", "least"), [(19_999, 1), (20_000, 2)])
def test_few_texts_keep_ngrams_that_occur_once(texts, least):
    assert resolve(Config(), shape(texts=texts)).linear.min_count == least


@pytest.mark.parametrize(
    ("changes", "epochs"),
    [
        ({"texts": 400}, 30),
        ({"texts": 5_000}, 18),
        ({"texts": 9_000, "labels": 19}, 10),
        ({"texts": 9_000, "labels": 20}, 20),
        ({"texts": 60_000}, 6),
        ({"texts": 60_000, "words": 1, "labels": 75}, 18),
        ({"texts": 60_000, "tokens": 5_999_999}, 5),
        ({"texts": 60_000, "tokens": 50_000_000}, 4),
        ({"texts": 600_000, "tokens": 100_000_000}, 2),
        ({"texts": 6_000_000, "tokens": 1_000_000_000}, 1),
        ({"texts": 400, "tokens": 4_000_000}, 7),
    ],
)
def test_more_texts_mean_fewer_epochs_and_many_labels_more(changes, epochs):
    assert resolve(Config(), shape(**changes)).training.epochs == epochs


@pytest.mark.parametrize(
    ("changes", "radius"),
    [
        ({}, 0.7),
        ({"labels": 20}, 0.3),
        ({"words": 1}, 0.15),
        ({"words": 2}, 0.3),
        ({"words": 4}, 0.3),
        ({"words": 5}, 0.7),
        ({"texts": 6_000}, 0.3),
        ({"texts": 5_999}, 0.7),
        ({"texts": 4_000, "labels": 2}, 0.3),
        ({"texts": 3_999, "labels": 2}, 0.7),
    ],
)
def test_many_texts_many_labels_and_very_short_texts_are_shifted_less(changes, radius):
    assert resolve(Config(), shape(**changes)).training.adversarial_radius == radius


def test_a_direction_that_the_user_lets_texts_share_counts_as_shared():
    config = Config().override({"training.adversarial_direction": "shared"})
    assert resolve(config, shape(texts=4_000)).training.adversarial_radius == 0.3
    assert resolve(config, shape(texts=3_999)).training.adversarial_radius == 0.7


@pytest.mark.parametrize(
    ("changes", "multilabel", "direction"),
    [
        ({"labels": 2}, False, "shared"),
        ({"labels": 2, "words": 5}, False, "shared"),
        ({"labels": 2, "words": 4}, False, "own"),
        ({"labels": 2}, True, "own"),
        ({"labels": 3}, False, "own"),
    ],
)
def test_words_of_two_labels_share_their_adversarial_directions(changes, multilabel, direction):
    config = resolve(Config(), shape(**changes), multilabel=multilabel)
    assert config.training.adversarial_direction == direction


@pytest.mark.parametrize(
    ("changes", "size", "rate"),
    [
        ({"texts": 10}, 16, 0.002),
        ({"texts": 1_000}, 25, 0.002),
        ({"texts": 2_560}, 64, 0.002),
        ({"texts": 334, "labels": 25}, 16, 0.004),
        ({"texts": 2_560, "labels": 20}, 64, 0.004),
        ({"texts": 2_560, "labels": 20, "words": 1}, 64, 0.002),
        ({"texts": 5_119}, 127, 0.0028),
        ({"texts": 100_000}, 128, 0.0028),
    ],
)
def test_few_texts_make_small_batches_and_the_rate_fits_batches_and_labels(changes, size, rate):
    training = resolve(Config(), shape(**changes)).training
    assert (training.batch_size, training.learning_rate) == (size, rate)


@pytest.mark.parametrize(
    ("changes", "multilabel", "regularization"),
    [
        ({"labels": 49}, False, 0.5),
        ({"labels": 50}, False, 1.0),
        ({"labels": 50}, True, 0.5),
        ({"labels": 50, "words": 1}, False, 0.5),
    ],
)
def test_very_many_labels_are_fitted_closely(changes, multilabel, regularization):
    config = resolve(Config(), shape(**changes), multilabel=multilabel)
    assert config.linear.regularization == regularization


def test_the_rate_fits_a_chosen_size_of_batches():
    for size, rate in ((1, 0.002), (96, 0.0024), (1_000, 0.0028)):
        config = Config().override({"training.batch_size": size})
        assert resolve(config, shape()).training.learning_rate == rate


def test_what_the_user_chose_stays():
    chosen = {"text.tokenizer": "word", "linear.min_count": 3, "training.epochs": 2, "training.batch_size": 9}
    chosen |= {"training.adversarial_radius": 0.0, "training.adversarial_direction": "shared"}
    chosen |= {"training.pretraining_epochs": 3, "training.learning_rate": 0.5, "linear.regularization": 0.1}
    config = Config().override(chosen)
    assert resolve(config, shape(words=1, texts=100)) == config


def test_a_resolved_configuration_leaves_nothing_open_and_stays_as_it_is():
    config = resolve(Config(), shape())
    assert config.text.tokenizer != "auto"
    assert config.linear.min_count > 0 < config.training.epochs
    assert config.training.adversarial_radius > 0 < config.training.learning_rate
    assert config.training.adversarial_direction != "auto"
    assert config.training.pretraining_epochs == 10
    assert config.training.batch_size > 0 < config.linear.regularization
    assert resolve(config, shape(words=1, texts=100_000)) == config


@pytest.mark.parametrize(
    ("tokens", "epochs"), [(100_000, 10), (1_500_000, 10), (2_000_000, 7), (4_000_000, 3), (15_000_001, 0)]
)
def test_pretraining_reads_no_more_than_fifteen_million_tokens(tokens, epochs):
    seen = shape(texts=1_000, tokens=tokens)
    assert resolve(Config(), seen).training.pretraining_epochs == epochs


@pytest.mark.parametrize(("unlabelled", "epochs"), [(400_000, 10), (2_900_000, 5), (40_000_000, 1)])
def test_texts_without_labels_count_in_pretraining_and_are_read_at_least_once(unlabelled, epochs):
    seen = replace(shape(texts=1_000, tokens=100_000), unlabelled_tokens=unlabelled)
    assert resolve(Config(), seen).training.pretraining_epochs == epochs


def test_one_line_says_what_was_chosen_and_by_what():
    seen = shape(texts=9_000, words=1, labels=75)
    line = describe(resolve(Config(), seen), seen)
    assert line == (
        "9,000 texts of 1 word (median), 75 labels: characters as tokens, n-grams that occur once or more, "
        "C 0.5, at most 10 epochs of pretraining and 30 of training, batches of at most 128 at 0.0028, adversarial radius 0.15, own direction"
    )
    config = resolve(Config().override({"linear.enabled": False}), shape())
    assert "n-grams" not in describe(config, shape())
    config = resolve(Config().override({"training.adversarial_radius": 0.0}), shape())
    assert "adversarial" not in describe(config, shape())
    config = resolve(Config().override({"training.pretraining_epochs": 0}), shape())
    assert "pretraining" not in describe(config, shape())
    assert resolve(Config(), shape(), pretrained=True).training.pretraining_epochs == 0
    config = resolve(Config().override({"gru.enabled": False}), shape(texts=30_000))
    assert "epochs" not in describe(config, shape())
    assert "twice or more" in describe(config, shape())
