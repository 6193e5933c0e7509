"""Whether the packages that a command needs are installed, found out without importing them."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from grutext.errors import MissingExtraError

_MODULES = {"scikit-learn": "sklearn", "tensorflow": "tensorflow", "matplotlib": "matplotlib"}


def is_installed(package: str) -> bool:
    """Gives whether a package is installed."""
    module = _MODULES[package]
    try:
        return find_spec(module) is not None
    except ValueError:  # a module in sys.modules without a spec, or None in its place
        return sys.modules[module] is not None


def check_installed(feature: str, *packages: str) -> None:
    """Raises a MissingExtraError that names the first package that is not installed."""
    for package in packages:
        if not is_installed(package):
            raise MissingExtraError(feature, package, "train")
