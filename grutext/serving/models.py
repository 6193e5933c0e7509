"""The models of a server: loaded together, and replaced together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grutext.errors import BundleError, ConfigError
from grutext.inference import Classifier
from grutext.inference.sessions import can_stream
from grutext.kernels import PREDICTION, SESSIONS
from grutext.kernels.precompile import prepare_kernels
from grutext.messages import list_names, quote, suggest
from grutext.model.reading import checksum, read_values
from grutext.serving.errors import UnavailableError, UnknownModelError

_WARM_UP = ("The first call loads what later ones use.", "")


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A loaded model.

    Attributes:
        name: Its name in requests.
        classifier: The model.
        streams: Whether it answers while a text is still coming.
        checksum: The `checksum` of its `model.json`, which covers every value and weight.
    """

    name: str
    classifier: Classifier
    streams: bool
    checksum: str

    def identity(self) -> dict[str, str]:
        """Return what every answer says of the model: its name, its version, which is when it was trained, and its hash."""
        return {"name": self.name, "version": self.classifier.bundle.created, "hash": self.checksum}

    def description(self) -> dict[str, object]:
        """Return its identity, its labels and what it can do."""
        bundle = self.classifier.bundle
        return self.identity() | {
            "labels": list(self.classifier.labels),
            "multilabel": self.classifier.multilabel,
            "encodes": bundle.config.gru.enabled,
            "streams": self.streams,
            "early": [row for row in bundle.early if row.get("threshold") is not None],
            "familiarity": bool(bundle.calibration.familiarity),
        }


class Models:
    """The models of a server by their names; the first one answers requests that name none.

    Args:
        folders: The folder of each model by its name, at least one.
        threads: The number of threads that work on many texts; None is one for each core that the process may use.
        note: Is called with a line if kernels are compiled.
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        threads: int | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folders = dict(folders)
        self._threads = threads
        self._note = note
        self._work = "the models are being loaded"
        self._loaded: dict[str, ServedModel] = {}

    @property
    def are_loaded(self) -> bool:
        """Whether requests can be answered."""
        return bool(self._loaded)

    def check(self) -> None:
        """Raise a BundleError if there is no model where one should be, or if its `model.json` is damaged."""
        for folder in self._folders.values():
            read_values(folder)

    def load(self) -> None:
        """Load all models; those that were loaded before answer until then, and for ever if one cannot be loaded.

        With Numba they use compiled kernels, which are compiled now if they are not in its cache.

        Raises:
            BundleError: A folder is missing, damaged or of a newer format.
            ConfigError: The number of threads is below 1.
        """
        compiled = prepare_kernels(*PREDICTION, note=self._begin_compiling)
        self._loaded = {name: self._load(name, folder, compiled) for name, folder in self._folders.items()}

    def _load(self, name: str, folder: Path, compiled: bool) -> ServedModel:
        """Load a model and let it answer once, so that the first request does not wait for what is made on first use."""
        while True:
            digest = checksum(read_values(folder))
            classifier = Classifier.load(folder, self._threads, compiled)
            if digest == checksum(read_values(folder)):  # otherwise the folder was replaced meanwhile
                break
        streams = can_stream(classifier.bundle)
        if streams and compiled:
            prepare_kernels(*SESSIONS, note=self._begin_compiling)
        try:
            classifier.answer(_WARM_UP)
            if streams:
                classifier.session().push(_WARM_UP[0])
        except BundleError as error:
            raise BundleError(f"{folder}: {error}") from None
        return ServedModel(name, classifier, streams, digest)

    def _begin_compiling(self, line: str) -> None:
        self._work = f"the models are being loaded: {line}"
        self._note(line)

    def find(self, name: str | None) -> ServedModel:
        """Return the model with a name, or the first one.

        Raises:
            UnavailableError: The models are not loaded yet.
            UnknownModelError: None has this name; the message lists those there are.
        """
        if not self._loaded:
            raise UnavailableError(f"{self._work}; try again in a second")
        if name is None:
            return next(iter(self._loaded.values()))
        if name not in self._loaded:
            raise UnknownModelError(
                f"there is no model {quote(name)}{suggest(name, list(self._loaded), ';')} "
                f"the models are {list_names(list(self._loaded))}"
            )
        return self._loaded[name]

    def list(self) -> Sequence[ServedModel]:
        """Return all models, the default first.

        Raises:
            UnavailableError: They are not loaded yet.
        """
        self.find(None)
        return tuple(self._loaded.values())


def name_folders(given: Sequence[str]) -> dict[str, Path]:
    """Return the folder of each model by its name, from `DIR` or `NAME=DIR`; a `DIR` is named like the folder.

    Raises:
        ConfigError: A name is empty, or two models have the same.
    """
    folders: dict[str, Path] = {}
    for value in given:
        name, equals, folder = value.partition("=")
        if not equals or Path(value).exists():
            name, folder = Path(value).resolve().name, value
        if not name or name in folders:
            problem = "has no name" if not name else f"is the second with the name {quote(name)}"
            raise ConfigError(f"the model {quote(value)} {problem}; name it with -m NAME=DIR")
        folders[name] = Path(folder)
    return folders
