"""Events for the builder, as the lake gives them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from contracts.world import World
from event_generator.simulation import Simulation
from runtime.event_table import EVENT_ROW_SCHEMA, EventTable
from tests.items import some_items

START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(events: Sequence[tuple[str, str, float]], first: int = 0, **columns: Any) -> pa.Table:
    """Ratings (user_id, item_id, stars), a minute apart, with coordinates from offset `first` on."""
    moments = [START + timedelta(minutes=first + n) for n in range(len(events))]
    given: dict[str, Any] = {
        "event_id": [f"e{first + n}" for n in range(len(events))],
        "user_id": [user for user, _, _ in events],
        "item_id": [item for _, item, _ in events],
        "event_type": ["RATING"] * len(events),
        "value": [stars for _, _, stars in events],
        "occurred_at": moments,
        "source": ["test"] * len(events),
        "request_id": [None] * len(events),
        "kafka_cluster": ["test"] * len(events),
        "kafka_topic": ["engagement-events"] * len(events),
        "kafka_partition": [0] * len(events),
        "kafka_offset": list(range(first, first + len(events))),
        "kafka_timestamp": moments,
        **columns,
    }
    return pa.table({name: given[name] for name in EVENT_ROW_SCHEMA.names}, schema=EVENT_ROW_SCHEMA)


def simulated(viewers: int, items: int, events: int, seed: int = 3) -> list[tuple[str, str, float]]:
    """What the synthetic viewers would rate of `some_items(items)`."""
    simulation = Simulation(World(seed), viewers, 0.0, sequence_seed=seed)
    catalogue = some_items(items)
    simulation.set_items([item.item_id for item in catalogue], [item.genres for item in catalogue])
    rated = [simulation.rate(200) for _ in range(events // 200)]
    return [
        (user, item, float(stars))
        for batch in rated
        for user, item, stars in zip(batch.user_ids, batch.item_ids, batch.stars, strict=True)
    ]


def append(table: EventTable, events: Sequence[tuple[str, str, float]], first: int = 0) -> None:
    table.append(rows(events, first), {})
