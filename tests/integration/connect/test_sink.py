"""The sink as people operate it: registered, looked at, given bad messages; and nobody sees its secrets."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from connectors.connect_api import ConnectApi, ConnectError
from connectors.register import register
from connectors.schemas import register_schemas
from connectors.topics import Topic, TopicAdmin, wanted_topics
from contracts.events import ENGAGEMENT_EVENTS
from runtime.event_stream import registry_client
from runtime.process import Stop
from tests.integration.connect.lake import Sink
from tests.integration.connect.messages import assert_exactly_once, dead_letters, event, numbers, send
from tests.processes import room


def command(sink: Sink, *arguments: str, log: Path) -> tuple[int, str]:
    """`python -m connectors …`: exit status and output."""
    with room("connectors", *arguments, environment=sink.environment(), log=log) as process:
        status = process.wait(90)
    return status, log.read_text()


def test_no_secret_is_in_the_configuration_nor_in_any_log(sink: Sink, tmp_path: Path) -> None:
    status, told = command(sink, "register", log=tmp_path / "register.log")
    assert status == 0, told
    # its configuration is used, so the secrets were resolved
    send(sink.kafka, numbers(0, 10))
    sink.wait_for(10)
    answers = "".join(
        httpx.get(f"{sink.connect.url}/connectors{path}").text
        for path in (
            f"/{sink.name}/config",
            f"/{sink.name}/status",
            f"/{sink.name}/tasks",
            f"/{sink.name}",
            "?expand=info&expand=status",
        )
    )
    assert "${env:STORE_SECRET_KEY}" in answers
    assert "${env:LAKE_CATALOG_PASSWORD}" in answers
    worker = sink.stack.worker
    rendered = subprocess.run(
        [sys.executable, "-m", "connectors", "render"],
        env={**sink.environment(), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(rendered.stdout) == sink.config()
    seen = {
        "Connect's answers": answers,
        "our log": told,
        "the rendered configuration": rendered.stdout + rendered.stderr,
        "the worker's log": worker.log.read_text(),
        "the worker's properties": worker.properties.read_text(),
    }
    for secret in (sink.stack.s3.secret_key, sink.stack.database.password):
        assert [where for where, text in seen.items() if secret in text] == []


def test_status_and_a_second_register(sink: Sink, tmp_path: Path) -> None:
    status, told = command(sink, "status", log=tmp_path / "missing.log")
    assert (status, "MISSING" in told) == (1, True)
    assert "run `python -m connectors register`" in told
    assert command(sink, "register", log=tmp_path / "register.log")[0] == 0
    status, told = command(sink, "register", log=tmp_path / "again.log")
    assert status == 0
    assert "its configuration had not changed" in told
    # another configuration is put, and runs
    assert sink.register(commit_seconds=3.0)

    send(sink.kafka, numbers(0, 50))
    sink.wait_for(50)
    status, told = command(sink, "status", "--json", log=tmp_path / "status.json")
    found = json.loads(told)
    assert status == 0
    assert (found["connector"], found["state"], found["running"], found["lag"]) == (sink.name, "RUNNING", True, 0)
    assert [(task["id"], task["state"], task["reason"]) for task in found["tasks"]] == [(0, "RUNNING", "")]
    status, told = command(sink, "status", log=tmp_path / "status.txt")
    assert [line.split()[:2] for line in told.splitlines()] == [
        ["STATE", "WORKER"],
        [sink.name, "RUNNING"],
        ["task", "0"],
        ["lag:", "0"],
    ]


def test_register_fails_with_connects_own_reason(sink: Sink) -> None:
    with closing(ConnectApi(sink.connect)) as api:
        refused = {**sink.config(), "iceberg.control.commit.interval-ms": "soon"}
        with pytest.raises(ConnectError, match=r"answered 400.*Invalid value soon.*commit.interval-ms"):
            register(api, sink.name, refused, 20, Stop())
        failing = {**sink.config(), "value.converter": "org.apache.kafka.connect.storage.NoSuchConverter"}
        with pytest.raises(ConnectError, match="NoSuchConverter"):
            register(api, sink.name, failing, 20, Stop())
        # the database refuses: the task fails, is restarted with backoff, and its last word is told
        failing = {**sink.config(), "iceberg.catalog.jdbc.password": "another"}
        with pytest.raises(ConnectError, match=r"does not run after 6 s: .*password authentication failed"):
            register(api, sink.name, failing, 6, Stop())
        assert register(api, sink.name, sink.config(), 60, Stop())


def test_poison_lands_in_the_dead_letters_and_the_flow_goes_on(sink: Sink) -> None:
    sink.register()
    send(sink.kafka, numbers(0, 20))
    poison = [b"not avro at all", b"\x00\x00\x00\x27\x0fzz", b"\x00", "\N{SNOWMAN}".encode()]
    producer = Producer({"bootstrap.servers": sink.kafka.bootstrap_servers})
    for number, value in enumerate(poison):
        producer.produce(ENGAGEMENT_EVENTS, key=b"1", value=value, partition=number % 3)
    producer.produce(ENGAGEMENT_EVENTS, key=b"1", value=None, partition=0)
    # valid Avro of another schema, most fields missing: a row with nulls, not a dead task
    with registry_client(sink.kafka) as registry:
        serialize = AvroSerializer(
            registry,
            json.dumps({"type": "record", "name": "Other", "fields": [{"name": "event_id", "type": "string"}]}),
            conf={"subject.name.strategy": topic_subject_name_strategy},
        )
        other = serialize({"event_id": "other"}, SerializationContext("another-topic", MessageField.VALUE))
    producer.produce(ENGAGEMENT_EVENTS, key=b"1", value=other, partition=1)
    assert producer.flush(10) == 0
    send(sink.kafka, numbers(20, 20))
    sink.wait_for(41)
    letters = dead_letters(sink.kafka, len(poison))
    assert sorted(value for value, _ in letters) == sorted(poison)
    for value, headers in letters:
        assert headers["__connect.errors.topic"] == ENGAGEMENT_EVENTS
        assert headers["__connect.errors.partition"] == str(poison.index(value) % 3)
        assert headers["__connect.errors.offset"].isdigit()
        assert headers["__connect.errors.connector.name"] == sink.name
        assert headers["__connect.errors.stage"] == "VALUE_CONVERTER"
        assert headers["__connect.errors.exception.class.name"]
        assert headers["__connect.errors.exception.stacktrace"]
    rows = sink.rows()
    assert_exactly_once(rows, 41)
    row = next(row for row in rows.to_pylist() if row["event_id"] == "other")
    assert (row["user_id"], row["value"], row["kafka_partition"]) == (None, None, 1)


def test_topics_are_made_as_the_settings_say(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    admin = TopicAdmin(sink.kafka)
    wanted = wanted_topics(sink.topics, sink.cluster)
    assert admin.create(wanted) == []
    metadata = admin._metadata().topics
    for topic in wanted:
        assert len(metadata[topic.name].partitions) == topic.partitions
    more = Topic(ENGAGEMENT_EVENTS, 7, 1)
    assert admin.create([more]) == []
    assert "topic engagement-events has 3 partitions, not 7: left as it is" in caplog.text


def test_schemas_can_be_registered_again(sink: Sink) -> None:
    with registry_client(sink.kafka) as registry:
        assert register_schemas(registry) == register_schemas(registry)
        assert registry.get_compatibility("engagement-events-value") == "BACKWARD"


def test_the_events_themselves_arrive_whole(sink: Sink) -> None:
    sink.register()
    send(sink.kafka, [event(1, request_id="r-1"), event(2, event_type="LIKE", value=None)])
    sink.wait_for(2)
    first, second = sorted(sink.rows().to_pylist(), key=lambda row: row["event_id"])
    assert first["request_id"] == "r-1"
    assert first["occurred_at"] == event(1).occurred_at
    assert (second["event_type"], second["value"]) == ("LIKE", None)
