"""Messages that tests send, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pyarrow as pa
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from contracts.events import ENGAGEMENT_EVENTS, ENGAGEMENT_EVENTS_DLQ, EngagementEvent, EventType
from runtime.event_stream import EventProducer, registry_client
from runtime.settings import KafkaSettings
from tests.processes import eventually


def event(number: int, **changes: Any) -> EngagementEvent:
    fields: dict[str, Any] = {
        "event_id": f"event-{number}",
        "user_id": str(number % 500),
        "item_id": str(number % 200),
        "event_type": EventType.RATING,
        "value": 0.5 + number % 10 / 2,
        "occurred_at": datetime(2026, 1, 1, 12, 30, 15, 123_000, tzinfo=UTC),
        "source": "generator",
    }
    return EngagementEvent(**{**fields, **changes})


def send(kafka: KafkaSettings, events: Iterable[EngagementEvent]) -> int:
    """Send, wait for the acknowledgements, and return how many came."""
    with registry_client(kafka) as registry:
        producer = EventProducer(kafka, registry)
        for each in events:
            producer.send(each)
        delivery = producer.flush(60)
    assert delivery.acknowledged == delivery.sent, delivery
    return delivery.acknowledged


def numbers(first: int, count: int) -> Iterator[EngagementEvent]:
    return (event(number) for number in range(first, first + count))


def assert_exactly_once(rows: pa.Table, sent: int) -> None:
    """So many rows, as many distinct coordinates, as many distinct events."""
    places = rows.select(["kafka_cluster", "kafka_topic", "kafka_partition", "kafka_offset"])
    distinct = places.group_by(places.column_names).aggregate([]).num_rows
    events = len(set(rows["event_id"].to_pylist()))
    assert (rows.num_rows, distinct, events) == (sent, sent, sent)


def empty_topics(kafka: KafkaSettings) -> None:
    """Remove the topics of events and dead letters, so that the next `prepare` makes them anew."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    present = [topic for topic in (ENGAGEMENT_EVENTS, ENGAGEMENT_EVENTS_DLQ) if topic in _topics(admin)]
    for future in admin.delete_topics(present, operation_timeout=30).values() if present else ():
        future.result(30)
    eventually(lambda: not {*present} & {*_topics(admin)}, what="the removal of the topics")


def _topics(admin: AdminClient) -> Mapping[str, Any]:
    topics: Mapping[str, Any] = admin.list_topics(timeout=30).topics
    return topics


def dead_letters(kafka: KafkaSettings, wanted: int, seconds: float = 30.0) -> list[tuple[bytes, dict[str, str]]]:
    """(value, headers) of what is in the dead-letter topic; waits for so many."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "test"})
    consumer.assign([TopicPartition(ENGAGEMENT_EVENTS_DLQ, 0, 0)])
    found: list[tuple[bytes, dict[str, str]]] = []
    deadline = time.monotonic() + seconds
    while len(found) < wanted and time.monotonic() < deadline:
        for message in consumer.consume(10, 0.2):
            if error := message.error():
                raise KafkaException(error)
            headers = {
                key: cast("bytes", value or b"").decode(errors="replace")
                for key, value in dict(message.headers() or {}).items()
            }
            found.append((message.value() or b"", headers))
    consumer.close()
    return found
