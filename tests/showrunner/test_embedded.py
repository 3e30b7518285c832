from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError

from contracts.events import ENGAGEMENT_EVENT_AVRO, ENGAGEMENT_EVENTS, ENGAGEMENT_EVENTS_DLQ, RECOMMENDATIONS_SERVED
from runtime.event_stream import registry_client
from runtime.settings import KafkaSettings
from showrunner.embedded.broker import Broker
from showrunner.embedded.registry import Registry

SMALL = json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]})


def test_the_topics_are_there_with_their_partitions() -> None:
    with Broker() as broker:
        topics = AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=5).topics
    assert {name: len(topic.partitions) for name, topic in topics.items()} == {
        ENGAGEMENT_EVENTS: 3,
        ENGAGEMENT_EVENTS_DLQ: 1,
        RECOMMENDATIONS_SERVED: 1,
    }


def test_two_brokers_are_two_clusters() -> None:
    with Broker() as one, Broker() as two:
        ids = {
            AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=5).cluster_id
            for broker in (one, two)
        }
    assert len(ids) == 2


def test_the_registry_keeps_schemas_as_its_client_expects(kafka: KafkaSettings) -> None:
    schema = Schema(ENGAGEMENT_EVENT_AVRO, "AVRO")
    with registry_client(kafka) as first:
        schema_id = first.register_schema("engagement-events-value", schema)
        assert first.register_schema("engagement-events-value", schema) == schema_id
        other = first.register_schema("engagement-events-value", Schema(SMALL, "AVRO"))
    # another client, which has nothing cached
    with registry_client(kafka) as second:
        assert json.loads(second.get_schema(schema_id).schema_str or "") == json.loads(ENGAGEMENT_EVENT_AVRO)
        assert second.lookup_schema("engagement-events-value", schema).schema_id == schema_id
        latest = second.get_latest_version("engagement-events-value")
        assert (latest.version, latest.schema_id) == (2, other)
        assert second.get_version("engagement-events-value", 1).schema_id == schema_id
        assert second.get_subjects() == ["engagement-events-value"]


def test_what_the_registry_does_not_have_is_not_found(kafka: KafkaSettings) -> None:
    with registry_client(kafka) as registry:
        with pytest.raises(SchemaRegistryError, match="Schema not found"):
            registry.get_schema(99)
        with pytest.raises(SchemaRegistryError, match="Subject not found"):
            registry.get_latest_version("nobody")
        with pytest.raises(SchemaRegistryError, match="Schema not found"):
            registry.lookup_schema("nobody", Schema(SMALL, "AVRO"))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/subjects/s/versions", b"{}", 422),
        ("/subjects/s/versions", b"no json", 422),
        ("/subjects/s/versions", json.dumps({"schema": "no json"}).encode(), 422),
        ("/config", b"{}", 404),
    ],
)
def test_what_makes_no_sense_is_refused(path: str, body: bytes, status: int) -> None:
    with Registry() as registry:
        request = urllib.request.Request(registry.url + path, body, {"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(request, timeout=5)
        assert answer.value.code == status
        assert json.loads(answer.value.read())["message"]
        answer.value.close()
