"""What Prometheus can ask about this room, beside the HTTP metrics of the runtime."""

from __future__ import annotations

import math
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from recommender.recommendations import Strategy
from recommender.served_model import ServedModel

# one matrix-vector product: from microseconds (a thousand items) to tens of milliseconds (a million)
_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)


class Metrics:
    """Counters and gauges, registered in the registry given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "recommender_requests_total", "Lists answered, by strategy.", ("strategy",), registry=registry
        )
        self._seconds = Histogram(
            "recommender_ranking_seconds", "Time to rank one list.", ("strategy",), buckets=_BUCKETS, registry=registry
        )
        self._info = Gauge(
            "recommender_model_info", "1 for the model that is served.", ("model_version",), registry=registry
        )
        self._age = Gauge(
            "recommender_model_age_seconds", "Time since the served model was built; NaN without.", registry=registry
        )
        self._loaded = Gauge(
            "recommender_model_loaded_timestamp_seconds", "When the served model was swapped in.", registry=registry
        )
        self._reloads = Counter("recommender_reloads_total", "Models swapped in.", registry=registry)
        self._failures = Counter(
            "recommender_model_reload_failures_total",
            "Attempts to load the published model that failed; the old one stays.",
            registry=registry,
        )
        self._stale = Gauge(
            "recommender_stale",
            "1 while it cannot be told, or had, what is published; lists are answered all the same.",
            registry=registry,
        )
        self._checked = Gauge(
            "recommender_checked_timestamp_seconds",
            "When what is published was last what is served.",
            registry=registry,
        )
        self._age.set(math.nan)

    def ranked(self, strategy: Strategy, seconds: float) -> None:
        self._requests.labels(strategy).inc()
        self._seconds.labels(strategy).observe(seconds)

    def swapped(self, model: ServedModel) -> None:
        created_at = model.artifact.manifest.created_at.timestamp()
        self._info.clear()
        self._info.labels(model.version).set(1)
        self._age.set_function(lambda: time.time() - created_at)
        self._loaded.set_to_current_time()
        self._reloads.inc()

    def reload_failed(self) -> None:
        self._failures.inc()
        self._stale.set(1)

    def confirmed(self) -> None:
        self._stale.set(0)
        self._checked.set_to_current_time()
