"""Events on the wire: models, their Avro schemas, and the names of the topics.

Avro 1.11 (https://avro.apache.org/docs/1.11.1/specification/); the value on the wire is in Confluent's
framing: a zero byte, the schema id as a big-endian 32-bit integer, then the Avro body.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from contracts.ids import Id
from contracts.times import in_utc

ENGAGEMENT_EVENTS: Final = "engagement-events"
ENGAGEMENT_EVENTS_DLQ: Final = "engagement-events-dlq"
CATALOG_CHANGES: Final = "catalog-changes"
RECOMMENDATIONS_SERVED: Final = "recommendations-served"
ENGAGEMENT_PARTITIONS: Final = 3


class EventType(StrEnum):
    RATING = "RATING"
    LIKE = "LIKE"
    DISLIKE = "DISLIKE"
    WATCH = "WATCH"
    CLICK = "CLICK"


VALUE_RANGE: Final[dict[EventType, tuple[float, float]]] = {
    EventType.RATING: (0.5, 5.0),
    EventType.WATCH: (0.0, 1.0),
}
"""Event types that carry a value, with its inclusive bounds; the others carry none."""


def value_problem(event_type: EventType, value: float | None) -> str | None:
    """Why `value` does not fit `event_type`, or None where it fits."""
    bounds = VALUE_RANGE.get(event_type)
    if bounds is None:
        return None if value is None else f"value must be null for {event_type.value}, got {value}"
    if value is None or math.isnan(value) or not bounds[0] <= value <= bounds[1]:
        return f"value must be from {bounds[0]} to {bounds[1]} for {event_type.value}, got {value}"
    return None


class EngagementEvent(BaseModel):
    """What a viewer did with an item. `occurred_at` is UTC, to the millisecond."""

    model_config = ConfigDict(frozen=True)

    event_id: Annotated[str, Field(min_length=1, max_length=64)] = Field(default_factory=lambda: str(uuid4()))
    user_id: Id
    item_id: Id
    event_type: EventType
    value: float | None = None
    occurred_at: datetime
    source: Annotated[str, Field(min_length=1, max_length=64)]
    request_id: Annotated[str, Field(max_length=64)] | None = None

    @field_validator("occurred_at")
    @classmethod
    def _in_utc(cls, occurred_at: datetime) -> datetime:
        aware = in_utc(occurred_at)
        return aware.replace(microsecond=aware.microsecond // 1000 * 1000)

    @model_validator(mode="after")
    def _value_fits_type(self) -> Self:
        if problem := value_problem(self.event_type, self.value):
            raise ValueError(problem)
        return self

    def to_avro(self) -> dict[str, Any]:
        """The record as ENGAGEMENT_EVENT_AVRO wants it."""
        return {**self.__dict__, "event_type": self.event_type.value}


class RecommendationServed(BaseModel):
    """A list that was answered to a viewer, so that later events can be traced to it by `request_id`."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    user_id: Id
    model_version: str
    variant: str
    item_ids: tuple[Id, ...]
    served_at: datetime


def _record(name: str, doc: str, fields: list[dict[str, Any]]) -> str:
    schema = {"type": "record", "name": name, "namespace": "showrunner.events", "doc": doc, "fields": fields}
    return json.dumps(schema)


_TIMESTAMP: Final = {"type": "long", "logicalType": "timestamp-millis"}

ENGAGEMENT_EVENT_AVRO: Final = _record(
    "EngagementEvent",
    "What a viewer did with an item.",
    [
        {"name": "event_id", "type": "string"},
        {"name": "user_id", "type": "string"},
        {"name": "item_id", "type": "string"},
        {
            "name": "event_type",
            "type": {"type": "enum", "name": "EventType", "symbols": [t.value for t in EventType]},
        },
        {"name": "value", "type": ["null", "double"], "default": None},
        {"name": "occurred_at", "type": _TIMESTAMP},
        {"name": "source", "type": "string"},
        {"name": "request_id", "type": ["null", "string"], "default": None},
    ],
)

RECOMMENDATION_SERVED_AVRO: Final = _record(
    "RecommendationServed",
    "A list of items that was answered to a viewer.",
    [
        {"name": "request_id", "type": "string"},
        {"name": "user_id", "type": "string"},
        {"name": "model_version", "type": "string"},
        {"name": "variant", "type": "string"},
        {"name": "item_ids", "type": {"type": "array", "items": "string"}},
        {"name": "served_at", "type": _TIMESTAMP},
    ],
)
