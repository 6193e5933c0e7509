"""Models in the processes that work for a cluster: each is loaded once, however many tasks a process runs."""

from __future__ import annotations

import socket
from functools import lru_cache
from pathlib import Path
from threading import Lock

from grutext.errors import BundleError
from grutext.inference import Classifier
from grutext.kernels import PREDICTION, why_unavailable
from grutext.model.reading import MODEL_FILE, model_digest

_MOST = 4  # models that a process keeps
_loading = Lock()


def load_once(folder: str, digest: str, threads: int) -> Classifier:
    """Return the model in a folder of this machine, loaded when this process first asks for it.

    All processes must answer alike, so it uses compiled kernels from the first text on, unless there are none here.

    Args:
        folder: The folder.
        digest: The SHA-256 of the model that is expected there, as `model_digest` returns it.
        threads: The number of threads that work on many texts.

    Raises:
        BundleError: The folder is missing or damaged, or has another model.
    """
    with _loading:  # or threads that begin together would each load it
        return _load(folder, digest, threads)


@lru_cache(_MOST)
def _load(folder: str, digest: str, threads: int) -> Classifier:
    path, here = Path(folder), socket.gethostname()
    if not (path / MODEL_FILE).is_file():
        raise BundleError(f"{folder} is no model on {here}; put it there, or let it be sent to the workers")
    if model_digest(path) != digest:
        raise BundleError(f"{folder} on {here} is another model than where the job was started; copy it anew")
    return Classifier.load(path, threads, compiled=why_unavailable(*PREDICTION) is None)
