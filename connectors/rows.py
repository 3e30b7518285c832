"""Kafka messages as rows of the lake's table: the event's columns and where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from contracts.events import EngagementEvent
from runtime.event_table import EVENT_ROW_SCHEMA


def checked(record: dict[str, Any]) -> EngagementEvent:
    """The event that a decoded record is. Raises ValueError that names the field at fault."""
    try:
        return EngagementEvent.model_validate(record)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in detail["loc"])
        raise ValueError(f"{where}: {detail['msg']}" if where else detail["msg"]) from error


@dataclass
class Rows:
    """Rows gathered until the next append."""

    cluster: str
    topic: str
    _events: list[EngagementEvent] = field(default_factory=list)
    _places: list[tuple[int, int, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: EngagementEvent, partition: int, offset: int, timestamp_ms: int) -> None:
        self._events.append(event)
        self._places.append((partition, offset, timestamp_ms))

    def table(self) -> pa.Table:
        """Arrow table with EVENT_ROW_SCHEMA, in the order of arrival."""
        names = ("event_id", "user_id", "item_id", "event_type", "value", "occurred_at", "source", "request_id")
        columns: dict[str, Sequence[Any]] = {name: [getattr(event, name) for event in self._events] for name in names}
        columns["event_type"] = [event.event_type.value for event in self._events]
        columns["kafka_cluster"] = [self.cluster] * len(self)
        columns["kafka_topic"] = [self.topic] * len(self)
        columns["kafka_partition"] = [partition for partition, _, _ in self._places]
        columns["kafka_offset"] = [offset for _, offset, _ in self._places]
        columns["kafka_timestamp"] = [datetime.fromtimestamp(ms / 1000, UTC) for _, _, ms in self._places]
        return pa.table({name: columns[name] for name in EVENT_ROW_SCHEMA.names}, schema=EVENT_ROW_SCHEMA)

    def clear(self) -> None:
        self._events.clear()
        self._places.clear()
