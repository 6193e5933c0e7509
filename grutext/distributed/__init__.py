"""Work that is spread over several machines, by engines that exist for that."""

from grutext.distributed.batches import BatchPredictor
from grutext.distributed.sharding import ShardSettings
from grutext.distributed.shards import write_shards

__all__ = ["BatchPredictor", "ShardSettings", "write_shards"]
