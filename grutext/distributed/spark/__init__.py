"""Work on a Spark cluster: classic Spark with a driver, and Spark Connect."""

from grutext.distributed.spark.prediction import predict

__all__ = ["predict"]
