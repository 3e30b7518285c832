"""What Prometheus is told of the exporter."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """The exporter's metrics, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.items = Gauge("exporter_items", "Valid items in the source at the last run.", registry=registry)
        self.rejected = Gauge(
            "exporter_rejected_items",
            "Entries of the source that were no valid items at the last run.",
            registry=registry,
        )
        self.runs = Counter(
            "exporter_runs", "Runs by outcome: published, unchanged, kept or failed.", ["outcome"], registry=registry
        )
        self.last_success = Gauge(
            "exporter_last_success_timestamp_seconds", "When a run last succeeded.", registry=registry
        )
