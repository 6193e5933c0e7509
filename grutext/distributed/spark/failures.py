"""Errors of Spark in one line, in place of the stack traces of Java and of the workers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from grutext import errors
from grutext.errors import ClusterError, DataError, GrutextError
from grutext.messages import shorten

_RAISED_BY_US = re.compile(r"^grutext\.errors\.(\w+): (.+)$", re.MULTILINE)
_MISSING_MODULE = re.compile(r"^ModuleNotFoundError: No module named '(\w+)", re.MULTILINE)
_NO_PROGRAM = re.compile(r'Cannot run program "(.+?)"')
_PYTHON = re.compile(r"^[\w.]+(?:Error|Exception): (.+)$", re.MULTILINE)  # the last line of a traceback
# An exception of Java, or a cause of one.
_JAVA = re.compile(r"^(?:: |Caused by: )[\w.$]+: (.+)$", re.MULTILINE)
_CSV_HEADER = re.compile(r"CSV header (?:.*\n)+?CSV file: (.+)$", re.MULTILINE)
_CODE = re.compile(r"\[[A-Z_.0-9]+\] | SQLSTATE: \w+")
_LONGEST = 300
_LOST = "the connection to Spark is lost; what was written is not complete, start again"


@contextmanager
def explained() -> Iterator[None]:
    """Raise errors of Spark, and of the code that it ran on a worker, as errors of grutext.

    Raises:
        GrutextError: The error that a worker raised, or a ClusterError.
    """
    try:
        yield
    except GrutextError:
        raise
    except Exception as error:
        found = _explain(error)
        if found is None:
            raise
        raise found from None


def _explain(error: Exception) -> GrutextError | None:
    """Return an error of grutext for one of Spark; None for any other."""
    if not _is_of_spark(error):
        return None
    text = str(error)
    if raised := _RAISED_BY_US.findall(text):
        name, message = raised[-1]
        kind = getattr(errors, name, ClusterError)
        return kind(message) if kind in (errors.DataError, errors.BundleError) else ClusterError(message)
    if file := _CSV_HEADER.search(text):
        problem = (
            "its first line has other columns than the other files, or in another order, or one of them twice"
        )
        return DataError(problem, file[1])
    if _is_lost(error, text):
        return ClusterError(_LOST)
    return ClusterError(_find_missing(text) or f"Spark: {_describe(text)}")


def _find_missing(text: str) -> str | None:
    """Return a line on what a worker lacks to run Python; None if it lacks nothing."""
    if program := _NO_PROGRAM.search(text):
        return f"a worker has no {program[1]}; set PYSPARK_PYTHON to the Python that has grutext there"
    if package := _MISSING_MODULE.search(text):
        return (
            f"a worker has no {package[1]}; install grutext and its extra spark for the Python that Spark runs there, or name "
            "another one by PYSPARK_PYTHON"
        )
    return None


def _is_of_spark(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in ("pyspark", "py4j", "grpc") or isinstance(
        error, ConnectionError
    )


def _is_lost(error: Exception, text: str) -> bool:
    """Return whether the driver or the server does not answer any more."""
    return (
        isinstance(error, ConnectionError)
        or type(error).__name__ in ("Py4JNetworkError", "RetriesExceeded")
        or "StatusCode.UNAVAILABLE" in text
    )


def _describe(text: str) -> str:
    """Return what happened and the deepest cause, without Spark's names for the kind of an error and without stack traces."""
    raised = _PYTHON.findall(text) if "Traceback (most recent call last)" in text else []
    messages = raised[-1:] or _JAVA.findall(text) or [line for line in text.splitlines() if line.strip()][:1]
    messages = [_CODE.sub("", message).strip() for message in messages]
    if len(messages) > 1 and messages[0].startswith("Job aborted"):
        messages = messages[1:]
    first, last = messages[0], messages[-1]
    if first.startswith("Path ") and "already exists" in first:
        return f"{first.partition('. Set mode')[0]}; delete it, or name another folder"
    return shorten(first if last in first else f"{first.rstrip('. ')}: {last}", _LONGEST)
