"""What a server counts, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from grutext import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counters of one server.

    Attributes:
        requests: Answered requests, by `path` and `status`.
        seconds: How long they took, by `path`.
        texts: Texts that were answered, by `model`.
        batch_texts: The number of texts in each batch.
        sessions: Sessions that are open.
        waiting: Requests that wait for a batch.
        loads: How often the models were loaded, by `outcome`.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "grutext_requests_total", "Answered requests.", ["path", "status"], registry=registry
        )
        self.seconds = Histogram(
            "grutext_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.texts = Counter("grutext_texts_total", "Texts that were answered.", ["model"], registry=registry)
        self.batch_texts = Histogram(
            "grutext_batch_texts",
            "Texts that were answered together.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        self.sessions = Gauge("grutext_sessions", "Sessions that are open.", registry=registry)
        self.waiting = Gauge("grutext_waiting_requests", "Requests that wait for a batch.", registry=registry)
        self.loads = Counter(
            "grutext_loads_total", "Times the models were loaded.", ["outcome"], registry=registry
        )
        build = Gauge("grutext_build_info", "The version of grutext.", ["version"], registry=registry)
        build.labels(__version__).set(1)

    def render(self) -> bytes:
        """Return all metrics as text."""
        return generate_latest(self._registry)
