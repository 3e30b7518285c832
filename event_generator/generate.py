"""The generator's loop: simulate, pace, send, count."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from contracts.events import EngagementEvent, EventType
from event_generator.settings import EventGeneratorSettings
from event_generator.simulation import Simulation
from runtime.event_stream import Delivery
from runtime.process import Stop

log = logging.getLogger(__name__)

SOURCE = "generator"
BATCH = 200
TICK_SECONDS = 0.05
REPORT_SECONDS = 30.0
CATALOG_SECONDS = 30.0
FLUSH_SECONDS = 10.0


class Sender(Protocol):
    """What the loop needs of an EventProducer."""

    def send(self, event: EngagementEvent) -> None: ...

    def poll(self) -> None: ...

    def flush(self, timeout_seconds: float) -> Delivery: ...

    @property
    def delivery(self) -> Delivery: ...


@dataclass
class Pacer:
    """How many events are due, at `rate` per second since the first call; without a rate always a full batch."""

    rate: float
    clock: Callable[[], float] = time.monotonic
    _start: float | None = None
    _given: int = 0

    def due(self, most: int) -> int:
        if not self.rate:
            return most
        if self._start is None:
            self._start = self.clock()
        # what could not be sent in time (the broker was away) is not made up for in a burst
        behind = max(0, int((self.clock() - self._start) * self.rate) - self._given)
        events = min(behind, most)
        self._given += behind
        return events


def generate(
    simulation: Simulation,
    sender: Sender,
    settings: EventGeneratorSettings,
    stop: Stop,
    refresh: Callable[[], None] = lambda: None,
) -> Delivery:
    """Send events until `stop` or the limit, and say what became of them; `refresh` is called now and then."""
    started = datetime.now(UTC)
    pacer = Pacer(settings.rate)
    reported = refreshed = time.monotonic()
    sent = 0
    while not stop and not (settings.limit and sent >= settings.limit):
        left = settings.limit - sent if settings.limit else BATCH
        backfill = settings.backfill - sent
        events = min(backfill, left, BATCH) if backfill > 0 else pacer.due(min(left, BATCH))
        if events:
            past = _spread(started, settings, sent, events) if backfill > 0 else iter([datetime.now(UTC)] * events)
            _send(simulation, sender, events, past)
            sent += events
        else:
            sender.poll()
            stop.wait(TICK_SECONDS)
        now = time.monotonic()
        if now - refreshed >= CATALOG_SECONDS:
            refresh()
            refreshed = now
        if now - reported >= REPORT_SECONDS:
            _report(sender.delivery, simulation.viewers)
            reported = now
    delivery = sender.flush(FLUSH_SECONDS)
    _report(delivery, simulation.viewers)
    return delivery


def _send(simulation: Simulation, sender: Sender, events: int, moments: Iterator[datetime]) -> None:
    rated = simulation.rate(events)
    for user_id, item_id, stars, moment in zip(*rated, moments, strict=True):
        sender.send(
            EngagementEvent(
                user_id=user_id,
                item_id=item_id,
                event_type=EventType.RATING,
                value=float(stars),
                occurred_at=moment,
                source=SOURCE,
            ),
        )


def _spread(started: datetime, settings: EventGeneratorSettings, sent: int, events: int) -> Iterator[datetime]:
    """When the backfilled events number `sent` to `sent + events` happened: evenly over the days before."""
    step = timedelta(days=settings.backfill_days) / settings.backfill
    return (started - step * (settings.backfill - number) for number in range(sent, sent + events))


def _report(delivery: Delivery, viewers: int) -> None:
    lost = delivery.failed + delivery.unacknowledged
    log.log(
        logging.WARNING if delivery.failed else logging.INFO,
        "%d events sent, %d acknowledged, %d failed, %d not yet acknowledged, %d viewers%s",
        delivery.sent,
        delivery.acknowledged,
        delivery.failed,
        delivery.unacknowledged,
        viewers,
        f" (last error: {delivery.last_error})" if lost and delivery.last_error else "",
    )
