"""Every number and name that a user may choose, with its default.

A configuration is a tree of frozen dataclasses, one for each part of the product. A value out of its range raises a
`ConfigError` when a dataclass is created.

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

from grutext.errors import ConfigError

TOKENIZERS = ("auto", "word", "pair", "character")
CASES = ("auto", "fold", "keep")
CLASS_WEIGHTS = ("auto", "none", "balanced")
OPTIMIZED = ("accuracy", "macro-f1")
ENGINES = ("auto", "numba", "tensorflow")
DIRECTIONS = ("auto", "own", "shared")
CONVOLUTIONS = "0, or an odd number of at least 3"
_LONGEST_NGRAM = 64  # a model from an untrusted source must not ask for work without end


def is_convolution(width: int) -> bool:
    """Return whether a convolution may have this width; 0 means no convolution."""
    return width == 0 or (width >= 3 and width % 2 == 1)


def _check(*rules: tuple[bool, str]) -> None:
    """Raise a ConfigError with the text of the first rule that does not hold."""
    for holds, rule in rules:
        if not holds:
            raise ConfigError(rule)


@dataclass(frozen=True, slots=True)
class TextConfig:
    """How a string becomes tokens.

    Attributes:
        tokenizer: `word`; `pair`, two characters at a time in scripts without spaces; `character`; or `auto`:
            `pair` if most tokens are of such a script, `character` if texts are single words, `word` otherwise.
        case: `fold`: upper and lower case are the same; `keep`: they are not; or `auto`: `keep` if case tells the labels of
            the training texts apart where folded texts do not, `fold` otherwise.
        min_count: A token that occurs less often in the training texts has no embedding row of its own.
        max_vocabulary: Maximum number of tokens with a row of their own; the most frequent ones are kept.
        subword_min: Length of the shortest hashed character n-gram of a token, in characters.
        subword_max: Length of the longest hashed character n-gram; 0 turns character n-grams off.
        subword_buckets: Number of rows of the table that the n-grams are hashed into.
    """

    tokenizer: str = "auto"
    case: str = "auto"
    min_count: int = 2
    max_vocabulary: int = 30_000
    subword_min: int = 3
    subword_max: int = 5
    subword_buckets: int = 50_000

    def __post_init__(self) -> None:
        _check(
            (self.tokenizer in TOKENIZERS, f"text.tokenizer must be one of {', '.join(TOKENIZERS)}"),
            (self.case in CASES, f"text.case must be one of {', '.join(CASES)}"),
            (
                self.max_vocabulary >= 1 and self.min_count >= 1,
                "text.max_vocabulary and text.min_count must be at least 1",
            ),
            (self.subword_min >= 1, "text.subword_min must be at least 1"),
            (
                self.subword_max == 0 or self.subword_max >= self.subword_min,
                "text.subword_max must be 0, or at least text.subword_min",
            ),
            (self.subword_buckets >= 1, "text.subword_buckets must be at least 1"),
            (
                max(self.subword_min, self.subword_max) <= _LONGEST_NGRAM,
                f"text.subword_min and text.subword_max must be at most {_LONGEST_NGRAM}",
            ),
        )


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """The linear model over n-grams that is fused with the GRU.

    Attributes:
        enabled: Whether there is a linear part (`--no-linear`).
        word_max: Length of the longest word n-gram, in tokens; 0 turns word n-grams off.
        char_min: Length of the shortest character n-gram, in characters.
        char_max: Length of the longest character n-gram; 0 turns character n-grams off.
        min_count: An n-gram must occur in at least this many training texts; 0 lets the number of texts decide.
        max_megabytes: Size limit of the linear part. What its word vectors leave of it, at least half, is for n-grams; those that
            say most about the labels are kept.
        regularization: The C of scikit-learn's LinearSVC; larger fits more closely; 0 lets the data decide.
        label_names: Whether each label's name is used as one more training text with that label. Has no effect where
            the texts do not fit into memory.
        vector_size: Width of the word vectors that are learned where there are texts without labels (`--unlabelled`) and at most
            2,000 labelled ones, and whose mean is read beside the n-grams if that helps held-out texts. Those of `--vectors`
            are read as well, at a width of at most 128. 0 turns all off.
    """

    enabled: bool = True
    word_max: int = 2
    char_min: int = 2
    char_max: int = 5
    min_count: int = 0
    max_megabytes: float = 8.5
    regularization: float = 0.0
    label_names: bool = True
    vector_size: int = 100

    def __post_init__(self) -> None:
        _check(
            (
                self.word_max >= 0 and self.char_max >= 0,
                "linear.word_max and linear.char_max must be at least 0",
            ),
            (
                self.char_min >= 1 and self.min_count >= 0,
                "linear.char_min must be at least 1, and linear.min_count at least 0",
            ),
            (
                self.char_max == 0 or self.char_max >= self.char_min,
                "linear.char_max must be 0, or at least linear.char_min",
            ),
            (
                max(self.word_max, self.char_min, self.char_max) <= _LONGEST_NGRAM,
                f"linear.word_max, linear.char_min and linear.char_max must be at most {_LONGEST_NGRAM}",
            ),
            (self.max_megabytes > 0, "linear.max_megabytes must be positive"),
            (self.regularization >= 0, "linear.regularization must be at least 0"),
            (self.vector_size >= 0, "linear.vector_size must be at least 0"),
            (
                not self.enabled or self.word_max > 0 or self.char_max > 0,
                "the linear part needs word or character n-grams: linear.word_max or linear.char_max must be above 0",
            ),
        )


@dataclass(frozen=True, slots=True)
class GRUConfig:
    """The GRU part: embedding, GRU encoder, pooling.

    Attributes:
        enabled: Whether there is a GRU part (`--no-gru`).
        embedding_size: Width E of a token's vector.
        convolution: Width of the convolution before the GRU in tokens, an odd number; 0 leaves it out.
        units: Width U of the GRU's state, in each direction.
        layers: Number of stacked GRU layers.
        bidirectional: Whether a second GRU reads each text from its end.
        reset_after: Which of the two GRU conventions to use (`grutext.model.spec`); false needs the extra `tensorflow`.
        pooling: How the states of a text become one vector: `max`, `mean`, `max+mean`; `last` and `attention` need the extra
            `tensorflow`.
    """

    enabled: bool = True
    embedding_size: int = 64
    convolution: int = 3
    units: int = 64
    layers: int = 1
    bidirectional: bool = True
    reset_after: bool = True
    pooling: str = "max+mean"

    def __post_init__(self) -> None:
        _check(
            (
                min(self.embedding_size, self.units, self.layers) >= 1,
                "gru.embedding_size, gru.units and gru.layers must be at least 1",
            ),
            (is_convolution(self.convolution), f"gru.convolution must be {CONVOLUTIONS}"),
        )


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How the GRU part is trained.

    Attributes:
        epochs: Passes over the training texts; 0 lets their number and the number of labels decide.
        pretraining_epochs: Passes of pretraining over the texts before them; -1 lets the data decide.
        patience: Epochs without a better dev loss after which training stops, in its last third; 0 never stops early.
        batch_size: Largest number of texts in a batch; 0 lets the data decide.
        token_budget: Largest number of tokens in a batch, padding included; a single longer text is a batch of its own.
        window: Tokens of a longer text that one epoch reads, from a random position; 0 reads all. Prediction always
            reads all.
        prefixes: Share of the texts of which an epoch reads only the beginning, up to a random token: for answers while a text
            is still coming.
        learning_rate: Peak learning rate of Adam; 0 lets the data decide.
        table_rate: Learning rate of the embedding tables, as a multiple of `learning_rate`; with `--vectors`, 5 means 1.
        warmup: Share of the steps in which the learning rate rises; after it the rate falls along a cosine.
        clip_norm: Largest norm of the gradient; a larger gradient is scaled down to it.
        word_dropout: Share of known tokens that are read as unknown.
        embedding_dropout: Share of embedding values set to zero.
        pooled_dropout: Share of pooled values set to zero.
        label_smoothing: Share of the target spread over all labels.
        adversarial_radius: Norm of the adversarial perturbation of a text's embeddings, in units of the mean norm of a
            token's vector; 0 turns it off, -1 lets the data decide.
        adversarial_direction: Direction of that perturbation: `own`, from a second pass over every other batch;
            `shared`, remembered for each word and label, without a second pass; or `auto`: `shared` for two labels.
        class_weight: `none`, `balanced` (rare labels count as much as frequent ones) or `auto`.
        optimize: What the decision thresholds maximise: `accuracy` (micro-F1 for several labels) or `macro-f1`.
        time_budget: Seconds that the whole training may take; 0 means no limit.
        in_memory_megabytes: Training texts of more megabytes than this are written to files and read in shards.
        checkpoint_seconds: Seconds between two checkpoints, from which an interrupted training resumes.
        engine: What trains the GRU part: `numba`, `tensorflow`, or `auto`: TensorFlow where it sees a GPU or Numba cannot
            train the model, else Numba.
        seed: Seed of everything random.
    """

    epochs: int = 0
    pretraining_epochs: int = -1
    patience: int = 4
    batch_size: int = 0
    token_budget: int = 32_768
    window: int = 512
    prefixes: float = 0.0
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
    engine: str = "auto"
    seed: int = 1

    def __post_init__(self) -> None:
        _check(
            (
                min(self.epochs, self.patience, self.window) >= 0,
                "training.epochs, training.patience and training.window must be at least 0",
            ),
            (
                self.pretraining_epochs >= -1,
                "training.pretraining_epochs must be at least 0, or -1, which leaves it to the data",
            ),
            (
                self.batch_size >= 0 and self.token_budget >= 1,
                "training.batch_size must be at least 0, and training.token_budget at least 1",
            ),
            (self.learning_rate >= 0, "training.learning_rate must be at least 0"),
            (
                min(self.table_rate, self.clip_norm) > 0,
                "training.table_rate and training.clip_norm must be positive",
            ),
            (
                self.adversarial_radius >= 0 or self.adversarial_radius == -1,
                "training.adversarial_radius must be at least 0, or -1, which leaves it to the data",
            ),
            (
                min(self.time_budget, self.seed) >= 0,
                "training.time_budget and training.seed must be at least 0",
            ),
            (self.seed < 2**32, "training.seed must be below 4294967296"),
            (
                min(self.checkpoint_seconds, self.in_memory_megabytes) >= 0,
                "training.checkpoint_seconds and training.in_memory_megabytes must be at least 0",
            ),
            (
                self.class_weight in CLASS_WEIGHTS,
                f"training.class_weight must be one of {', '.join(CLASS_WEIGHTS)}",
            ),
            (
                self.adversarial_direction in DIRECTIONS,
                f"training.adversarial_direction must be one of {', '.join(DIRECTIONS)}",
            ),
            (self.engine in ENGINES, f"training.engine must be one of {', '.join(ENGINES)}"),
            (self.optimize in OPTIMIZED, f"training.optimize must be one of {', '.join(OPTIMIZED)}"),
        )
        for name in (
            "prefixes",
            "warmup",
            "word_dropout",
            "embedding_dropout",
            "pooled_dropout",
            "label_smoothing",
        ):
            _check((0 <= getattr(self, name) < 1, f"training.{name} must be at least 0 and below 1"))


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    text: TextConfig = field(default_factory=TextConfig)
    linear: LinearConfig = field(default_factory=LinearConfig)
    gru: GRUConfig = field(default_factory=GRUConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        _check(
            (
                self.linear.enabled or self.gru.enabled,
                "a model needs its linear part, its GRU part, or both: linear.enabled or gru.enabled must be true",
            )
        )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the configuration as nested dictionaries of plain values, for JSON."""
        return asdict(self)

    def override(self, settings: Mapping[str, Any]) -> Config:
        """Return a copy with some values replaced.

        All values are replaced together, so that only the result must be within range: the order of `settings` does
        not matter.

        Args:
            settings: `section.key` to value; a string is converted to the type of the setting.

        Raises:
            ConfigError: A name is unknown, or a value has the wrong type or is out of range.
        """
        changes: dict[str, dict[str, Any]] = {part.name: {} for part in fields(self)}
        for name, value in settings.items():
            if name not in _KIND_OF:
                raise ConfigError(f"there is no setting {render_setting(name)}{_suggest(name)}")
            section, _, key = name.partition(".")
            changes[section][key] = _convert(name, value, _KIND_OF[name])
        return Config(**{
            section: replace(getattr(self, section), **values) for section, values in changes.items()
        })  # fmt: skip

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Config:
        """Build a configuration from nested dictionaries; what is left out keeps its default.

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
    """Return nested dictionaries of settings as one dictionary from `section.key` to value.

    Raises:
        ConfigError: A section is not a dictionary.
    """
    flat: dict[str, Any] = {}
    for section, part in values.items():
        if not isinstance(part, Mapping):
            named = render_setting(section)
            raise ConfigError(f"{named} is a section of settings, such as [gru], not a value")
        flat.update({f"{section}.{key}": value for key, value in part.items()})
    return flat


def render_setting(value: Any) -> str:
    """Return the name or the value of a setting as JSON on one line of at most 81 characters, for messages."""
    try:
        line = " ".join(json.dumps(value, default=str, ensure_ascii=False).splitlines())
    except (ValueError, RecursionError):  # more digits than Python prints, or nested too deeply
        line = f"a very large {type(value).__name__}"
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _convert(name: str, value: Any, kind: type) -> Any:
    wrong = ConfigError(f'the setting "{name}" must be {_KINDS[kind]}, not {render_setting(value)}')
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
