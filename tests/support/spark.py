"""Spark on this machine: a small cluster of real executors, and Spark's Connect protocol without Java."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import grutext

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CLUSTER = "local-cluster[2,1,1024]"  # two executors, processes of their own, with one core and 1,024 MB each
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # short runs: start soon, rather than run fast later


def why_no_cluster() -> str | None:
    """Return why `start_cluster` cannot run here; None if it can."""
    if find_spec("pyspark") is None:
        return "pyspark is not installed"
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "there is no Java, which Spark runs on"
    return None


def why_no_sail() -> str | None:
    """Return why `start_sail` cannot run here; None if it can."""
    if find_spec("pyspark") is None or find_spec("pysail") is None:
        return "pyspark or pysail is not installed"
    from pyspark import __version__

    if tuple(map(int, __version__.split(".")[:2])) > (4, 2):
        return f"pysail 0.7 knows PySpark up to 4.2, not {__version__}"
    return None


@contextmanager
def start_cluster(folder: Path) -> Iterator[SparkSession]:
    """Start a Spark driver with two executors, yield its session, and end all of them.

    The driver serves Spark Connect too; `spark.conf.get("spark.connect.grpc.binding.port")` is its port.

    Args:
        folder: An empty folder for what Spark writes beside its results.
    """
    home = _spark_home(folder)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARK_HOME", str(home))
        environment.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        environment.setenv("PYSPARK_PYTHON", sys.executable)
        environment.setenv("PYTHONPATH", str(Path(grutext.__file__).parents[1]))  # for the executors
        environment.chdir(folder)
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession

        conf = SparkConf().setAll(
            {
                "spark.master": CLUSTER,
                "spark.driver.extraJavaOptions": _JAVA,
                "spark.executor.extraJavaOptions": _JAVA,
                "spark.local.dir": str(folder / "local"),
                "spark.sql.warehouse.dir": str(folder / "warehouse"),
                "spark.sql.shuffle.partitions": "2",
                "spark.ui.enabled": "false",
                "spark.ui.showConsoleProgress": "false",
                "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
                "spark.connect.grpc.binding.port": str(_free_port()),
            }.items()
        )
        with (folder / "driver.log").open("wb") as log:
            gateway = launch_gateway(conf, popen_kwargs={"stdout": log, "stderr": log})
        session = SparkSession(SparkContext(conf=conf, gateway=gateway))
        try:
            yield session
        finally:
            session.stop()
            gateway.shutdown()
            gateway.proc.stdin.close()  # ends Java
            gateway.proc.wait(30)
            SparkContext._gateway = SparkContext._jvm = None


@contextmanager
def start_sail() -> Iterator[str]:
    """Start Sail, which speaks Spark's Connect protocol, in this process; yield its address, `sc://…`."""
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start()
    try:
        host, port = server.listening_address
        yield f"sc://{host}:{port}"
    finally:
        server.stop()


def _spark_home(folder: Path) -> Path:
    """Make a home of Spark that links to the installed one; workers write to their home."""
    import pyspark

    home = folder / "home"
    home.mkdir()
    for part in ("bin", "jars"):
        (home / part).symlink_to(Path(pyspark.__file__).parent / part)
    return home


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
