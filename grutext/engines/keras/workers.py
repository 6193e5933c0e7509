"""Workers that reach each other by `tf.distribute.MultiWorkerMirroredStrategy`.

The strategy connects them and runs a training step on all. Every worker has all weights in variables of its own; they
start equal, and stay equal since all workers apply the same sums of gradients. Sums and rows come in the order of the ranks,
so they are the same to the last bit on every worker.
"""

from __future__ import annotations

import faulthandler
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grutext.engines.keras.backend import tf
from grutext.engines.rendezvous import meet
from grutext.engines.workers import Task, Workers
from grutext.errors import ClusterError

Tensor = Any
CONNECT_SECONDS = 120.0  # that TensorFlow may take, when all workers are there
# A worker is missed after ten seconds without a heartbeat, which TensorFlow's coordination service asks for.
_GONE = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


class KerasWorkers(Workers):
    """All workers, connected.

    Args:
        task: Which of them this process is.
        note: Receives whom the chief waits for.

    Raises:
        ClusterError: One did not start in time, or this one cannot join the others.
    """

    def __init__(self, task: Task, note: Callable[[str], None]) -> None:
        super().__init__(task)
        meet(task, note)
        self._strategy = _connect(task)
        self._all_gather = self.replicate(
            lambda values: _replica().all_gather(tf.identity(values), 0), [tf.TensorSpec([None], tf.int32)]
        )
        self._sum = self.replicate(self.add_up, [tf.TensorSpec([None], tf.float64)])
        self._sum_integers = self.replicate(self.add_up, [tf.TensorSpec([None], tf.int32)])

    def gather(self, content: bytes) -> list[bytes]:
        """Return what each worker passes, by rank; see `Workers`."""
        sent = _as_integers(len(content).to_bytes(4, "little") + content)
        received = np.asarray(self._all_gather(sent)).tobytes()
        found: list[bytes] = []
        start = 0
        while len(found) < self.count:
            length = int.from_bytes(received[start : start + 4], "little")
            found.append(received[start + 4 : start + 4 + length])
            start += 4 + length + -length % 4
        return found

    def broadcast(self, content: bytes) -> bytes:
        """Return the bytes that the chief passes; see `Workers`."""
        length = int(self.sum(len(content) if self.is_chief else 0))
        sent = _as_integers(content if self.is_chief else bytes(length))  # zeros, which change no sum
        return np.asarray(self._sum_integers(sent)).tobytes()[:length]

    def sum(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the sum of the workers' values; see `Workers`."""
        array = np.asarray(values, np.float64)
        return np.asarray(self._sum(array.ravel())).reshape(array.shape)

    def replicate(self, function: Callable[..., Any], signature: Sequence[Any]) -> Callable[..., Any]:
        """Return a graph of a function that all workers call together.

        Args:
            function: The function; it may call `add_up`, `add_up_all` and `unite`.
            signature: The types of its arguments.
        """
        graph = tf.function(
            lambda *arguments: self._strategy.run(function, arguments), signature, autograph=False
        )

        def call(*arguments: Any) -> Any:
            with _explained():
                return graph(*arguments)

        return call

    def add_up(self, values: Tensor) -> Tensor:
        """Return the sum of the workers' tensors, which have the same shape."""
        return _replica().all_reduce("SUM", tf.identity(values))

    def add_up_all(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the sums of several tensors, which are sent together."""
        flat = tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)
        sizes = tf.stack([tf.size(tensor) for tensor in tensors])
        parts = tf.split(self.add_up(flat), sizes, num=len(tensors))
        return [tf.reshape(part, tf.shape(tensor)) for part, tensor in zip(parts, tensors, strict=True)]

    def unite(self, rows: Tensor) -> Tensor:
        """Return the distinct rows that any worker has, `(R,)`, ascending."""
        return tf.sort(tf.unique(_replica().all_gather(tf.identity(rows), 0))[0])


def _as_integers(content: bytes) -> NDArray[np.int32]:
    """Return bytes, filled up with zeros, as the integers that TensorFlow can send."""
    return np.frombuffer(content + bytes(-len(content) % 4), np.int32)


def _replica() -> Any:
    return tf.distribute.get_replica_context()


def _connect(task: Task) -> Any:
    """Return the strategy; all workers are there.

    If one ends just now, TensorFlow waits for it without limit and keeps Python's lock, so that only `faulthandler` can end this process.
    """
    before = signal.getsignal(signal.SIGTERM)
    gpus = tf.config.list_physical_devices("GPU")
    tf.config.set_visible_devices(gpus[:1], "GPU")  # one worker for each GPU
    ring = tf.distribute.experimental.CommunicationImplementation.RING
    options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
    faulthandler.dump_traceback_later(CONNECT_SECONDS, exit=True, file=2)  # stderr
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        listed = ", ".join(task.addresses)
        raise ClusterError(
            f"this worker, {task.addresses[task.rank]}, cannot join the others ({listed}): {_first_line(error)}"
        ) from None
    finally:
        faulthandler.cancel_dump_traceback_later()
    if threading.current_thread() is threading.main_thread() and before is not None:
        signal.signal(signal.SIGTERM, before)  # TensorFlow ignores it from now on
    return strategy


@contextmanager
def _explained() -> Iterator[None]:
    """Raise a ClusterError in place of TensorFlow's errors about a worker that is gone."""
    try:
        yield
    except _GONE as error:
        found = re.search(r"/job:(\w+)/replica:0/task:(\d+)", str(error))
        who = f"another worker ({found[1]} {found[2]})" if found else "another worker"
        raise ClusterError(f"{who} ended or cannot be reached") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
