"""Build the source distribution and the wheel from the last commit, and check both."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from releasing.environments import run
from releasing.errors import ReleaseError


@dataclass(frozen=True)
class Release:
    """The files of a release.

    Attributes:
        wheel: The wheel.
        sdist: The source distribution.
        notes: One line for each thing that was checked.
    """

    wheel: Path
    sdist: Path
    notes: tuple[str, ...]


def build_release(root: Path, out: Path) -> Release:
    """Build both files from the last commit into a folder, and check them.

    Args:
        root: The repository.
        out: The folder; earlier distributions in it are deleted.

    Raises:
        ReleaseError: A check fails.
    """
    notes = []
    if run("git", "-C", root, "status", "--porcelain").strip():
        notes.append("changes that are not committed are left out")
    moment = run("git", "-C", root, "log", "-1", "--format=%ct").strip()
    out.mkdir(parents=True, exist_ok=True)
    for before in out.glob("grutext-*"):
        before.unlink()
    with tempfile.TemporaryDirectory(prefix="grutext-build-") as name:
        work = Path(name)
        first, second = (
            export_commit(root, work / "first", 0o022),
            export_commit(root, work / "second", 0o077),
        )
        check_version(first)
        sdist, wheel = build(first, out, moment)
        notes.append(
            check_same("built again in another folder", build(second, work / "again", moment), sdist, wheel)
        )
        with tarfile.open(sdist) as archive:
            archive.extractall(work / "sdist", filter="data")
        (unpacked,) = (work / "sdist").iterdir()
        notes.append(
            check_same(
                "built from the source distribution", build(unpacked, work / "third", moment), sdist, wheel
            )
        )
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
    run(sys.executable, "-m", "check_wheel_contents", wheel)
    sizes = ", ".join(f"{file.name} {file.stat().st_size / 1e6:.1f} MB" for file in (wheel, sdist))
    return Release(wheel, sdist, (*notes, f"twine and check-wheel-contents find nothing wrong: {sizes}"))


def export_commit(root: Path, folder: Path, umask: int) -> Path:
    """Write the files of the last commit into a new folder, with the permissions that a umask leaves, and return it."""
    packed = subprocess.run(["git", "-C", root, "archive", "HEAD"], capture_output=True, check=True).stdout
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode & ~umask)
    return folder


def check_version(source: Path) -> None:
    """Raise a ReleaseError if the files that name the version disagree."""
    version = read(source / "grutext/__init__.py", r'^__version__ = "(.+)"$')
    if version not in re.findall(
        r"^## \[(.+?)\] - \d{4}-\d\d-\d\d$", (source / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    ):
        raise ReleaseError(f"CHANGELOG.md has no section and date for {version}")
    cited = read(source / "CITATION.cff", r'^version: "?(.+?)"?$')
    if cited != version:
        raise ReleaseError(f"CITATION.cff names version {cited}, and grutext/__init__.py {version}")


def read(file: Path, pattern: str) -> str:
    """Return the group of a pattern's first match in a file."""
    found = re.search(pattern, file.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ReleaseError(f"{file.name} has no line like {pattern}")
    return found[1]


def build(source: Path, out: Path, moment: str) -> tuple[Path, Path]:
    """Build the source distribution and, from it, the wheel; return both files.

    Args:
        source: A folder with pyproject.toml.
        out: The folder to write to.
        moment: The time that the files in the archives get, in seconds since 1970.
    """
    run(
        sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source,
        environment={"SOURCE_DATE_EPOCH": moment},
    )  # fmt: skip
    (sdist,), (wheel,) = out.glob("grutext-*.tar.gz"), out.glob("grutext-*.whl")
    return sdist, wheel


def check_same(how: str, built: tuple[Path, Path], *files: Path) -> str:
    """Return a line that says so if two builds gave the same bytes.

    Raises:
        ReleaseError: They did not.
    """
    for one, other in zip(built, files, strict=True):
        if digest(one) != digest(other):
            raise ReleaseError(f"{other.name} has other bytes when it is {how}")
    return f"{how}: the same bytes"


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
