"""The generator's counters as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from runtime.event_stream import Delivery


class DeliveryCollector:
    """Reads the producer's own counts when scraped."""

    def __init__(self, delivery: Callable[[], Delivery], viewers: Callable[[], int]) -> None:
        self._delivery = delivery
        self._viewers = viewers

    def collect(self) -> Iterator[Metric]:
        delivery = self._delivery()
        for name, value, text in (
            ("sent", delivery.sent, "Events handed to the producer"),
            ("acknowledged", delivery.acknowledged, "Events that all replicas acknowledged"),
            ("failed", delivery.failed, "Events that were given up"),
        ):
            yield CounterMetricFamily(f"event_generator_events_{name}", text, value=value)
        yield GaugeMetricFamily("event_generator_viewers", "Viewers by now", value=self._viewers())
