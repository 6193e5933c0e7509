"""Sessions on a Spark cluster, without Spark's own messages."""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from grutext.distributed.spark.failures import explained
from grutext.errors import ClusterError
from grutext.messages import shorten

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_RAISED = re.compile(r'^Exception in thread "main" [\w.$]+: (.+)$', re.MULTILINE)
_PORTS = {"sc": 15002, "spark": 7077}  # unless the URL names another
# Tries to reach a server that does not answer, and the longest wait for one of them in seconds.
_TRIES, _PATIENCE = 6, 10


@contextmanager
def open_session(master: str | None = None, remote: str | None = None) -> Iterator[SparkSession]:
    """Open a session on a cluster, which ends with it; a session of classic Spark that this process has already stays open.

    Nothing that Spark logs reaches the terminal, and its errors become errors of grutext.

    Args:
        master: The URL of the cluster's manager, such as `spark://host:7077`, `yarn` or `local[2]`; None is the one
            that Spark is configured for, or all cores of this machine.
        remote: The URL of a Spark Connect server, `sc://host:port`, instead of a master.

    Raises:
        ClusterError: Spark does not start, or cannot do what it is asked for.
        GrutextError: What a worker raised.
    """
    with explained(), _choose_session(master, remote) as session:
        yield session


@contextmanager
def _choose_session(master: str | None, remote: str | None) -> Iterator[SparkSession]:
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    warnings.filterwarnings("ignore", r"\[RETRIES_EXCEEDED\]", UserWarning)  # an error says so
    if remote is not None:
        with _connected(remote) as session:
            yield session
        return
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    with tempfile.TemporaryFile() as log, _driver(master, log) as session:
        yield session


@contextmanager
def _connected(remote: str) -> Iterator[SparkSession]:
    """Connect to a server of Spark Connect."""
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    _check_answers(remote)
    session = SparkSession.builder.remote(remote).getOrCreate()
    # By itself it would try for ten minutes to reach a server that is gone.
    session.client.set_retry_policies([DefaultPolicy(max_retries=_TRIES, max_backoff=1000 * _PATIENCE)])
    try:
        yield session
    finally:
        session.client.set_retry_policies([])
        with suppress(Exception):  # the server is gone
            session.stop()


def _check_answers(url: str) -> None:
    """Raise a ClusterError if none of the addresses of a URL can be reached; Spark by itself would try for minutes."""
    parts = urlsplit(url)
    for address in parts.netloc.split(","):
        server = urlsplit(f"//{address}")
        try:
            socket.create_connection(
                (server.hostname, server.port or _PORTS[parts.scheme]), _PATIENCE
            ).close()
        except OSError as error:
            problem = f"{url} cannot be reached: {error.strerror or error}"
        else:
            return
    raise ClusterError(problem)


@contextmanager
def _driver(master: str | None, log: IO[bytes]) -> Iterator[SparkSession]:
    """Start a driver, whose messages go to a file."""
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    conf = SparkConf().set("spark.app.name", "grutext").set("spark.ui.showConsoleProgress", "false")
    if master is not None:
        conf.set("spark.master", master)
        if master.startswith("spark://"):
            _check_answers(master)
    try:
        gateway = launch_gateway(conf, {"stdout": log, "stderr": log})
    except PySparkRuntimeError:
        log.seek(0)
        lines = log.read().decode(errors="replace").strip()
        if raised := _RAISED.search(lines):
            raise ClusterError(f"Spark does not start: {shorten(raised[1], 200)}") from None
        first = shorten(lines.partition("\n")[0], 200)
        raise ClusterError(f"Spark does not start ({first}); check Java and JAVA_HOME") from None
    try:
        # As spark-defaults.conf has it too, which only Java reads.
        if SparkConf(_jvm=gateway.jvm).get("spark.master", "").startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers are on this machine
        # PySpark asks Java what an error means, so that it must be explained before Java ends.
        with explained(), SparkContext(conf=conf, gateway=gateway) as context:
            yield SparkSession(context)
    finally:
        gateway.shutdown()
        gateway.proc.stdin.close()  # ends Java
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001 (or the next session would call it)
