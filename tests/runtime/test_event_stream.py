from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from confluent_kafka import Message, Producer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.events import ENGAGEMENT_EVENT_AVRO, ENGAGEMENT_EVENTS, VALUE_RANGE, EngagementEvent, EventType
from runtime.event_stream import (
    EventDecoder,
    EventProducer,
    EventStreamError,
    PartitionConsumer,
    RawProducer,
    UndecodableError,
    place,
    registry_client,
)
from runtime.settings import KafkaSettings


def read(kafka: KafkaSettings, count: int, topic: str = ENGAGEMENT_EVENTS) -> list[Message]:
    consumer = PartitionConsumer(kafka, topic)
    consumer.assign(dict.fromkeys(consumer.partitions(), 0))
    messages: list[Message] = []
    while len(messages) < count:
        messages += consumer.read(count, 0.1)
    consumer.close()
    return messages


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@st.composite
def events(draw: st.DrawFn) -> EngagementEvent:
    event_type = draw(st.sampled_from(EventType))
    bounds = VALUE_RANGE.get(event_type)
    return EngagementEvent(
        user_id=draw(texts),
        item_id=draw(texts),
        event_type=event_type,
        value=draw(st.floats(*bounds)) if bounds else None,
        occurred_at=draw(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
        source=draw(texts),
        request_id=draw(st.none() | texts),
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(events(), min_size=1, max_size=20))
def test_events_arrive_as_they_were_sent(kafka: KafkaSettings, sent: list[EngagementEvent]) -> None:
    # one broker for all examples: read from where this one begins
    consumer = PartitionConsumer(kafka)
    starts = {partition: consumer.bounds(partition)[1] for partition in consumer.partitions()}
    with registry_client(kafka) as registry:
        producer, decoder = EventProducer(kafka, registry), EventDecoder(registry)
        for event in sent:
            producer.send(event)
        assert producer.flush(10).acknowledged == len(sent)
        consumer.assign(starts)
        messages: list[Message] = []
        while len(messages) < len(sent):
            messages += consumer.read(100, 0.1)
        consumer.close()
        received = [EngagementEvent.model_validate(decoder.decode(message.value())) for message in messages]
    assert sorted(received, key=lambda e: e.event_id) == sorted(sent, key=lambda e: e.event_id)


def test_a_viewers_events_keep_their_order_in_one_partition(kafka: KafkaSettings) -> None:
    with registry_client(kafka) as registry:
        producer, decoder = EventProducer(kafka, registry), EventDecoder(registry)
        for number in range(60):
            producer.send(some_event(user_id=str(number % 7), item_id=str(number)))
        producer.flush(10)
        seen: dict[str, list[tuple[int, int]]] = {}
        for message in sorted(read(kafka, 60), key=place):
            record = decoder.decode(message.value())
            seen.setdefault(record["user_id"], []).append((place(message)[0], int(record["item_id"])))
    assert len(seen) == 7
    for places in seen.values():
        assert len({partition for partition, _ in places}) == 1
        assert [number for _, number in places] == sorted(number for _, number in places)


def some_event(**changes: object) -> EngagementEvent:
    fields: dict[str, object] = {
        "user_id": "1",
        "item_id": "2",
        "event_type": "CLICK",
        "occurred_at": datetime(2026, 1, 1, tzinfo=UTC),
        "source": "test",
    }
    return EngagementEvent.model_validate({**fields, **changes})


def test_a_reader_takes_what_a_newer_writer_added(kafka: KafkaSettings) -> None:
    newer = json.loads(ENGAGEMENT_EVENT_AVRO)
    newer["fields"].append({"name": "device", "type": ["null", "string"], "default": None})
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    with registry_client(kafka) as registry:
        conf = {"subject.name.strategy": lambda context, _: f"{context.topic}-value"}
        serialize = AvroSerializer(registry, json.dumps(newer), conf=conf)
        context = SerializationContext(ENGAGEMENT_EVENTS, MessageField.VALUE)
        value = serialize({**some_event(user_id="7").to_avro(), "device": "tv"}, context)
        record = EventDecoder(registry).decode(value)
    assert record["user_id"] == "7"
    assert "device" not in record


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value"),
        (b"", "no value"),
        (b"plain text", "SerializationError|SchemaRegistryError"),
        (b"\x00\x00\x00\x00\x09abc", "Schema not found|404"),
        (b"\x00\x00", "SerializationError"),
    ],
)
def test_what_is_no_event_is_undecodable(kafka: KafkaSettings, value: bytes | None, reason: str) -> None:
    with registry_client(kafka) as registry, pytest.raises(UndecodableError, match=reason):
        EventDecoder(registry).decode(value)


def test_a_registry_that_is_away_is_not_the_messages_fault(kafka: KafkaSettings) -> None:
    away = kafka.model_copy(update={"schema_registry_url": "http://127.0.0.1:9"})
    with registry_client(away) as registry:
        with pytest.raises(EventStreamError, match="registry cannot be reached"):
            EventDecoder(registry).decode(b"\x00\x00\x00\x00\x01abc")
        with pytest.raises(EventStreamError, match=r"registry cannot be reached.*KAFKA_SCHEMA_REGISTRY_URL"):
            EventProducer(kafka, registry).send(some_event())


def test_an_unreachable_broker_is_named_and_its_events_are_counted(kafka: KafkaSettings) -> None:
    away = kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:9"})
    with registry_client(kafka) as registry:
        producer = EventProducer(away, registry)
        producer.send(some_event())
        delivery = producer.flush(0.2)
    assert (delivery.sent, delivery.acknowledged, delivery.unacknowledged) == (1, 0, 1)


def test_an_unknown_topic_is_named(kafka: KafkaSettings) -> None:
    consumer = PartitionConsumer(kafka, "no-such-topic")
    with pytest.raises(EventStreamError, match="no-such-topic"):
        consumer.partitions()
    consumer.close()


def test_the_cluster_has_an_id(kafka: KafkaSettings) -> None:
    consumer = PartitionConsumer(kafka)
    assert consumer.cluster_id()
    consumer.close()


def test_raw_bytes_and_headers_arrive_as_they_are(kafka: KafkaSettings) -> None:
    producer = RawProducer(kafka)
    producer.send("engagement-events-dlq", b"key", b"\x00\xff", [("why", b"because")])
    producer.flush(10)
    message = read(kafka, 1, "engagement-events-dlq")[0]
    assert (message.key(), message.value(), message.headers()) == (b"key", b"\x00\xff", [("why", b"because")])


def test_bounds_follow_what_is_written(kafka: KafkaSettings) -> None:
    consumer = PartitionConsumer(kafka)
    assert consumer.bounds(2) == (0, 0)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(ENGAGEMENT_EVENTS, value=b"x", partition=2)
    producer.flush(10)
    assert consumer.bounds(2) == (0, 1)
    consumer.close()
