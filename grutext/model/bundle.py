"""A model on disk: a folder of `model.json` and `weights.safetensors`, data and never code.

`model.json` carries the SHA-256 of the weights file and of itself, so that every value of a bundle is
covered by a hash. A bundle is written to a temporary sibling, flushed to the disk, and only then
renamed: at any moment the folder is the whole old model, the whole new one, or absent.
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
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from grutext.config import Config
from grutext.errors import BundleError, GrutextError
from grutext.model.checks import check_calibration, check_weights
from grutext.model.spec import Calibration

FORMAT = 1
MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"

Weights = dict[str, NDArray[Any]]
_ADDED = {"abstention"}  # what not all models of format 1 have


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
        metrics: Reports on the parts `dev` and `test`, as far as there are any.
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

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Writes the bundle as the folder `path`, atomically.

        Args:
            path: The folder; its parent is made if it is missing.
            overwrite: Whether an existing folder is replaced.

        Raises:
            BundleError: The folder exists and `overwrite` is false, or is there but no model; the weights
                do not fit the configuration.
            ConfigError: The configuration names a pooling that does not exist.
            OSError: The disk is full or may not be written to; an existing model is then untouched.
        """
        path = Path(path)
        check_target(path, overwrite)
        check_weights(self.config, self.labels, self.multilabel, len(self.vocabulary), self.weights)
        check_calibration(self.calibration, self.labels, self.multilabel)
        path = Path(os.path.realpath(path))  # a link stays, and what it names is replaced
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            weights = _weights_file(self)
            write_durably(temporary / WEIGHTS_FILE, weights)
            values = self._values() | {"files": {WEIGHTS_FILE: hashlib.sha256(weights).hexdigest()}}
            values["checksum"] = _checksum(values)
            write_durably(temporary / MODEL_FILE, json.dumps(values, indent=1).encode())
            temporary.chmod(0o755)
            _replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @classmethod
    def load(cls, path: str | Path) -> Bundle:
        """Reads and checks the folder `path`.

        Raises:
            BundleError: The folder is missing, is no bundle, is damaged or half written, has a newer
                format, or its arrays do not fit its configuration; every mismatch is listed.
        """
        path = Path(path)
        values = _read_model(path)
        weights_path = path / WEIGHTS_FILE
        try:
            raw = weights_path.read_bytes()
        except OSError as error:
            raise BundleError(
                f"{weights_path}: {error.strerror}; copy the whole model folder again"
            ) from None
        try:
            if hashlib.sha256(raw).hexdigest() == values["files"][WEIGHTS_FILE]:
                bundle = cls._from_values(values, load_arrays(raw))
                check_weights(
                    bundle.config, bundle.labels, bundle.multilabel, len(bundle.vocabulary), bundle.weights
                )
                check_calibration(bundle.calibration, bundle.labels, bundle.multilabel)
                return bundle
        except (GrutextError, KeyError, TypeError, ValueError, AttributeError, SafetensorError) as error:
            raise BundleError(
                f"{path} is not a model that this version can read: {error}; train anew, or update grutext"
            ) from error
        raise BundleError(f"{weights_path} is damaged (its SHA-256 differs); copy it again, or train anew")

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
        fields = {name: values[name] for name in names if name in values or name not in _ADDED}
        calibration: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values["calibration"].items()
        }
        fields["config"] = Config.from_dict(values["config"])
        fields["calibration"] = Calibration(**calibration)
        fields["labels"], fields["vocabulary"] = tuple(values["labels"]), tuple(values["vocabulary"])
        return cls(weights=weights, **fields)


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


def _read_model(path: Path) -> dict[str, Any]:
    """Reads and checks `model.json`, as far as this can be done without the weights."""
    if not os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises where a name is too long)
        state = "is not a folder" if os.path.lexists(path) else "does not exist"
        raise BundleError(f"the model folder {path} {state}; grutext train makes one, -m names another")
    try:
        values = json.loads((path / MODEL_FILE).read_bytes())
    except FileNotFoundError:
        raise BundleError(f"{path} is no model: it has no {MODEL_FILE}; -m names the model folder") from None
    except OSError as error:
        raise BundleError(
            f"{path / MODEL_FILE}: {error.strerror}; copy the whole model folder again"
        ) from None
    except (ValueError, RecursionError):
        raise BundleError(
            f"{path / MODEL_FILE} is damaged or half written; copy it again, or train anew"
        ) from None
    version = values.get("format") if isinstance(values, dict) else None
    if not isinstance(version, int):
        raise BundleError(f"{path / MODEL_FILE} is not grutext's; -m names the model folder")
    if version > FORMAT:
        raise BundleError(
            f"{path} has model format {version}, newer than this grutext reads ({FORMAT}); update grutext"
        )
    if values.pop("checksum", None) != _checksum(values):
        raise BundleError(
            f"{path / MODEL_FILE} is damaged (its checksum differs); copy it again, or train anew"
        )
    return dict(values)


def _weights_file(bundle: Bundle) -> bytes:
    return save_arrays({name: np.ascontiguousarray(array) for name, array in bundle.weights.items()})


def _checksum(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def write_durably(path: Path, content: bytes) -> None:
    """Writes a file and waits until it is on the disk.

    Raises:
        OSError: It cannot be written.
    """
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
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
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    try:
        path.rename(old)
        temporary.rename(path)
    finally:
        if not path.exists():
            old.rename(path)
        shutil.rmtree(old, ignore_errors=True)
