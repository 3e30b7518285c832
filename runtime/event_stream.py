"""Events on Kafka: producers and consumers that speak Avro through a schema registry of Confluent's API."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from contracts.events import ENGAGEMENT_EVENT_AVRO, ENGAGEMENT_EVENTS, EngagementEvent
from runtime.settings import KafkaSettings

log = logging.getLogger(__name__)

REGISTRY_TIMEOUT_SECONDS: Final = 10
METADATA_TIMEOUT_SECONDS: Final = 10.0


class EventStreamError(Exception):
    """Kafka or the registry cannot be used; the message says which and what to check."""


class UndecodableError(ValueError):
    """A message that is no event of the contract; the message says why."""


@dataclass(frozen=True)
class Delivery:
    """What became of the events sent so far. `unacknowledged` may or may not have reached the broker."""

    sent: int
    acknowledged: int
    failed: int
    last_error: str | None = None

    @property
    def unacknowledged(self) -> int:
        return self.sent - self.acknowledged - self.failed


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """librdkafka's configuration that every client shares."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "logger": logging.getLogger("kafka"),
        # ask again soon when a broker comes back
        "reconnect.backoff.max.ms": 2_000,
    }


def registry_client(settings: KafkaSettings) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": settings.schema_registry_url, "timeout": REGISTRY_TIMEOUT_SECONDS})


class EventProducer:
    """Sends EngagementEvents: idempotent, acknowledged by all replicas, counted."""

    def __init__(self, settings: KafkaSettings, registry: SchemaRegistryClient, topic: str = ENGAGEMENT_EVENTS) -> None:
        self._topic = topic
        self._producer = Producer(
            {
                **client_config(settings),
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 20,
                "compression.type": "lz4",
            },
        )
        self._serialize = AvroSerializer(
            registry,
            ENGAGEMENT_EVENT_AVRO,
            # named: the default strategy probes an endpoint that only Confluent's own registry has
            conf={"subject.name.strategy": topic_subject_name_strategy},
        )
        self._context = SerializationContext(topic, MessageField.VALUE)
        self._sent = self._acknowledged = self._failed = 0
        self._last_error: str | None = None

    def send(self, event: EngagementEvent) -> None:
        """Queue the event; waits where the queue is full, so that nothing is dropped.

        Raises:
            EventStreamError: the registry cannot be reached or refused the schema.
        """
        try:
            value = self._serialize(event.to_avro(), self._context)
        except Exception as error:
            raise EventStreamError(f"cannot encode for topic {self._topic}: {error}") from error
        while True:
            try:
                self._producer.produce(self._topic, key=event.user_id, value=value, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise EventStreamError(f"cannot produce to topic {self._topic}: {error.args[0].str()}") from error
        self._sent += 1
        self._producer.poll(0)

    def poll(self) -> None:
        """Let acknowledgements come in; called by senders that pause."""
        self._producer.poll(0)

    def flush(self, timeout_seconds: float) -> Delivery:
        """Wait until all that was sent is acknowledged or failed, at most `timeout_seconds`."""
        self._producer.flush(timeout_seconds)
        return self.delivery

    @property
    def delivery(self) -> Delivery:
        return Delivery(self._sent, self._acknowledged, self._failed, self._last_error)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:  # noqa: ARG002 - librdkafka's signature
        if error is None:
            self._acknowledged += 1
        else:
            self._failed += 1
            self._last_error = error.str()


class EventDecoder:
    """Decodes message values to the contract's fields, whatever compatible schema they were written with."""

    def __init__(self, registry: SchemaRegistryClient, topic: str = ENGAGEMENT_EVENTS) -> None:
        self._deserialize = AvroDeserializer(
            registry,
            ENGAGEMENT_EVENT_AVRO,
            conf={"subject.name.strategy": topic_subject_name_strategy},
        )
        self._context = SerializationContext(topic, MessageField.VALUE)

    def decode(self, value: bytes | None) -> dict[str, Any]:
        """The record as a dict; `occurred_at` is an aware datetime.

        Raises:
            UndecodableError: the value is empty or no Avro of a schema that the registry knows.
            EventStreamError: the registry cannot be asked; the value may be fine.
        """
        if not value:
            raise UndecodableError("the message has no value")
        try:
            record = self._deserialize(value, self._context)
        except OSError as error:
            raise EventStreamError(f"the schema registry cannot be reached: {error}") from error
        except Exception as error:
            if _registry_down(error):
                raise EventStreamError(f"the schema registry cannot be reached: {error}") from error
            raise UndecodableError(f"{type(error).__name__}: {error}") from error
        if not isinstance(record, dict):
            raise UndecodableError("the message is no Avro record")
        return record


def _registry_down(error: BaseException | None) -> bool:
    """Whether a failure to decode is the registry's fault rather than the message's."""
    while error is not None:
        if type(error).__module__.startswith("httpx") or getattr(error, "http_status_code", 0) >= 500:
            return True
        error = error.__cause__ or error.__context__
    return False


def place(message: Message) -> tuple[int, int, int]:
    """(partition, offset, timestamp in milliseconds) of a message without an error."""
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return partition, offset, message.timestamp()[1]


class PartitionConsumer:
    """Reads all partitions of a topic from offsets that the caller keeps: no group, no commits."""

    def __init__(self, settings: KafkaSettings, topic: str = ENGAGEMENT_EVENTS) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                **client_config(settings),
                "group.id": "showrunner-unused",  # librdkafka wants one; assign() never joins it
                "enable.auto.commit": False,
                # an offset that the broker no longer has is a loss to be reported, never skipped
                "auto.offset.reset": "error",
                "enable.partition.eof": False,
                "fetch.wait.max.ms": 100,
                "isolation.level": "read_committed",
            },
        )

    @property
    def topic(self) -> str:
        return self._topic

    def cluster_id(self) -> str:
        """The id that the broker tells. Raises EventStreamError where it cannot be reached."""
        try:
            cluster: str | None = self._consumer.list_topics(self._topic, timeout=METADATA_TIMEOUT_SECONDS).cluster_id
        except KafkaException as error:
            raise EventStreamError(f"Kafka cannot be reached: {error.args[0].str()}") from error
        if not cluster:
            raise EventStreamError("the broker tells no cluster id: set KAFKA_CLUSTER")
        return cluster

    def partitions(self) -> list[int]:
        """The topic's partitions, ascending. Raises EventStreamError where there is no such topic."""
        try:
            topic = self._consumer.list_topics(self._topic, timeout=METADATA_TIMEOUT_SECONDS).topics[self._topic]
        except KafkaException as error:
            raise EventStreamError(f"Kafka cannot be reached: {error.args[0].str()}") from error
        if topic.error is not None or not topic.partitions:
            reason = topic.error.str() if topic.error is not None else "it has no partitions"
            raise EventStreamError(f"topic {self._topic} cannot be read: {reason}")
        return sorted(topic.partitions)

    def bounds(self, partition: int) -> tuple[int, int]:
        """(first offset still there, next offset to be written). Raises EventStreamError."""
        try:
            low, high = self._consumer.get_watermark_offsets(
                TopicPartition(self._topic, partition),
                timeout=METADATA_TIMEOUT_SECONDS,
            )
        except KafkaException as error:
            raise EventStreamError(f"Kafka cannot be reached: {error.args[0].str()}") from error
        return low, high

    def assign(self, offsets: Mapping[int, int]) -> None:
        """Read on from these offsets, `{partition: next offset}`."""
        self._consumer.assign([TopicPartition(self._topic, p, o) for p, o in sorted(offsets.items())])

    def read(self, most: int, timeout_seconds: float) -> list[Message]:
        """Up to `most` messages; transport errors come as messages with `error()` set."""
        messages: list[Message] = self._consumer.consume(most, timeout_seconds)
        return messages

    def close(self) -> None:
        self._consumer.close()


class RawProducer:
    """Sends bytes as they are, with headers; for dead letters."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = Producer({**client_config(settings), "enable.idempotence": True, "acks": "all"})
        self._errors: list[str] = []

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> None:
        while True:
            try:
                self._producer.produce(topic, key=key, value=value, headers=list(headers), on_delivery=self._delivered)
                return
            except BufferError:
                self._producer.poll(0.1)

    def flush(self, timeout_seconds: float) -> None:
        """Wait for every acknowledgement. Raises EventStreamError where one does not come."""
        left = self._producer.flush(timeout_seconds)
        if left or self._errors:
            reason = self._errors[-1] if self._errors else "no answer in time"
            raise EventStreamError(f"{left + len(self._errors)} messages were not acknowledged: {reason}")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:  # noqa: ARG002 - librdkafka's signature
        if error is not None:
            self._errors.append(error.str())
