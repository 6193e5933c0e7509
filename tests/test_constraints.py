"""constraints/ and pyproject.toml agree: the lock has all that is asked for, and the oldest is what is called so."""

import re
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "constraints" / "ci.txt").read_text(encoding="utf-8")
LOWEST = (ROOT / "constraints" / "lowest.txt").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
USED = [*PROJECT["dependencies"], *EXTRAS["train"], *EXTRAS["tensorflow"], *EXTRAS["fast"]]
PIN = re.compile(r"^([\w.-]+)==([\w.]+)(?: ; ([^\\\n]+))?", re.MULTILINE)
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def applies(marker: object, python: str) -> bool:
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    return marker is None or Marker(str(marker)).evaluate(environment)


def pins(text: str, python: str) -> dict[str, Version]:
    """Return the versions of a list for a version of Python on Linux."""
    found = [
        (name, Version(number))
        for name, number, marker in PIN.findall(text)
        if applies(marker or None, python)
    ]
    assert len(found) == len(dict(found)), "a package has two versions"
    return dict(found)


def check_lock(text: str, asked: list[str], python: str) -> None:
    """Assert that a lock has a version that fits for each package that is asked for."""
    locked = pins(text, python)
    for requirement in map(Requirement, asked):
        if applies(requirement.marker, python):
            assert requirement.name in locked, f"{requirement.name} is not locked: scripts/lock"
            assert locked[requirement.name] in requirement.specifier, f"{requirement}: scripts/lock"


def check_lowest(text: str, asked: list[str]) -> None:
    """Assert that the oldest versions are those that pyproject.toml begins with."""
    oldest = pins(text, PYTHONS[0])
    for requirement in map(Requirement, asked):
        (bound,) = requirement.specifier
        release = Version(bound.version).release
        assert bound.operator == ">="
        assert oldest[requirement.name].release[: len(release)] == release, f"{requirement}: scripts/lock"


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_every_requirement(python):
    check_lock(LOCK, [*USED, *EXTRAS["dev"], *PYPROJECT["build-system"]["requires"]], python)


def test_the_oldest_versions_are_the_lower_bounds():
    check_lowest(LOWEST, USED)


def test_every_locked_file_has_a_hash():
    for entry in re.split(r"\n(?=\w)", LOCK.strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


def test_no_list_names_a_package_index():
    assert not re.search(r"https?:|file:|index-url|find-links|@", LOCK + LOWEST)


def test_notices_a_mismatch():
    lock = "numpy==1.26.0 ; python_full_version < '3.11'\nnumpy==2.0 ; python_full_version >= '3.11'\n"
    check_lock(lock, ["numpy>=1.26", "tomli>=2; python_version < '3.9'"], "3.10")
    for asked in ("numpy>=1.27", "scipy"):
        with pytest.raises(AssertionError, match=r"scripts/lock"):
            check_lock(lock, [asked], "3.10")
    with pytest.raises(AssertionError, match="two versions"):
        check_lock(lock + "numpy==3\n", ["numpy"], "3.10")
    check_lowest("numpy==1.26.3\n", ["numpy>=1.26"])
    with pytest.raises(AssertionError, match=r"scripts/lock"):
        check_lowest("numpy==1.27.0\n", ["numpy>=1.26"])
