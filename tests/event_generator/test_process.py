from __future__ import annotations

import signal
from pathlib import Path

from confluent_kafka import Message

from contracts.events import EngagementEvent
from event_generator.metrics import DeliveryCollector
from runtime.event_stream import Delivery, EventDecoder, PartitionConsumer, registry_client
from runtime.object_stores import open_store
from runtime.settings import KafkaSettings
from showrunner.data_dir import DataDir
from tests.items import publish_items, some_items
from tests.processes import eventually, kafka_environment, room


def publish_catalogue(data_dir: DataDir, items: int = 60) -> None:
    publish_items(open_store(data_dir.settings()[0]), some_items(items))


def read_all(kafka: KafkaSettings) -> list[EngagementEvent]:
    consumer = PartitionConsumer(kafka)
    ends = {partition: consumer.bounds(partition)[1] for partition in consumer.partitions()}
    consumer.assign(dict.fromkeys(ends, 0))
    messages: list[Message] = []
    while len(messages) < sum(ends.values()):
        messages += consumer.read(1_000, 1.0)
    consumer.close()
    with registry_client(kafka) as registry:
        decoder = EventDecoder(registry)
        return [EngagementEvent.model_validate(decoder.decode(message.value())) for message in messages]


def test_a_limited_run_sends_just_that_many_events(kafka: KafkaSettings, data_dir: DataDir, tmp_path: Path) -> None:
    publish_catalogue(data_dir)
    environment = {**data_dir.environment(), **kafka_environment(kafka), "EVENT_GENERATOR_VIEWERS": "40"}
    log = tmp_path / "generator.log"
    with room("event_generator", "--limit", "700", "--rate", "0", environment=environment, log=log) as process:
        assert process.wait(30) == 0, log.read_text()
    events = read_all(kafka)
    assert len(events) == 700
    assert {event.item_id for event in events} <= {str(n) for n in range(1, 61)}
    assert "700 events sent, 700 acknowledged" in log.read_text()


def test_it_waits_for_a_catalogue_and_stops_on_sigterm(kafka: KafkaSettings, data_dir: DataDir, tmp_path: Path) -> None:
    environment = {**data_dir.environment(), **kafka_environment(kafka), "EVENT_GENERATOR_RATE": "200"}
    consumer, log = PartitionConsumer(kafka), tmp_path / "generator.log"
    with room("event_generator", environment=environment, log=log) as process:
        publish_catalogue(data_dir)
        eventually(lambda: sum(consumer.bounds(partition)[1] for partition in range(3)) > 100)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, log.read_text()
    consumer.close()


def test_a_missing_setting_is_named_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "generator.log"
    with room("event_generator", environment={"STORE_URL": tmp_path.as_uri()}, log=log) as process:
        assert process.wait(30) == 2
    assert log.read_text() == ("error: KAFKA_BOOTSTRAP_SERVERS: is not set; KAFKA_SCHEMA_REGISTRY_URL: is not set\n")


def test_the_metrics_are_the_producers_own_counts() -> None:
    collected = DeliveryCollector(lambda: Delivery(10, 7, 1), lambda: 3).collect()
    samples = {sample.name: sample.value for family in collected for sample in family.samples}
    assert samples == {
        "event_generator_events_sent_total": 10,
        "event_generator_events_acknowledged_total": 7,
        "event_generator_events_failed_total": 1,
        "event_generator_viewers": 3,
    }
