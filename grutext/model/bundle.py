"""A model on disk: a folder of `model.json` and `weights.safetensors`, data and never code.

`model.json` carries the SHA-256 of the weights file and of itself, so that every value of a bundle is
covered by a hash; `grutext.model.reading` reads them. A bundle is written to a temporary sibling, flushed
to the disk, and only then renamed: at any moment the folder is the whole old model, the whole new one, or
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
from grutext.model.checks import check_calibration, check_values, check_weights
from grutext.model.formats import FORMAT, upgrade_values, upgrade_weights
from grutext.model.reading import (
    LIMITS,
    MODEL_FILE,
    WEIGHTS_FILE,
    checksum,
    read_values,
    read_weights,
)
from grutext.model.spec import Calibration

LEFTOVERS = (
    "saving",
    "replaced",
)  # folders `.NAME.KIND-…` that a process which is killed may leave beside a model
Weights = dict[str, NDArray[Any]]
_TOLD = 2000  # characters, at most, of what is wrong with a model


@dataclass(frozen=True)
class Bundle:
    """Everything a trained model is.

    Attributes:
        config: The settings it was trained with.
        labels: The labels in the order of the probabilities' columns.
        multilabel: Whether a text may have several labels, or none.
        vocabulary: The tokens with an embedding row; the first one has row 1.
        weights: Arrays by the names of `grutext.model.spec.weight_spec`.
        calibration: What turns scores into probabilities.
        history: A record for each epoch, as in `grutext.progress.EpochRecord`.
        metrics: Reports on the parts `dev` and `test`; `calibration` has ECE and log loss before and after it.
        data: Where the training data came from, its row counts and its SHA-256.
        abstention: For some error rates `{errors, coverage, threshold}`: the share of dev texts that may be
            answered at that rate, and the confidence from which; empty where a text may have several labels.
        golden: A few texts with the probabilities that they had when the model was made.
        versions: The versions of Python and of the libraries that trained it.
        created: When it was made, UTC, ISO 8601.
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
    golden: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    created: str = ""

    @property
    def engine(self) -> str:
        """What trained the GRU part, `numba` or `tensorflow`; empty where there is none, or an old model does not say."""
        engine = self.config.training.engine
        return engine if self.config.gru.enabled and engine != "auto" else ""

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Writes the bundle as the folder `path`, atomically.

        Args:
            path: The folder; its parent is made if it is missing.
            overwrite: Whether an existing folder is replaced.

        Raises:
            BundleError: The folder exists and `overwrite` is false, or is there but no model; the weights
                do not fit the configuration; a file would be too large to be loaded.
            ConfigError: The configuration names a pooling that does not exist.
            OSError: The disk is full or may not be written to; an existing model is then untouched.
        """
        path = Path(path)
        check_target(path, overwrite)
        _check(self)
        path = Path(os.path.realpath(path))  # a link stays, and what it names is replaced
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.{LEFTOVERS[0]}-", dir=path.parent))
        try:
            for name, content in self._files().items():
                if len(content) > LIMITS[name]:
                    raise BundleError(
                        f"{path / name} would have {len(content):,} bytes, and more than {LIMITS[name]:,} are never "
                        "read; make the vocabulary or the model smaller"
                    )
                write_durably(temporary / name, content)
            temporary.chmod(0o755)
            _replace(temporary, path)
            sync_folder(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @classmethod
    def load(cls, path: str | Path) -> Bundle:
        """Reads and checks the folder `path`.

        Raises:
            BundleError: The folder is missing, is no bundle, is damaged or half written, has a newer
                format, or its arrays do not fit its configuration; every mismatch is listed.
        """
        try:
            return cls._load(Path(path))
        except MemoryError:
            raise BundleError(
                f"{path} does not fit into this machine's memory; free some, or train a smaller model"
            ) from None

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
        values = self._values() | {"files": {WEIGHTS_FILE: hashlib.sha256(weights).hexdigest()}}
        values["checksum"] = checksum(values)
        # A table of confusions among thousands of labels would be mostly indentation.
        indent = 1 if len(self.labels) < 1000 else None
        return {WEIGHTS_FILE: weights, MODEL_FILE: json.dumps(values, indent=indent).encode()}

    def _values(self) -> dict[str, Any]:
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
    """Raises a BundleError unless a model may be written to `path`."""
    if not path.exists():
        return
    if not overwrite:
        raise BundleError(f"{path} already exists; --overwrite replaces it, -m names another folder")
    if not path.is_dir() or (any(path.iterdir()) and not (path / MODEL_FILE).exists()):
        raise BundleError(
            f"{path} exists and is no model, so --overwrite leaves it alone; -m names another folder"
        )


def weights_digest(bundle: Bundle) -> str:
    """Gives the SHA-256 of the weights file that the bundle would be saved with, in hexadecimal."""
    return hashlib.sha256(_weights_file(bundle)).hexdigest()


def _unreadable(path: Path, error: Exception) -> BundleError:
    """Builds the error for a model that is whole and makes no sense; what it quotes of it may be anything."""
    told = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(error)[:_TOLD])
    return BundleError(
        f"{path} is not a model that this version can read: {told}; train anew, or update grutext"
    )


def _weights_file(bundle: Bundle) -> bytes:
    return save_arrays({name: np.ascontiguousarray(array) for name, array in bundle.weights.items()})


def write_durably(path: Path, content: bytes) -> None:
    """Writes a file and waits until it is on the disk.

    Raises:
        OSError: It cannot be written.
    """
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Waits until a renaming in the folder is on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _replace(temporary: Path, path: Path) -> None:
    """Puts the folder `temporary` in the place of `path`; a failure leaves the old one there."""
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
