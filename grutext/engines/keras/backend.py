"""TensorFlow and Keras, imported without the lines that they write to stderr.

TensorFlow's C++ code writes before its own log level applies, so the file descriptor of stderr points to a scratch file while
it is imported. An error in the import is raised as usual.

Raises on import:
    MissingExtraError: TensorFlow or Keras is not installed.
    TrainingError: Keras runs on another backend.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from grutext.errors import MissingExtraError, TrainingError


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    sys.stderr.flush()
    with tempfile.TemporaryFile() as scratch:
        saved = os.dup(2)
        os.dup2(scratch.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
try:
    with _quiet_stderr():
        import keras
        import tensorflow as tf
except ModuleNotFoundError as error:
    raise MissingExtraError("the TensorFlow engine", error.name or "tensorflow", "tensorflow") from error
tf.get_logger().setLevel("ERROR")
if keras.backend.backend() != "tensorflow":
    raise TrainingError(
        f"grutext trains with Keras on TensorFlow, but Keras runs on {keras.backend.backend()}; "
        "set KERAS_BACKEND=tensorflow before keras is imported"
    )

__all__ = ["keras", "tf"]
