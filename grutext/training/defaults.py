"""Choose the settings that are left to the data: what `auto`, 0 and -1 mean.

The rules come from measurements on dev sets; docs/research/recipe.md has them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grutext.config import Config, LinearConfig, TextConfig, TrainingConfig
from grutext.progress import epochs_in_words
from grutext.text import TOKENIZERS, is_unspaced, normalize

_SAMPLE = 2_000  # texts that are measured
_MANY_LABELS, _VERY_MANY_LABELS = 20, 50
_SHORT = 5  # words
# A long adversarial shift prevents overfitting to few texts, but hides the small differences between many labels or short
# texts. With shared directions, the shift itself gives the label away if there are many texts.
_ENOUGH_TEXTS, _ENOUGH_SHARING = 6_000, 4_000
_RADIUS, _SMALL_RADIUS, _SMALLEST_RADIUS = 0.7, 0.3, 0.15
# An epoch has `_BATCHES` batches, unless they would be too small or too large.
_BATCHES, _LEAST_BATCH, _MOST_BATCH = 40, 16, 128
_RATE, _RATE_AT = 2e-3, 64  # learning rate for batches of up to this many texts
_TABLE_RATE_OF_VECTORS = 1.0  # `training.table_rate` where the embedding starts from word vectors
_MANY_TEXTS = 20_000
_TOKENS_READ = 30_000_000  # in all epochs together, which take about ten minutes on two cores
# Likewise in pretraining, whose vectors fit too closely to the texts after too many epochs.
_TOKENS_PRETRAINED, _MOST_PRETRAINING = 15_000_000, 10
_MOST_TOKENS_READ = 200_000_000  # in the minimum of four epochs; with more tokens there are fewer epochs


@dataclass(frozen=True, slots=True)
class CorpusStatistics:
    """The properties of the training texts that the defaults depend on.

    Attributes:
        texts: Training texts.
        words: The median number of words (and other tokens) in a text.
        tokens: Tokens that an epoch reads, estimated.
        labels: Distinct labels.
        unspaced: Whether most tokens are of a script without spaces, such as Chinese.
        unlabelled_tokens: Tokens of texts without labels that an epoch of pretraining reads as well, estimated.
    """

    texts: int
    words: int
    tokens: int
    labels: int
    unspaced: bool = False
    unlabelled_tokens: int = 0


def measure(texts: Sequence[str], labels: int, window: int = 0) -> CorpusStatistics:
    """Measure the training texts, by a sample of 2,000 evenly spaced ones.

    Args:
        texts: The training texts.
        labels: The number of labels.
        window: Tokens that an epoch reads of a text at most; 0 is all.
    """
    sample = texts[:: max(1, len(texts) // _SAMPLE)]
    tokenized = [TOKENIZERS["word"](normalize(text)) for text in sample]
    lengths = [len(tokens) for tokens in tokenized] or [0]
    unspaced = sum(is_unspaced(token) for tokens in tokenized for token in tokens)
    return CorpusStatistics(
        texts=len(texts),
        words=int(np.median(lengths)),
        tokens=round(float(np.mean(np.minimum(lengths, window or max(lengths)))) * len(texts)),
        labels=labels,
        unspaced=2 * unspaced > sum(lengths),
    )


def resolve(
    config: Config, statistics: CorpusStatistics, pretrained: bool = False, multilabel: bool = False
) -> Config:
    """Return the configuration with every setting chosen that was left to the data.

    Args:
        config: What the user chose.
        statistics: What the training texts are like.
        pretrained: Whether the embedding starts from word vectors, which are for words, not pairs, and are changed more slowly.
        multilabel: Whether a text may have several labels.
    """
    text, linear, training = config.text, config.linear, config.training
    if text.tokenizer == "auto":
        by_script = "pair" if statistics.unspaced and not pretrained else "word"
        text = replace(text, tokenizer="character" if statistics.words <= 1 else by_script)
    if text.tokenizer == "pair":  # single characters count as n-grams as well, unless the user set a minimum
        text = replace(text, subword_min=1) if text.subword_min == TextConfig().subword_min else text
        linear = replace(linear, char_min=1) if linear.char_min == LinearConfig().char_min else linear
    if not linear.min_count:
        linear = replace(linear, min_count=1 if statistics.texts < _MANY_TEXTS else 2)
    if not linear.regularization:
        closely = statistics.labels >= _VERY_MANY_LABELS and statistics.words > 1 and not multilabel
        linear = replace(linear, regularization=1.0 if closely else 0.5)
    if not training.epochs:
        training = replace(training, epochs=epochs_for(statistics))
    if training.pretraining_epochs < 0:
        passes = 0 if pretrained else pretraining_epochs_for(statistics)
        training = replace(training, pretraining_epochs=passes)
    if training.adversarial_direction == "auto":
        shared = statistics.labels == 2 and not multilabel and statistics.words >= _SHORT
        training = replace(training, adversarial_direction="shared" if shared else "own")
    if training.adversarial_radius < 0:
        radius = radius_for(statistics, training.adversarial_direction == "shared")
        training = replace(training, adversarial_radius=radius)
    if not training.batch_size:
        size = int(np.clip(statistics.texts // _BATCHES, _LEAST_BATCH, _MOST_BATCH))
        training = replace(training, batch_size=size)
    if not training.learning_rate:
        training = replace(training, learning_rate=rate_for(statistics, training.batch_size))
    if pretrained and training.table_rate == TrainingConfig().table_rate:  # unless the user set another one
        training = replace(training, table_rate=_TABLE_RATE_OF_VECTORS)
    return replace(config, text=text, linear=linear, training=training)


def radius_for(statistics: CorpusStatistics, shared: bool) -> float:
    """Return the length of the adversarial shift: less for more texts, many labels and short texts.

    Args:
        statistics: What the training texts are like.
        shared: Whether the shift has a direction for each word and label, instead of one for each text.
    """
    if statistics.words <= 1:
        return _SMALLEST_RADIUS
    enough = _ENOUGH_SHARING if shared else _ENOUGH_TEXTS
    fine = statistics.texts >= enough or statistics.labels >= _MANY_LABELS or statistics.words < _SHORT
    return _SMALL_RADIUS if fine else _RADIUS


def rate_for(statistics: CorpusStatistics, batch_size: int) -> float:
    """Return the learning rate: it grows with the square root of the size of large batches, and doubles for many labels."""
    rate = _RATE * math.sqrt(np.clip(batch_size, _RATE_AT, _MOST_BATCH) / _RATE_AT)
    if statistics.labels >= _MANY_LABELS and statistics.words > 1:
        rate *= 2
    return float(f"{rate:.2g}")


def epochs_for(statistics: CorpusStatistics) -> int:
    """Return the number of epochs: fewer for more or longer texts, more for many labels and for single words."""
    read = 90_000  # texts in all epochs together
    if statistics.labels >= _MANY_LABELS:
        read *= 2
    if statistics.words <= 1:  # a single word is read fast, and single characters carry little information
        read *= 6
    wanted = math.ceil(read / max(1, statistics.texts))
    tokens = max(1, statistics.tokens)
    least = int(np.clip(_MOST_TOKENS_READ // tokens, 1, 4))
    return min(max(least, _TOKENS_READ // tokens), int(np.clip(wanted, 6, 30)))


def pretraining_epochs_for(statistics: CorpusStatistics) -> int:
    """Return the number of epochs of pretraining: fewer for more tokens, 0 if one would take long.

    Texts without labels are there to be read, and are read once, however many they are.
    """
    most = _TOKENS_PRETRAINED // max(1, statistics.tokens + statistics.unlabelled_tokens)
    return min(_MOST_PRETRAINING, max(most, 1 if statistics.unlabelled_tokens else 0))


def describe(config: Config, statistics: CorpusStatistics) -> str:
    """Describe the texts and the choices as one line for the user."""
    unit = {"word": "words", "pair": "pairs of characters", "character": "characters"}
    choices = [f"{unit[config.text.tokenizer]} as tokens"]
    linear, training = config.linear, config.training
    if linear.enabled:
        often = {1: "once", 2: "twice"}.get(linear.min_count, f"{linear.min_count} times")
        choices.append(f"n-grams that occur {often} or more, C {linear.regularization:g}")
    if config.gru.enabled:
        batches = f"batches of at most {training.batch_size} at {training.learning_rate:g}"
        epochs = epochs_in_words(training.epochs)
        if training.pretraining_epochs:
            epochs = f"{epochs_in_words(training.pretraining_epochs)} of pretraining and {training.epochs} of training"
        choices.append(f"at most {epochs}, {batches}")
        if training.adversarial_radius:
            direction = training.adversarial_direction
            choices.append(f"adversarial radius {training.adversarial_radius:g}, {direction} direction")
    words = "1 word" if statistics.words == 1 else f"{statistics.words:,} words"
    return (
        f"{statistics.texts:,} texts of {words} (median), {statistics.labels:,} labels: {', '.join(choices)}"
    )
