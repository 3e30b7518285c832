"""Runs once, or again and again until it is time to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from exporter.export import Export
from exporter.metrics import Metrics
from exporter.source import SourceError
from runtime.catalog import CatalogError, Outcome
from runtime.object_store import ObjectStoreError
from runtime.process import Stop

log = logging.getLogger(__name__)


class Loop:
    """Runs `run` and reports what became of it. A failed run leaves the current catalogue as it is."""

    def __init__(self, run: Callable[[datetime], Export], metrics: Metrics, stop: Stop) -> None:
        self._run = run
        self._metrics = metrics
        self._stop = stop
        self._kept = False

    def once(self) -> bool:
        """Whether the run succeeded."""
        try:
            done = self._run(datetime.now(UTC))
        except (SourceError, CatalogError, ObjectStoreError) as error:
            if self._stop:
                log.info("stopped, nothing was published")
                return False
            self._metrics.runs.labels("failed").inc()
            log.error("nothing was published: %s", error)
            return False
        self._metrics.runs.labels(done.publication.outcome.value).inc()
        self._metrics.items.set(done.items)
        self._metrics.rejected.set(len(done.rejected))
        self._metrics.last_success.set(time.time())
        self._report(done)
        return True

    def every(self, seconds: float) -> None:
        """Run, wait `seconds`, and so on until it is time to stop; a failed run is followed by the next."""
        while not self._stop:
            self.once()
            self._stop.wait(seconds)

    def _report(self, done: Export) -> None:
        outcome = done.publication.outcome
        level = logging.DEBUG if outcome is Outcome.KEPT and self._kept else logging.INFO
        self._kept = outcome is Outcome.KEPT
        what = {
            Outcome.PUBLISHED: "published",
            Outcome.UNCHANGED: "nothing has changed",
            Outcome.KEPT: "an ingested catalogue is current and stays: the synthetic one does not replace it",
        }
        extra = {"run": done.publication.run, "items": done.items, "rejected": len(done.rejected)}
        log.log(level, what[outcome], extra=extra)
