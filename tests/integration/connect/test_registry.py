"""Schemas change while events flow, and the registry goes away and comes back."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from connectors.schemas import register_schemas
from contracts.events import ENGAGEMENT_EVENT_AVRO, ENGAGEMENT_EVENTS
from runtime.event_stream import EventDecoder, EventStreamError, registry_client
from runtime.settings import KafkaSettings
from tests.integration.connect.lake import Sink, Stack, new_sink
from tests.integration.connect.messages import assert_exactly_once, dead_letters, event, numbers, send
from tests.integration.connect.servers import Registry, started
from tests.integration.connect.tunnel import Tunnel
from tests.processes import eventually

log = logging.getLogger(__name__)

SUBJECT = f"{ENGAGEMENT_EVENTS}-value"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[Registry]:
    with started(Registry(tmp_path_factory.mktemp("registry") / "registry")) as running:
        yield running


@pytest.fixture
def sink(stack: Stack, registry: Registry) -> Iterator[Sink]:
    with new_sink(stack, registry) as made:
        made.prepare()
        yield made


def with_field(**field: object) -> str:
    schema = json.loads(ENGAGEMENT_EVENT_AVRO)
    return json.dumps({**schema, "fields": [*schema["fields"], field]})


def serialized(kafka: KafkaSettings, schema: str, record: dict[str, object]) -> bytes:
    """As a newer producer would: with the schema that is registered, which it does not register itself."""
    with registry_client(kafka) as client:
        serialize = AvroSerializer(
            client,
            schema,
            conf={"auto.register.schemas": False, "subject.name.strategy": topic_subject_name_strategy},
        )
        value: bytes = serialize(record, SerializationContext(ENGAGEMENT_EVENTS, MessageField.VALUE))
        return value


def test_an_optional_field_more_keeps_old_readers_and_the_sink_working(sink: Sink) -> None:
    sink.register()
    send(sink.kafka, numbers(0, 10))
    newer = with_field(name="device", type=["null", "string"], default=None)
    with registry_client(sink.kafka) as client:
        register_schemas(client, {SUBJECT: newer})
        value = serialized(sink.kafka, newer, {**event(10).to_avro(), "device": "television"})
        # the old reader
        decoded = EventDecoder(client).decode(value)
        assert decoded == EventDecoder(client).decode(
            serialized(sink.kafka, ENGAGEMENT_EVENT_AVRO, event(10).to_avro())
        )
    producer = Producer({"bootstrap.servers": sink.kafka.bootstrap_servers})
    producer.produce(ENGAGEMENT_EVENTS, key=b"10", value=value)
    assert producer.flush(10) == 0
    # and old producers beside it
    send(sink.kafka, numbers(11, 10))
    sink.wait_for(21)
    rows = sink.rows()
    assert_exactly_once(rows, 21)
    row = next(row for row in rows.to_pylist() if row["event_id"] == "event-10")
    assert (row["user_id"], row["value"]) == ("10", event(10).value)


@pytest.mark.parametrize(
    "schema",
    [
        with_field(name="device", type="string"),
        ENGAGEMENT_EVENT_AVRO.replace('{"name": "user_id", "type": "string"}', '{"name": "user_id", "type": "int"}'),
    ],
    ids=["field without a default", "another type"],
)
def test_an_incompatible_change_is_refused_in_one_line(sink: Sink, schema: str) -> None:
    refused = pytest.raises(
        EventStreamError,
        match=rf"^the registry refuses the schema of {SUBJECT} as no BACKWARD compatible [^\n]+$",
    )
    with registry_client(sink.kafka) as client, refused as told:
        register_schemas(client, {SUBJECT: schema})
    log.info("%s", told.value)


def test_events_are_no_dead_letters_while_the_registry_is_away(sink: Sink) -> None:
    assert sink.connect.registry_url is not None
    tunnel = Tunnel(sink.connect.registry_url)
    tunnel.connect()
    sink.register(registry_url=tunnel.through(sink.connect.registry_url))
    send(sink.kafka, numbers(0, 100))
    sink.wait_for(100)
    tunnel.cut()
    send(sink.kafka, numbers(100, 100))
    sink.wait_for(200)
    # a worker that begins while the registry is away knows no schema at all
    sink.stack.worker.kill()
    sink.stack.worker.start()
    send(sink.kafka, numbers(200, 100))
    eventually(lambda: "Failed to update cache value" in sink.stack.worker.log.read_text(), what="a retry")
    time.sleep(5)
    tunnel.connect()
    sink.wait_for(300)
    tunnel.cut()
    assert_exactly_once(sink.rows(), 300)
    assert dead_letters(sink.kafka, 1, seconds=3) == []
