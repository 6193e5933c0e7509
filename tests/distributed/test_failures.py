"""Errors of Spark in one line, from the texts that Spark 4.2 gives them."""

import pytest

from grutext.distributed.spark.failures import explained
from grutext.errors import BundleError, ClusterError, DataError

TASK = (
    "An error occurred while calling o63.save.\n: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in "
    "stage 1.0 failed 1 times, most recent failure: Lost task 0.0 in stage 1.0 (TID 1) (192.0.2.2 executor driver): "
)
TRACEBACK = 'An exception was thrown from the Python worker:\nTraceback (most recent call last):\n  File "worker.py", line 3569\n'
HEADER = (
    "Caused by: java.lang.IllegalArgumentException: CSV header does not conform to the schema.\n Header: message, id\n"
    " Schema: id, message\nExpected: id but found: message\nCSV file: file:///mails/second.csv\n\tat org.apache.spark"
)


class SparkError(Exception):
    __module__ = "pyspark.errors.exceptions.captured"


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        (
            TRACEBACK + "grutext.errors.BundleError: /m on host is no model",
            BundleError,
            "/m on host is no model",
        ),
        (
            TRACEBACK + "ModuleNotFoundError: No module named 'numpy'",
            ClusterError,
            ("a worker has no numpy; install grutext and its extra spark for the Python that Spark runs there, or name another "
            "one by PYSPARK_PYTHON"),
        ),
        (
            TASK + 'java.io.IOException: Cannot run program "/gone/python": error=2, No such file or directory\n'
            "\tat java.base/java.lang.ProcessBuilder.start\nCaused by: java.io.IOException: error=2, No such file or directory",
            ClusterError,
            "a worker has no /gone/python; set PYSPARK_PYTHON to the Python that has grutext there",
        ),
        (
            TRACEBACK + "pyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in worker has "
            "different version: 3.12 than that in driver: 3.11.\nPlease check environment variables",
            ClusterError,
            "Spark: Python in worker has different version: 3.12 than that in driver: 3.11.",
        ),
        (
            TASK + "org.apache.spark.SparkException: [FAILED_READ_FILE.NO_HINT] Encountered error\n" + HEADER,
            DataError,
            ("file:///mails/second.csv: its first line has other columns than the other files, or in another order, or one of "
            "them twice"),
        ),
        (
            '[PATH_ALREADY_EXISTS] Path file:/out already exists. Set mode as "overwrite" to overwrite. SQLSTATE: 42K04',
            ClusterError,
            "Spark: Path file:/out already exists; delete it, or name another folder",
        ),
        (
            "[COLUMN_ALREADY_EXISTS] The column `message` already exists. Choose another name. SQLSTATE: 42711",
            ClusterError,
            "Spark: The column `message` already exists. Choose another name.",
        ),
    ],
)  # fmt: skip
def test_errors_of_spark_are_one_line(text, kind, line):
    with pytest.raises(kind) as caught, explained():
        raise SparkError(text)
    assert str(caught.value) == line


def test_other_errors_are_left_alone():
    with pytest.raises(ZeroDivisionError), explained():
        raise ZeroDivisionError
