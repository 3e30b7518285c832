from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.archiver import Archiver, EventsLostError
from connectors.dead_letters import DeadLetterTopic
from connectors.settings import ConnectorsSettings
from contracts.events import ENGAGEMENT_EVENTS, ENGAGEMENT_EVENTS_DLQ, EngagementEvent, EventType
from contracts.watermark import Watermark
from runtime.event_stream import (
    Delivery,
    EventDecoder,
    EventProducer,
    EventStreamError,
    PartitionConsumer,
    RawProducer,
    registry_client,
)
from runtime.event_table import EventTable
from runtime.process import Stop
from runtime.settings import KafkaSettings
from showrunner.data_dir import DataDir
from showrunner.embedded.broker import Broker
from tests.processes import eventually, kafka_environment, room

FAST = ConnectorsSettings(flush_events=500, flush_seconds=0.2)


def event(number: int, **changes: Any) -> EngagementEvent:
    fields: dict[str, Any] = {
        "event_id": f"event-{number}",
        "user_id": str(number % 50),
        "item_id": str(number % 20),
        "event_type": EventType.RATING,
        "value": 3.5,
        "occurred_at": datetime(2026, 1, 1, tzinfo=UTC),
        "source": "generator",
    }
    return EngagementEvent(**{**fields, **changes})


def send(kafka: KafkaSettings, first: int, count: int) -> Delivery:
    return send_all(kafka, [event(number) for number in range(first, first + count)])


def send_all(kafka: KafkaSettings, events: list[EngagementEvent]) -> Delivery:
    with registry_client(kafka) as registry:
        producer = EventProducer(kafka, registry)
        for each in events:
            producer.send(each)
        return producer.flush(10)


def rows(table: EventTable) -> list[dict[str, Any]]:
    """All rows as they stand in the table: raw, not deduplicated."""
    raw: list[dict[str, Any]] = table._load().scan().to_arrow().to_pylist()
    return raw


@contextmanager
def archiver(kafka: KafkaSettings, table: Any, settings: ConnectorsSettings = FAST) -> Iterator[Archiver]:
    with registry_client(kafka) as registry:
        one = Archiver(
            consumer=PartitionConsumer(kafka),
            decoder=EventDecoder(registry),
            dead_letters=DeadLetterTopic(RawProducer(kafka)),
            table=table,
            cluster=kafka.cluster or "",
            settings=settings,
        )
        yield one
        one.consumer.close()


@contextmanager
def running(kafka: KafkaSettings, table: Any, settings: ConnectorsSettings = FAST) -> Iterator[Archiver]:
    """An archiver in a thread; at the end it is asked to stop and drains."""
    with archiver(kafka, table, settings) as one, in_thread(one):
        yield one


@contextmanager
def in_thread(one: Archiver) -> Iterator[None]:
    stop, failures = Stop(), []

    def work() -> None:
        try:
            one.run(stop)
        except BaseException as error:  # noqa: BLE001 - told below, in the test's own thread
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
    assert not failures, failures


def test_what_was_sent_stands_in_the_table_with_its_coordinates(kafka: KafkaSettings, table: EventTable) -> None:
    assert send(kafka, 0, 1_200).acknowledged == 1_200
    with running(kafka, table) as one:
        eventually(lambda: one.counts.archived == 1_200)
    stored = rows(table)
    assert {row["event_id"] for row in stored} == {f"event-{n}" for n in range(1_200)}
    places = {(row["kafka_cluster"], row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]) for row in stored}
    assert len(places) == len(stored) == 1_200
    assert {place[:2] for place in places} == {("test-cluster", ENGAGEMENT_EVENTS)}
    first = next(row for row in stored if row["event_id"] == "event-7")
    assert (first["user_id"], first["item_id"], first["event_type"], first["value"]) == ("7", "7", "RATING", 3.5)
    assert first["occurred_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert abs((first["kafka_timestamp"] - datetime.now(UTC)).total_seconds()) < 60


def test_stopping_archives_what_the_broker_still_holds(kafka: KafkaSettings, table: EventTable) -> None:
    slow = ConnectorsSettings(flush_events=1_000_000, flush_seconds=3_600)
    with running(kafka, table, slow):
        send(kafka, 0, 3_000)
    assert len(rows(table)) == 3_000


def test_a_restart_goes_on_where_the_table_ends(kafka: KafkaSettings, table: EventTable) -> None:
    for start in (0, 700):
        send(kafka, start, 700)
        with running(kafka, table):
            pass
    stored = [row["event_id"] for row in rows(table)]
    assert len(stored) == len(set(stored)) == 1_400


def test_a_new_broker_is_a_cluster_of_its_own(kafka: KafkaSettings, table: EventTable) -> None:
    send(kafka, 0, 600)
    with running(kafka, table):
        pass
    with Broker() as second:
        rebuilt = kafka.model_copy(update={"bootstrap_servers": second.bootstrap_servers, "cluster": "second"})
        send(rebuilt, 600, 100)
        with running(rebuilt, table):
            pass
    # and back: what the first one's rows hold is not taken again
    send(kafka, 700, 100)
    with running(kafka, table):
        pass
    stored = rows(table)
    assert len(stored) == len({row["event_id"] for row in stored}) == 800
    assert {row["kafka_cluster"] for row in stored} == {"test-cluster", "second"}


def test_a_new_broker_under_the_old_name_is_refused(kafka: KafkaSettings, table: EventTable) -> None:
    send(kafka, 0, 600)
    with running(kafka, table):
        pass
    with Broker() as second:
        confused = kafka.model_copy(update={"bootstrap_servers": second.bootstrap_servers})
        with (
            archiver(confused, table) as one,
            pytest.raises(EventStreamError, match=r"another cluster under the name 'test-cluster'.*KAFKA_CLUSTER"),
        ):
            one.run(Stop())


def dead_letters(kafka: KafkaSettings, wanted: int) -> list[tuple[bytes, dict[str, str]]]:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "test"})
    consumer.assign([TopicPartition(ENGAGEMENT_EVENTS_DLQ, 0, 0)])
    found: list[tuple[bytes, dict[str, str]]] = []
    deadline = time.monotonic() + 10
    while len(found) < wanted and time.monotonic() < deadline:
        for message in consumer.consume(10, 0.2):
            assert message.error() is None
            headers = {name: cast("bytes", value).decode() for name, value in dict(message.headers() or {}).items()}
            found.append((message.value() or b"", headers))
    consumer.close()
    return found


def test_what_is_no_event_goes_to_the_dead_letters_with_the_reason(kafka: KafkaSettings, table: EventTable) -> None:
    send(kafka, 0, 10)
    raw = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    raw.produce(ENGAGEMENT_EVENTS, key=b"1", value=b"not avro at all", partition=0)
    raw.produce(ENGAGEMENT_EVENTS, key=b"1", value=b"\x00\x00\x00\x00\x63zz", partition=1)
    raw.produce(ENGAGEMENT_EVENTS, key=b"1", value=None, partition=2)
    raw.flush(10)
    # valid Avro that breaks the contract: nine stars
    assert send_all(kafka, [event(10).model_copy(update={"value": 9.0})]).acknowledged == 1
    send(kafka, 11, 10)
    with running(kafka, table) as one:
        eventually(lambda: one.counts.archived == 20)
    assert one.counts.dead_letters == 4
    letters = dead_letters(kafka, 4)
    reasons = sorted(headers["showrunner.error.reason"] for _, headers in letters)
    assert len(letters) == 4
    assert any("value must be from 0.5 to 5.0 for RATING, got 9.0" in reason for reason in reasons)
    assert any("the message has no value" in reason for reason in reasons)
    _, headers = next(letter for letter in letters if letter[0] == b"not avro at all")
    assert headers["showrunner.error.topic"] == ENGAGEMENT_EVENTS
    assert headers["showrunner.error.partition"] == "0"
    assert {row["event_id"] for row in rows(table)} == {f"event-{n}" for n in range(21) if n != 10}


def overflow(kafka: KafkaSettings) -> None:
    """More than the broker keeps: 5 MiB a partition."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 5})
    for _ in range(20):
        producer.produce(ENGAGEMENT_EVENTS, value=b"x" * 900_000, partition=0)
        producer.flush(10)


def test_forgotten_events_stop_the_archiver(kafka: KafkaSettings, table: EventTable) -> None:
    overflow(kafka)
    lost = pytest.raises(EventsLostError, match=r"forgotten \d+ events of engagement-events, partition 0.*ON_LOST=skip")
    with archiver(kafka, table) as one, lost:
        one.run(Stop())


def test_forgotten_events_are_skipped_on_request(kafka: KafkaSettings, table: EventTable) -> None:
    overflow(kafka)
    send(kafka, 0, 50)
    with running(kafka, table, FAST.model_copy(update={"on_lost": "skip"})) as one:
        eventually(lambda: one.counts.archived == 50)
    assert len(rows(table)) == 50


class Unsure:
    """A table whose first commits are made, while their answers are lost."""

    def __init__(self, table: EventTable, failures: int, commits: bool) -> None:
        self._table, self._failures, self._commits = table, failures, commits

    def append(self, rows: pa.Table, properties: Mapping[str, str]) -> int:
        if self._failures:
            self._failures -= 1
            if self._commits:
                self._table.append(rows, properties)
            raise OSError("the connection was lost")
        return self._table.append(rows, properties)

    def summary_value(self, key: str) -> str | None:
        return self._table.summary_value(key)

    def next_offsets(self, cluster: str, topic: str) -> dict[int, int]:
        return self._table.next_offsets(cluster, topic)

    def maintain(self, budget_seconds: float, *, orphan_age_seconds: float) -> None:
        raise OSError("not now")


@pytest.mark.parametrize("commits", [True, False])
def test_a_commit_of_unknown_outcome_is_neither_lost_nor_doubled(
    kafka: KafkaSettings, table: EventTable, commits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.archiver.RETRY_SECONDS", 0.05)
    send(kafka, 0, 900)
    every = FAST.model_copy(update={"maintain_commits": 1})
    with running(kafka, Unsure(table, failures=2, commits=commits), every) as one:
        eventually(lambda: one.counts.archived == 900)
    stored = [row["event_id"] for row in rows(table)]
    assert len(stored) == len(set(stored)) == 900


def test_sigkill_mid_stream_loses_and_doubles_nothing(
    kafka: KafkaSettings, data_dir: DataDir, table: EventTable, tmp_path: Path
) -> None:
    environment = {
        **data_dir.environment(),
        **kafka_environment(kafka),
        "CONNECTORS_FLUSH_EVENTS": "400",
        "CONNECTORS_FLUSH_SECONDS": "0.2",
        "CONNECTORS_MAINTAIN_COMMITS": "5",
    }
    log = tmp_path / "archiver.log"
    acknowledged = 0
    kills = 4
    for round_number in range(kills):
        with room("connectors", "archive", environment=environment, log=log) as process:
            before = table.statistics().rows
            acknowledged += send(kafka, round_number * 5_000, 5_000).acknowledged
            eventually(lambda: table.statistics().rows > before, what="a commit")  # noqa: B023 - called at once
            process.send_signal(signal.SIGKILL)
            assert process.wait(10) == -signal.SIGKILL
    with room("connectors", "archive", environment=environment, log=log) as process:
        eventually(lambda: table.statistics().rows >= acknowledged, what="the rest")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, log.read_text()
    stored = rows(table)
    assert acknowledged == kills * 5_000
    assert len(stored) == acknowledged
    assert len({row["event_id"] for row in stored}) == acknowledged
    assert len({(row["kafka_partition"], row["kafka_offset"]) for row in stored}) == acknowledged
    assert table.read_new(Watermark()).rows.num_rows == acknowledged
