"""Whether the packages that a command needs are installed, found out without importing them."""

from __future__ import annotations

from importlib.util import find_spec

from grutext.errors import MissingExtraError

_MODULES = {"scikit-learn": "sklearn", "tensorflow": "tensorflow", "matplotlib": "matplotlib"}


def is_installed(package: str) -> bool:
    """Gives whether a package is installed."""
    try:
        return find_spec(_MODULES[package]) is not None
    except ImportError:  # an import hook that refuses it
        return False
    except ValueError:  # imported already, by something that left it without a spec
        return True


def check_installed(feature: str, *packages: str) -> None:
    """Raises a MissingExtraError that names the first package that is not installed."""
    for package in packages:
        if not is_installed(package):
            raise MissingExtraError(feature, package, "train")
