"""Work on a Spark cluster: classic Spark with a driver, and Spark Connect."""

from grutext.distributed.spark.check import check
from grutext.distributed.spark.prediction import predict
from grutext.distributed.spark.shards import write_shards

__all__ = ["check", "predict", "write_shards"]
