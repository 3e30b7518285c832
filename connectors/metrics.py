"""The archiver's counts as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from connectors.archiver import Counts


class ArchiverCollector:
    """Reads the archiver's own counts when scraped."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        yield CounterMetricFamily("archiver_events_archived", "Events appended to the table", value=counts.archived)
        yield CounterMetricFamily("archiver_dead_letters", "Messages that were no events", value=counts.dead_letters)
        yield CounterMetricFamily("archiver_commits", "Snapshots written", value=counts.commits)
        yield GaugeMetricFamily("archiver_lag_events", "Events not yet read, at the last commit", value=counts.lag)
