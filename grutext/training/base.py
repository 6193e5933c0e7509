"""A base, as `grutext pretrain` makes it: words and vectors from which trainings start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grutext.config import Config, flatten
from grutext.errors import BundleError, ConfigError
from grutext.messages import count
from grutext.model.bundle import Bundle
from grutext.model.initial import Arrays
from grutext.model.reading import model_digest
from grutext.progress import Listener
from grutext.text import Vocabulary

# What decides how texts become tokens and vectors, and must be the same in a training as in its base.
_SHARED = (
    "text.tokenizer",
    "text.case",
    "text.subword_min",
    "text.subword_max",
    "text.subword_buckets",
    "gru.embedding_size",
)


@dataclass(frozen=True, slots=True)
class Base:
    """A base on disk.

    Attributes:
        path: Its folder.
        bundle: Its content; it has no labels.
        sha256: SHA-256 of its `model.json`, which has the one of the weights, in hexadecimal.
    """

    path: Path
    bundle: Bundle
    sha256: str

    @classmethod
    def load(cls, path: Path) -> Base:
        """Read and check a base.

        Raises:
            BundleError: It is missing or damaged, or a model instead of a base.
        """
        bundle = Bundle.load(path, base=True)
        if bundle.labels:
            raise BundleError(f"{path} is a model, not a base; make a base of texts with grutext pretrain")
        return cls(path, bundle, model_digest(path))

    @property
    def origin(self) -> dict[str, str]:
        """What a bundle records about its base."""
        return {"base": self.path.name, "base_sha256": self.sha256}

    def settle(self, config: Config) -> Config:
        """Return the configuration with the settings of the base where it has the defaults.

        Raises:
            ConfigError: A setting that must be the same was set to another value, or the GRU part is switched off.
        """
        if not config.gru.enabled:
            raise ConfigError(
                f"{self.path}: a base is for the GRU part, but gru.enabled is false; leave it out"
            )
        own, default, wanted = (flatten(one.to_dict()) for one in (config, Config(), self.bundle.config))
        for name in _SHARED:
            if own[name] not in (default[name], wanted[name]):
                raise ConfigError(
                    f"{self.path} was made with {name}={wanted[name]}, but {name} is {own[name]}; leave the setting out"
                )
        return config.override({name: wanted[name] for name in _SHARED})

    def start(self, own: Vocabulary, most: int, listener: Listener) -> BaseStart:
        """Return the words and vectors that a training starts from.

        Args:
            own: The vocabulary of the training's texts.
            most: The largest number of words; those of the base are all known, the others follow.
            listener: Receives how many words there are.
        """
        words = self.bundle.vocabulary
        known = set(words)
        others = [word for word in own.tokens if word not in known][: max(0, most - len(words))]
        listener.note(
            f"{self.path}: {count(len(words), 'word')} and their vectors; known besides: {count(len(others), 'word')}"
        )
        return BaseStart(Vocabulary([*words, *others]), self.bundle.weights)


@dataclass(frozen=True, slots=True)
class BaseStart:
    """Words and vectors of a base, as a training starts from them.

    Attributes:
        vocabulary: The words of the base, and after them those of the training's texts.
        tables: The embedding tables of the base by the spec's names.
    """

    vocabulary: Vocabulary
    tables: Arrays

    def placed(self, arrays: Arrays) -> Arrays:
        """Return initial weights whose embedding tables begin with the rows of the base; the other rows are unchanged."""
        placed = dict(arrays)
        for name, table in self.tables.items():
            placed[name] = np.concatenate([table.astype(np.float32), arrays[name][len(table) :]])
        return placed
