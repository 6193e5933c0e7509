"""Which values a setting may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grutext.errors import ConfigError

if TYPE_CHECKING:
    from grutext.config import Config

TOKENIZERS = ("auto", "word", "pair", "character")
CLASS_WEIGHTS = ("auto", "none", "balanced")
OPTIMIZED = ("accuracy", "macro-f1")
DIRECTIONS = ("auto", "own", "shared")
LONGEST = 64  # n-gram; a model from elsewhere must not ask for work without end
CONVOLUTIONS = "0, or an odd number from 3"


def is_convolution(width: int) -> bool:
    """Tells whether a convolution may have this width; 0 is none."""
    return width == 0 or (width >= 3 and width % 2 == 1)


def check_ranges(config: Config) -> None:
    """Raises a ConfigError for the first value that is out of its range."""
    text, linear, gru, training = config.text, config.linear, config.gru, config.training
    shares = {name: getattr(training, name) for name in (
        "warmup", "word_dropout", "embedding_dropout", "pooled_dropout", "label_smoothing")}  # fmt: skip
    rules = [
        (text.tokenizer in TOKENIZERS, f"text.tokenizer is one of {', '.join(TOKENIZERS)}"),
        (text.max_vocabulary >= 1 and text.min_count >= 1, "text.max_vocabulary and text.min_count start at 1"),
        (text.subword_min >= 1, "text.subword_min starts at 1"),
        (text.subword_max == 0 or text.subword_max >= text.subword_min, "text.subword_max is 0, or at least text.subword_min"),
        (text.subword_buckets >= 1, "text.subword_buckets starts at 1"),
        (linear.word_max >= 0 and linear.char_max >= 0, "linear.word_max and linear.char_max start at 0"),
        (linear.char_min >= 1 and linear.min_count >= 0, "linear.char_min starts at 1, linear.min_count at 0"),
        (linear.char_max == 0 or linear.char_max >= linear.char_min, "linear.char_max is 0, or at least linear.char_min"),
        (max(text.subword_min, text.subword_max) <= LONGEST, f"text.subword_min and text.subword_max end at {LONGEST}"),
        (max(linear.word_max, linear.char_min, linear.char_max) <= LONGEST, f"linear.word_max, linear.char_min and linear.char_max end at {LONGEST}"),
        (linear.max_megabytes > 0, "linear.max_megabytes is positive"),
        (linear.regularization >= 0, "linear.regularization starts at 0"),
        (training.seed < 2**32, "training.seed is below 4294967296"),
        (linear.enabled or gru.enabled, "a model needs its linear part, its GRU part, or both"),
        (not linear.enabled or linear.word_max or linear.char_max, "the linear part needs word or character n-grams"),
        (min(gru.embedding_size, gru.units, gru.layers) >= 1, "gru.embedding_size, units and layers start at 1"),
        (is_convolution(gru.convolution), f"gru.convolution is {CONVOLUTIONS}"),
        (min(training.epochs, training.patience, training.window) >= 0, "training.epochs, training.patience and training.window start at 0"),
        (training.pretraining_epochs >= -1, "training.pretraining_epochs starts at 0, or is -1 and left to the data"),
        (training.batch_size >= 0 and training.token_budget >= 1, "training.batch_size starts at 0, training.token_budget at 1"),
        (training.learning_rate >= 0, "training.learning_rate starts at 0"),
        (min(training.table_rate, training.clip_norm) > 0, "training.table_rate and clip_norm are positive"),
        (training.adversarial_radius >= 0 or training.adversarial_radius == -1, "training.adversarial_radius starts at 0, or is -1 and left to the data"),
        (min(training.time_budget, training.seed) >= 0, "training.time_budget and training.seed start at 0"),
        (min(training.checkpoint_seconds, training.in_memory_megabytes) >= 0, "training.checkpoint_seconds and training.in_memory_megabytes start at 0"),
        (training.class_weight in CLASS_WEIGHTS, f"training.class_weight is one of {', '.join(CLASS_WEIGHTS)}"),
        (training.adversarial_direction in DIRECTIONS, f"training.adversarial_direction is one of {', '.join(DIRECTIONS)}"),
        (training.optimize in OPTIMIZED, f"training.optimize is one of {', '.join(OPTIMIZED)}"),
        *((0 <= share < 1, f"training.{name} is at least 0 and below 1") for name, share in shares.items()),
    ]  # fmt: skip
    for holds, rule in rules:
        if not holds:
            raise ConfigError(rule)
