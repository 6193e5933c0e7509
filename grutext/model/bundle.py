"""A model on disk: a folder of `model.json`, `weights.safetensors` and a model card, data and never code.

`model.json` holds the SHA-256 of the weights file and of its own values, so that a hash covers every value of
a bundle; `grutext.model.reading` reads both files. A bundle is written to a temporary sibling folder, flushed to
the disk, and only then renamed: at any moment the folder is the complete old model, the complete new one, or
absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as save_arrays

from grutext.config import Config
from grutext.errors import BundleError, GrutextError
from grutext.model.card import render_card
from grutext.model.checks import check_calibration, check_values, check_weights
from grutext.model.formats import FORMAT, upgrade_values, upgrade_weights
from grutext.model.reading import (
    CARD_FILE,
    LIMITS,
    MODEL_FILE,
    WEIGHTS_FILE,
    checksum,
    read_values,
    read_weights,
)
from grutext.model.spec import Calibration

# A process that is killed while it saves may leave folders named `.NAME.KIND-…` beside the model.
LEFTOVERS = ("saving", "replaced")
Weights = dict[str, NDArray[Any]]
_MAX_QUOTED = 2000  # characters of an error about a model's content


@dataclass(frozen=True)
class Bundle:
    """A trained model: its weights and everything needed to use, check and describe it.

    Attributes:
        config: The settings the model was trained with.
        labels: The C labels, in the order of the columns of probabilities; none in a base, as `grutext pretrain` makes it.
        multilabel: Whether a text may have several labels, or none.
        vocabulary: The tokens with a row in the word table; the first token has row 1, row 0 is for unknown ones.
        weights: Arrays by the names, shapes and dtypes of `grutext.model.spec.weight_spec`.
        calibration: The numbers that turn scores into probabilities.
        history: One `grutext.progress.EpochRecord` per epoch.
        metrics: Reports on the splits `dev` and `test`; `calibration` has the expected calibration error (ECE) and
            the log loss before and after calibration.
        data: Source, row counts and SHA-256 of the training data.
        abstention: One `{errors, coverage, threshold}` per error rate: at most this share of the answered texts is
            wrong if the model abstains below this confidence, and then this share of the dev texts is answered.
            Empty for a multi-label model.
        unfamiliar: One `{refused, coverage, threshold}` per share `refused` of the dev texts: at most this share has a
            familiarity below the threshold, and `coverage` is the share that has not. Empty for an old model.
        early: One `{gap, threshold, words_read}` per accuracy gap: if answers about a text that is still coming are taken
            from this confidence on, at most this share of the texts is labelled wrong that would be labelled right after their
            end, and then this share of the words of the dev texts is read. `threshold` is None if none is safe. Empty for a model
            that was not trained for it.
        golden: A few texts with their probabilities at the time of training.
        versions: The versions of Python and of the libraries used for training.
        created: The time of training, UTC, ISO 8601.
    """

    config: Config
    labels: tuple[str, ...]
    multilabel: bool
    vocabulary: tuple[str, ...]
    weights: Weights
    calibration: Calibration
    history: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    abstention: list[dict[str, Any]] = field(default_factory=list)
    unfamiliar: list[dict[str, Any]] = field(default_factory=list)
    early: list[dict[str, Any]] = field(default_factory=list)
    golden: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    created: str = ""

    @property
    def engine(self) -> str:
        """What trained the GRU part, `numba` or `tensorflow`; empty where there is none, or an old model does not say."""
        engine = self.config.training.engine
        return engine if self.config.gru.enabled and engine != "auto" else ""

    @property
    def gru_weight(self) -> float:
        """How much the GRU part counts in the probabilities, in 0..1; the linear part counts the rest."""
        if self.config.gru.enabled and self.config.linear.enabled:
            return self.calibration.fusion
        return float(self.config.gru.enabled)

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the bundle to the folder `path`, atomically.

        Args:
            path: The folder; missing parents are created.
            overwrite: Whether to replace an existing model.

        Raises:
            BundleError: The folder exists and `overwrite` is false, or it exists and holds no model; the weights
                do not match the configuration; or a file would be too large to load again.
            ConfigError: The configuration names an unknown pooling.
            OSError: The disk is full or read-only; an existing model stays unchanged.
        """
        path = Path(path)
        check_target(path, overwrite)
        _check(self)
        path = Path(os.path.realpath(path))  # a symbolic link stays; its target is replaced
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.{LEFTOVERS[0]}-", dir=path.parent))
        try:
            for name, content in self._files().items():
                if len(content) > LIMITS[name]:
                    raise BundleError(
                        f"{path / name} would have {len(content):,} bytes, but at most {LIMITS[name]:,} can be "
                        "loaded; make the vocabulary or the model smaller"
                    )
                write_durably(temporary / name, content)
            write_durably(
                temporary / CARD_FILE, render_card(self.entries()).encode("utf-8", "backslashreplace")
            )
            temporary.chmod(0o755)
            replace_folder(temporary, path)
            sync_folder(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @classmethod
    def load(cls, path: str | Path, base: bool = False) -> Bundle:
        """Read the folder `path` and check it.

        Args:
            path: The folder.
            base: Whether it may hold a base, which has no labels and so cannot predict.

        Raises:
            BundleError: The folder is missing, holds no bundle, is damaged or incomplete, has a newer format, or its
                arrays do not match its configuration; the message lists every mismatch. Or it holds a base.
        """
        try:
            bundle = cls._load(Path(path))
        except MemoryError:
            raise BundleError(
                f"{path} does not fit into this machine's memory; free some, or train a smaller model"
            ) from None
        if not bundle.labels and not base:
            raise BundleError(
                f"{path} is a base and knows no labels; train a model from it: grutext train DATA --from {path}"
            )
        return bundle

    @classmethod
    def _load(cls, path: Path) -> Bundle:
        values = read_values(path)
        try:
            check_values(values)
        except BundleError as error:
            raise _unreadable(path, error) from None
        weights = read_weights(path / WEIGHTS_FILE, values["files"][WEIGHTS_FILE])
        try:
            weights = upgrade_weights(values["format"], weights)
            values = upgrade_values(values)
            bundle = cls._from_values(values, weights)
            _check(bundle)
        except (GrutextError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise _unreadable(path, error) from error
        return bundle

    def _files(self) -> dict[str, bytes]:
        weights = _weights_file(self)
        values = self.entries() | {"files": {WEIGHTS_FILE: hashlib.sha256(weights).hexdigest()}}
        values["checksum"] = checksum(values)
        # With thousands of labels, most of the file would be the indentation of the confusion matrix.
        indent = 1 if len(self.labels) < 1000 else None
        return {WEIGHTS_FILE: weights, MODEL_FILE: json.dumps(values, indent=indent).encode()}

    def entries(self) -> dict[str, Any]:
        """Return the entries of `model.json` without the hashes, as plain values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "weights"}
        return values | {
            "format": FORMAT,
            "config": self.config.to_dict(),
            "calibration": asdict(self.calibration),
        }

    @classmethod
    def _from_values(cls, values: dict[str, Any], weights: Weights) -> Bundle:
        names = [name for name in cls.__dataclass_fields__ if name != "weights"]
        fields = {name: values[name] for name in names}
        calibration: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values["calibration"].items()
        }
        fields["config"] = Config.from_dict(values["config"])
        fields["calibration"] = Calibration(**calibration)
        fields["labels"], fields["vocabulary"] = tuple(values["labels"]), tuple(values["vocabulary"])
        return cls(weights=weights, **fields)


def _check(bundle: Bundle) -> None:
    check_weights(bundle.config, bundle.labels, bundle.multilabel, len(bundle.vocabulary), bundle.weights)
    check_calibration(bundle.calibration, bundle.labels, bundle.multilabel)


def check_target(path: Path, overwrite: bool) -> None:
    """Raise a BundleError unless a model may be written to `path`."""
    if not path.exists():
        return
    if not overwrite:
        raise BundleError(
            f"{path} already exists; replace it with --overwrite, or name another folder with -m"
        )
    if not path.is_dir() or (any(path.iterdir()) and not (path / MODEL_FILE).exists()):
        raise BundleError(
            f"{path} exists and is not a model, so --overwrite does not replace it; name another folder with -m"
        )


def weights_digest(bundle: Bundle) -> str:
    """Return the SHA-256 of the weights file that `save` would write, in hexadecimal."""
    return hashlib.sha256(_weights_file(bundle)).hexdigest()


def _unreadable(path: Path, error: Exception) -> BundleError:
    """Build the error for an undamaged model with invalid content; its text may quote arbitrary characters of it."""
    quoted = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(error)[:_MAX_QUOTED])
    return BundleError(
        f"{path} is not a model that this version can read: {quoted}; train it again, or update grutext"
    )


def _weights_file(bundle: Bundle) -> bytes:
    return save_arrays({name: np.ascontiguousarray(array) for name, array in bundle.weights.items()})


def write_durably(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk.

    Raises:
        OSError: The file cannot be written.
    """
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until a rename within the folder is on the disk, on systems that support it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace_folder(temporary: Path, path: Path) -> None:
    """Rename the folder `temporary` to `path`, replacing what is there; on failure, the old folder stays."""
    if not path.exists():
        temporary.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.{LEFTOVERS[1]}-", dir=path.parent))
    try:
        path.rename(old)
        temporary.rename(path)
    finally:
        if not path.exists():
            old.rename(path)
        shutil.rmtree(old, ignore_errors=True)
