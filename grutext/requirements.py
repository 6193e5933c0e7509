"""Whether the packages that a command needs are installed, found out without importing them."""

from __future__ import annotations

from importlib.util import find_spec

from grutext.errors import MissingExtraError

_MODULES = {
    "fastapi": "fastapi",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "numba": "numba",
    "onnx": "onnx",
    "optuna": "optuna",
    "prometheus-client": "prometheus_client",
    "pyarrow": "pyarrow",
    "pyspark": "pyspark",
    "scikit-learn": "sklearn",
    "tensorboard": "tensorboard",
    "tensorflow": "tensorflow",
    "tokenizers": "tokenizers",
    "uvicorn": "uvicorn",
}
_EXTRAS = {
    "fastapi": "serve",
    "jinja2": "report",
    "matplotlib": "train",
    "numba": "train",
    "onnx": "onnx",
    "optuna": "tune",
    "prometheus-client": "serve",
    "pyarrow": "spark",
    "pyspark": "spark",
    "scikit-learn": "train",
    "tensorboard": "tensorboard",
    "tensorflow": "tensorflow",
    "tokenizers": "vectors",
    "uvicorn": "serve",
}


def is_installed(package: str) -> bool:
    """Return whether a package is installed.

    Args:
        package: The name of the distribution, one of those above.
    """
    try:
        return find_spec(_MODULES[package]) is not None
    except ImportError:  # an import hook refuses it
        return False
    except ValueError:  # something imported it and left it without a spec
        return True


def check_installed(feature: str, *packages: str) -> None:
    """Raise a MissingExtraError that names the first package that is not installed, and the extra that brings it.

    Args:
        feature: What needs the packages, such as `grutext train`.
        packages: Names of distributions, as in `is_installed`.
    """
    for package in packages:
        if not is_installed(package):
            raise MissingExtraError(feature, package, _EXTRAS[package])
