"""The way of a model from the driver to the workers."""

from __future__ import annotations

import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def send_model(session: SparkSession, folder: Path, digest: str) -> str:
    """Send a model to the workers of a session, which unpack it; return the name by which they find it.

    Args:
        session: The session.
        folder: The folder of the model.
        digest: The SHA-256 of the model; the same one is sent once.
    """
    name = f"grutext-{digest[:16]}"
    archive = Path(_archives().name, f"{name}.zip")
    if not archive.exists():
        with zipfile.ZipFile(archive, "w") as packed:
            for file in sorted(folder.iterdir()):
                # Without the times of the files, so that the same model is the same archive.
                packed.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
    session.addArtifacts(f"{archive}#{name}", archive=True)
    return name


def find_model(name: str) -> str:
    """Return the folder of a sent model, on a worker."""
    from pyspark import SparkFiles

    return str(SparkFiles.get(name))


@cache
def _archives() -> tempfile.TemporaryDirectory[str]:
    """Return the folder of the archives; workers fetch them as long as this process lives, which removes it at its end."""
    return tempfile.TemporaryDirectory(prefix="grutext-")
