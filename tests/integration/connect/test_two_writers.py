"""One suite, two writers: what the builder reads is the same, whether the sink or the archiver wrote it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from connectors.archiver import Archiver
from connectors.dead_letters import DeadLetterTopic
from connectors.settings import ConnectorsSettings
from contracts.events import ENGAGEMENT_EVENTS, EngagementEvent, EventType
from contracts.watermark import Watermark
from model_builder.interactions import EVENT_COLUMNS, interactions
from runtime.event_stream import EventDecoder, PartitionConsumer, RawProducer, place, registry_client
from runtime.event_table import EVENT_ROW_SCHEMA, NewEvents
from runtime.event_table_schema import EVENT_TABLE_SCHEMA
from runtime.process import Stop
from tests.integration.connect.lake import Sink, Stack, new_sink
from tests.integration.connect.messages import event, send

EVENTS: list[EngagementEvent] = [
    *(event(number) for number in range(300)),
    event(300, event_type=EventType.LIKE, value=None, request_id="request-1"),
    event(301, event_type=EventType.WATCH, value=0.25, user_id="übermäßig ☃", source="engagement"),
    event(302, event_type=EventType.DISLIKE, value=None),
    event(303, event_type=EventType.CLICK, value=None, item_id="007"),
    event(304, occurred_at=datetime(1999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
]


@dataclass(frozen=True)
class Written:
    sink: Sink
    sent: list[dict[str, Any]]
    """The rows that are expected, by partition and offset, as Kafka has the messages."""
    read: NewEvents


@contextmanager
def archiving(sink: Sink) -> Iterator[None]:
    stop = Stop()
    with (
        sink.table() as table,
        registry_client(sink.kafka) as registry,
        closing(PartitionConsumer(sink.kafka)) as consumer,
    ):
        archiver = Archiver(
            consumer=consumer,
            decoder=EventDecoder(registry),
            dead_letters=DeadLetterTopic(RawProducer(sink.kafka)),
            table=table,
            cluster=sink.cluster,
            settings=ConnectorsSettings(flush_seconds=0.5),
        )
        thread = threading.Thread(target=archiver.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)


def in_kafka(sink: Sink) -> list[dict[str, Any]]:
    by_id = {each.event_id: each for each in EVENTS}
    rows: list[dict[str, Any]] = []
    with registry_client(sink.kafka) as registry, closing(PartitionConsumer(sink.kafka)) as consumer:
        decoder = EventDecoder(registry)
        consumer.assign(dict.fromkeys(consumer.partitions(), 0))
        while len(rows) < len(EVENTS):
            for message in consumer.read(1_000, 1.0):
                partition, offset, timestamp = place(message)
                rows.append(
                    {
                        **by_id[decoder.decode(message.value())["event_id"]].to_avro(),
                        "kafka_cluster": sink.cluster,
                        "kafka_topic": ENGAGEMENT_EVENTS,
                        "kafka_partition": partition,
                        "kafka_offset": offset,
                        "kafka_timestamp": datetime.fromtimestamp(timestamp / 1000, UTC),
                    }
                )
    return sorted(rows, key=lambda row: (row["kafka_partition"], row["kafka_offset"]))


@pytest.fixture(scope="module", params=["sink", "archiver"])
def written(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Written]:
    with new_sink(stack) as sink:
        sink.prepare()
        send(sink.kafka, EVENTS)
        if request.param == "sink":
            sink.register()
            sink.wait_for(len(EVENTS))
        else:
            with archiving(sink):
                sink.wait_for(len(EVENTS))
        with sink.table() as table:
            yield Written(sink, in_kafka(sink), table.read_new(Watermark()))


def test_rows_and_types(written: Written) -> None:
    assert written.read.rows.schema == EVENT_ROW_SCHEMA
    assert written.read.rows.to_pylist() == written.sent


def test_the_tables_schema_partitions_and_properties_stay_ours(written: Written) -> None:
    with written.sink.table() as table:
        loaded = table._load()
    assert [str(field) for field in loaded.schema().fields] == [str(field) for field in EVENT_TABLE_SCHEMA.fields]
    assert [field.name for field in loaded.spec().fields] == ["kafka_timestamp_day"]
    assert loaded.properties["write.parquet.compression-codec"] == "zstd"
    files = [task.file for task in loaded.scan().plan_files()]
    assert {str(file.partition) for file in files} == {str(file.partition) for file in files[:1]}
    # the coordinates have bounds, by which reads of what is new skip files
    assert all({12, 13} <= (file.lower_bounds or {}).keys() for file in files)


def test_the_watermark_reads_on_from_here(written: Written) -> None:
    watermark = written.read.watermark
    ends = {(row["kafka_partition"]): row["kafka_offset"] + 1 for row in written.sent}
    with written.sink.table() as table:
        assert table.next_offsets(written.sink.cluster, ENGAGEMENT_EVENTS) == ends
        assert table.read_new(watermark).rows.num_rows == 0
        before = Watermark()
        assert table.read_new(before, columns=["event_id"]).rows.num_rows == len(EVENTS)


def test_the_builder_learns_the_same(written: Written) -> None:
    items = pa.array(sorted({each.item_id for each in EVENTS}))
    rows = written.read.rows.select(EVENT_COLUMNS)
    expected = pa.Table.from_pylist(written.sent, schema=EVENT_ROW_SCHEMA).select(EVENT_COLUMNS)
    found, wanted = interactions(rows, items), interactions(expected, items)
    assert found.user_ids.equals(wanted.user_ids)
    for name in ("users", "item_rows", "grades", "times"):
        assert (getattr(found, name) == getattr(wanted, name)).all()
    assert len(found) > 250


def test_maintenance_keeps_every_row(written: Written) -> None:
    with written.sink.table() as table:
        table.maintain(5.0)
        assert table.read_new(Watermark()).rows.equals(written.read.rows)
