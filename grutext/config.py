"""Every number and name that a user may choose, with its default.

A configuration is a tree of frozen dataclasses, one for each part of the product:

>>> Config().gru.units
64
>>> Config().override({"gru.units": "96", "training.epochs": "3"}).gru.units
96
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

from grutext.config_checks import check_ranges
from grutext.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TextConfig:
    """How a string becomes tokens.

    Attributes:
        tokenizer: `word`; `pair`, two characters at a time in scripts without spaces; `character`; or `auto`:
            pairs where most tokens are of such a script, characters where texts are single words.
        min_count: A token seen less often in training has no embedding row of its own.
        max_vocabulary: At most this many tokens have a row of their own; the most frequent ones.
        subword_min: Shortest hashed character n-gram of a token, in characters.
        subword_max: Longest hashed character n-gram; 0 turns them off.
        subword_buckets: Rows of the table that the n-grams are hashed into.
    """

    tokenizer: str = "auto"
    min_count: int = 2
    max_vocabulary: int = 30_000
    subword_min: int = 3
    subword_max: int = 5
    subword_buckets: int = 50_000


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """The linear model over n-grams that is fused with the GRU.

    Attributes:
        enabled: Whether there is a linear part (`--no-linear`).
        word_max: Longest word n-gram, in tokens.
        char_min: Shortest character n-gram.
        char_max: Longest character n-gram.
        min_count: An n-gram must occur in at least this many training texts; 0 lets their number decide.
        max_megabytes: The most telling n-grams are kept, as many as fit into this many megabytes.
        regularization: The C of scikit-learn's LinearSVC; larger fits more closely; 0 lets the data decide.
        label_names: Whether each label's name counts as one text of it, unless texts are kept in files.
    """

    enabled: bool = True
    word_max: int = 2
    char_min: int = 2
    char_max: int = 5
    min_count: int = 0
    max_megabytes: float = 8.5
    regularization: float = 0.0
    label_names: bool = True


@dataclass(frozen=True, slots=True)
class GRUConfig:
    """The GRU part: embedding, GRU encoder, pooling.

    Attributes:
        enabled: Whether there is a GRU part (`--no-gru`).
        embedding_size: Width E of a token's vector.
        convolution: Tokens that a convolution before the GRU looks at, an odd number; 0 leaves it out.
        units: Width U of the GRU's state, in each direction.
        layers: GRU layers, one upon the other.
        bidirectional: Whether a second GRU reads each text from its end.
        reset_after: Which of the two GRU conventions; see `grutext.model.spec`.
        pooling: How the states of a text become one vector; see `grutext.model.spec.POOLINGS`.
    """

    enabled: bool = True
    embedding_size: int = 64
    convolution: int = 3
    units: int = 64
    layers: int = 1
    bidirectional: bool = True
    reset_after: bool = True
    pooling: str = "max+mean"


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How the GRU part is trained.

    Attributes:
        epochs: Passes over the training part; 0 lets its size and the number of labels decide.
        pretraining_epochs: Passes before them, for the embedding to learn from hidden tokens; -1: the data decide.
        patience: Epochs without a better dev loss that stop the last third of training; 0 never stops early.
        batch_size: Texts in a batch, at most; 0 lets the data decide.
        token_budget: Tokens in a batch, padding included, at most (one longer text is a batch).
        window: Tokens that an epoch reads of a longer text, at a random place; 0 reads all, as answers always do.
        learning_rate: Peak rate of Adam; 0 lets the data decide.
        table_rate: The embedding tables learn this many times as fast.
        warmup: Share of the steps in which the rate rises; after it the rate falls along a cosine.
        clip_norm: The gradient's norm is cut to this.
        word_dropout: Share of known tokens that are read as unknown.
        embedding_dropout: Share of embedding values set to zero.
        pooled_dropout: Share of pooled values set to zero.
        label_smoothing: Share of the target spread over all labels.
        adversarial_radius: Length of the adversarial shift of a text's embeddings, in units of the mean token
            vector's length; 0 turns it off, -1 lets the data decide.
        adversarial_direction: Where it goes: `own`, found by a second pass over every other batch; `shared`, kept
            for each word and label, for no second pass; or `auto`: `shared` for two labels.
        class_weight: `none`, `balanced` (rare labels count as much as frequent ones) or `auto`.
        optimize: `accuracy` (micro-F1 for several labels) or `macro-f1`: what decisions are tuned for.
        time_budget: Seconds that the whole training may take; 0 is no limit.
        in_memory_megabytes: Texts of more megabytes than this are kept in files, and read a part at a time.
        checkpoint_seconds: How often the state is kept that an interrupted training goes on from, in seconds.
        seed: Decides everything random.
    """

    epochs: int = 0
    pretraining_epochs: int = -1
    patience: int = 4
    batch_size: int = 0
    token_budget: int = 32_768
    window: int = 512
    learning_rate: float = 0.0
    table_rate: float = 5.0
    warmup: float = 0.1
    clip_norm: float = 1.0
    word_dropout: float = 0.1
    embedding_dropout: float = 0.3
    pooled_dropout: float = 0.5
    label_smoothing: float = 0.05
    adversarial_radius: float = -1.0
    adversarial_direction: str = "auto"
    class_weight: str = "auto"
    optimize: str = "accuracy"
    time_budget: float = 0.0
    in_memory_megabytes: float = 40.0
    checkpoint_seconds: float = 60.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; `override`, `from_dict` and `read_config` check what they are given."""

    text: TextConfig = field(default_factory=TextConfig)
    linear: LinearConfig = field(default_factory=LinearConfig)
    gru: GRUConfig = field(default_factory=GRUConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Gives the configuration as nested dictionaries of plain values, for JSON."""
        return asdict(self)

    def override(self, settings: Mapping[str, Any]) -> Config:
        """Gives a copy with some values replaced.

        Args:
            settings: `section.key` to value; a string is read as the type of the setting.

        Raises:
            ConfigError: A name is unknown, or a value has the wrong type or is out of range.
        """
        config = self
        for name, value in settings.items():
            if name not in _KIND_OF:
                raise ConfigError(f"there is no setting {render_setting(name)}{_suggest(name)}")
            section, _, key = name.partition(".")
            part = replace(getattr(config, section), **{key: _convert(name, value, _KIND_OF[name])})
            config = replace(config, **{section: part})
        check_ranges(config)
        return config

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Config:
        """Builds a configuration from nested dictionaries; what is left out keeps its default.

        Raises:
            ConfigError: A name is unknown, or a value has the wrong type or is out of range.
        """
        return Config().override(flatten(values))


# The type of each setting, by `section.key`.
_KIND_OF: dict[str, type] = {
    f"{part.name}.{key}": kind
    for part in fields(Config) for key, kind in get_type_hints(part.default_factory).items()
}  # fmt: skip
_SHOWN = 80
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Gives nested dictionaries of settings as `section.key` to value.

    Raises:
        ConfigError: A section is no dictionary.
    """
    flat: dict[str, Any] = {}
    for section, part in values.items():
        if not isinstance(part, Mapping):
            named = render_setting(section)
            raise ConfigError(f"{named} is a section of settings, such as [gru], not a value")
        flat.update({f"{section}.{key}": value for key, value in part.items()})
    return flat


def render_setting(value: Any) -> str:
    """Gives a name or a value of other people's settings on one short line."""
    try:
        line = " ".join(json.dumps(value, default=str, ensure_ascii=False).splitlines())
    except (ValueError, RecursionError):  # more digits than Python prints, or tables in tables in tables
        line = f"a very large {type(value).__name__}"
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _convert(name: str, value: Any, kind: type) -> Any:
    wrong = ConfigError(f'the setting "{name}" takes {_KINDS[kind]}, not {render_setting(value)}')
    if kind is bool:
        truth = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        value = truth.get(value.lower(), value) if isinstance(value, str) else value
        if not isinstance(value, bool):
            raise wrong
        return value
    if isinstance(value, bool) or (kind is int and isinstance(value, float)):
        raise wrong
    if kind is str and not isinstance(value, str):
        raise wrong
    try:
        value = kind(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if kind is float and not math.isfinite(value):
        raise wrong
    return value


def _suggest(name: str) -> str:
    same_key = [full for full in _KIND_OF if full.partition(".")[2] == name.rpartition(".")[2]]
    near = difflib.get_close_matches(name, same_key or _KIND_OF, n=1, cutoff=0.0 if same_key else 0.5)
    return f'; did you mean "{near[0]}"?' if near else "; docs/reference/settings.md lists them"
