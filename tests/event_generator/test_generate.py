from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from contracts.events import EngagementEvent, EventType
from event_generator.generate import Pacer, generate
from event_generator.settings import EventGeneratorSettings
from runtime.event_stream import Delivery
from runtime.process import Stop
from tests.event_generator.test_simulation import simulation


class Kept:
    """A sender that keeps what it is given, and acknowledges all but the last `lost`."""

    def __init__(self, lost: int = 0, stop_after: int | None = None) -> None:
        self.events: list[EngagementEvent] = []
        self.stop = Stop()
        self._lost, self._stop_after = lost, stop_after

    def send(self, event: EngagementEvent) -> None:
        self.events.append(event)
        if len(self.events) == self._stop_after:
            self.stop.set()

    def poll(self) -> None: ...

    def flush(self, timeout_seconds: float) -> Delivery:
        return self.delivery

    @property
    def delivery(self) -> Delivery:
        return Delivery(len(self.events), len(self.events) - self._lost, 0)


def settings(**changes: float) -> EventGeneratorSettings:
    return EventGeneratorSettings.model_validate({"rate": 0, "viewers": 20, **changes})


def test_the_limit_is_exact() -> None:
    sender = Kept()
    delivery = generate(simulation(items=500), sender, settings(limit=437), sender.stop)
    assert delivery == Delivery(437, 437, 0)
    first = sender.events[0]
    assert (first.event_type, first.source) == (EventType.RATING, "generator")
    assert len({event.event_id for event in sender.events}) == 437


def test_what_was_not_acknowledged_is_reported() -> None:
    sender = Kept(lost=3)
    assert generate(simulation(), sender, settings(limit=100), sender.stop).unacknowledged == 3


def test_it_stops_when_asked() -> None:
    sender = Kept(stop_after=250)
    generate(simulation(items=500), sender, settings(), sender.stop)
    assert 250 <= len(sender.events) < 600


def test_the_backfill_spreads_over_the_days_before() -> None:
    sender = Kept()
    generate(simulation(items=500), sender, settings(backfill=300, backfill_days=30, limit=310), sender.stop)
    moments = [event.occurred_at for event in sender.events]
    assert moments == sorted(moments)
    assert timedelta(days=29.9) < datetime.now(UTC) - moments[0] < timedelta(days=30.1)
    assert datetime.now(UTC) - moments[300] < timedelta(minutes=1)
    steps = {after - before for before, after in pairwise(moments[:300])}
    assert max(steps) - min(steps) <= timedelta(milliseconds=2)


def test_the_pacer_gives_what_is_due_and_forgives_a_pause() -> None:
    now = [100.0]
    pacer = Pacer(50.0, clock=lambda: now[0])
    given = []
    for _ in range(100):
        now[0] += 0.05
        given.append(pacer.due(200))
    assert sum(given) == 247  # 99 steps after the first, 2.5 events each
    now[0] += 3_600
    assert pacer.due(200) == 200
    now[0] += 0.1
    assert pacer.due(200) == 5


def test_without_a_rate_a_batch_is_always_due() -> None:
    assert Pacer(0).due(200) == 200
