"""Events: value ranges, times, and the Avro they travel in."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.events import (
    ENGAGEMENT_EVENT_AVRO,
    RECOMMENDATION_SERVED_AVRO,
    VALUE_RANGE,
    EngagementEvent,
    EventType,
    RecommendationServed,
    value_problem,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def event(**fields: Any) -> EngagementEvent:
    base = {"user_id": "1", "item_id": "2", "event_type": "CLICK", "occurred_at": NOW, "source": "generator"}
    return EngagementEvent(**{**base, **fields})


def roundtrip(schema: str, record: Any) -> Any:
    parsed = fastavro.parse_schema(json.loads(schema))
    body = BytesIO()
    fastavro.schemaless_writer(body, parsed, record, strict=True)
    body.seek(0)
    return fastavro.schemaless_reader(body, parsed, None)


@st.composite
def events(draw: st.DrawFn) -> EngagementEvent:
    event_type = draw(st.sampled_from(EventType))
    bounds = VALUE_RANGE.get(event_type)
    text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
    return EngagementEvent(
        user_id=draw(text),
        item_id=draw(text),
        event_type=event_type,
        value=draw(st.floats(*bounds)) if bounds else None,
        occurred_at=draw(
            st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - with UTC
        ),
        source=draw(text),
        request_id=draw(st.none() | text),
    )


@given(events())
def test_an_event_travels_unchanged(sent: EngagementEvent) -> None:
    assert EngagementEvent(**roundtrip(ENGAGEMENT_EVENT_AVRO, sent.to_avro())) == sent


def test_a_served_list_travels_unchanged() -> None:
    served = RecommendationServed(
        request_id="r", user_id="1", model_version="v", variant="champion", item_ids=("1", "2"), served_at=NOW
    )
    assert RecommendationServed(**roundtrip(RECOMMENDATION_SERVED_AVRO, served.model_dump(mode="python"))) == served


def test_the_schema_has_the_models_fields() -> None:
    for schema, model in (
        (ENGAGEMENT_EVENT_AVRO, EngagementEvent),
        (RECOMMENDATION_SERVED_AVRO, RecommendationServed),
    ):
        parsed = json.loads(schema)
        assert [field["name"] for field in parsed["fields"]] == list(model.model_fields)
        assert f"{parsed['namespace']}.{parsed['name']}" == f"showrunner.events.{model.__name__}"


def test_readers_of_today_read_what_lacks_the_optional_fields() -> None:
    # what compatibility BACKWARD rests on: optional fields have defaults
    schema = json.loads(ENGAGEMENT_EVENT_AVRO)
    old = {**schema, "fields": [field for field in schema["fields"] if field["name"] not in ("value", "request_id")]}
    body = BytesIO()
    record = event().to_avro()
    fastavro.schemaless_writer(body, fastavro.parse_schema(old), {f["name"]: record[f["name"]] for f in old["fields"]})
    body.seek(0)
    read: Any = fastavro.schemaless_reader(body, fastavro.parse_schema(old), fastavro.parse_schema(schema))
    assert read == record


@pytest.mark.parametrize(
    ("event_type", "good", "bad"),
    [
        (EventType.RATING, [0.5, 3.7, 5.0], [None, 0.49, 5.01, -1.0, math.nan, math.inf]),
        (EventType.WATCH, [0.0, 0.5, 1.0], [None, -0.01, 1.01, math.nan, -math.inf]),
        (EventType.LIKE, [None], [0.0, 1.0, math.nan]),
        (EventType.DISLIKE, [None], [0.0, 1.0]),
        (EventType.CLICK, [None], [0.0, 1.0]),
    ],
)
def test_values_fit_their_type(event_type: EventType, good: list[float | None], bad: list[float | None]) -> None:
    for value in good:
        assert value_problem(event_type, value) is None
        assert event(event_type=event_type, value=value).value == value
    for value in bad:
        assert event_type.value in (value_problem(event_type, value) or "")
        with pytest.raises(ValidationError, match=f"value must be .* for {event_type.value}"):
            event(event_type=event_type, value=value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", ""), ("event_id", "x" * 65), ("user_id", ""), ("user_id", 1.5), ("item_id", True),
        ("event_type", "SNEEZE"), ("occurred_at", "soon"), ("source", ""), ("request_id", "x" * 65),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        event(**{field: value})
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


def test_every_event_has_an_id_of_its_own() -> None:
    assert event().event_id != event().event_id
    assert UUID(event().event_id).version == 4


def test_integer_ids_become_text() -> None:
    taken = event(user_id=7, item_id=2**60)
    assert (taken.user_id, taken.item_id) == ("7", str(2**60))


def test_times_are_utc_to_the_millisecond() -> None:
    east = timezone(timedelta(hours=2))
    assert event(occurred_at=datetime(2026, 1, 2, 5, 4, 5, 678_999, tzinfo=east)).occurred_at == NOW
    assert event(occurred_at=NOW.replace(tzinfo=None)).occurred_at == NOW
