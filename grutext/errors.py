"""All errors that grutext raises on purpose, as one small family of exceptions.

A message says what is wrong, where, and what to do about it, in one line. The library raises these;
only `grutext.cli` turns them into a line on stderr and an exit code.
"""

from __future__ import annotations

from grutext.messages import escape


class GrutextError(Exception):
    """The parent of all errors that grutext raises on purpose."""


class ConfigError(GrutextError):
    """A setting has an unknown name, a wrong type or a value out of range."""


class DataError(GrutextError):
    """A data source cannot be read, or its rows cannot be used.

    Args:
        problem: What is wrong and what to do about it, without naming the place.
        source: The file or data set as the user named it.
        row: The line (or row) number, counted from 1.
    """

    def __init__(self, problem: str, source: str | None = None, row: int | None = None) -> None:
        self.problem = problem
        self.source = source
        self.row = row
        name = None if source is None else escape(source)
        place = "" if name is None else name if row is None else f"{name}, line {row}"
        super().__init__(f"{place}: {problem}" if place else problem)


class BundleError(GrutextError):
    """A model folder is missing, damaged, half written, or of a format this version cannot read."""


class SessionError(GrutextError):
    """A session cannot be started, continued or resumed."""


class ExportError(GrutextError):
    """A model cannot be written for another runtime."""


class TrainingError(GrutextError):
    """Training cannot start or cannot continue."""


class ClusterError(GrutextError):
    """A cluster cannot be reached, goes away, or cannot do what it is asked for."""


class MissingExtraError(GrutextError):
    """A feature needs a package that is not installed.

    Args:
        feature: What the user asked for, such as `grutext train`.
        package: The package that could not be imported.
        extra: The extra of grutext that installs it.
    """

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(f"{feature} needs {package}; install it with: pip install 'grutext[{extra}]'")
