"""Work that is spread over several machines, by engines that exist for that."""

from grutext.distributed.batches import BatchPredictor

__all__ = ["BatchPredictor"]
