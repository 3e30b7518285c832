"""Events on Kafka: producers and consumers that speak Avro through a schema registry of Confluent's API."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from contracts.events import ENGAGEMENT_EVENT_AVRO, ENGAGEMENT_EVENTS, EngagementEvent
from runtime.kafka_connection import EventStreamError, KafkaConnection, client_config
from runtime.partition_consumer import PartitionConsumer, place
from runtime.schema_registry import check_registry, registry_client, registry_problem
from runtime.settings import KafkaSettings

__all__ = [
    "Delivery",
    "EventDecoder",
    "EventProducer",
    "EventStreamError",
    "KafkaConnection",
    "PartitionConsumer",
    "RawProducer",
    "UndecodableError",
    "check_registry",
    "client_config",
    "place",
    "registry_client",
]

_FLUSH_SLICE_SECONDS: Final = 0.5


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


class EventProducer:
    """Sends EngagementEvents: idempotent, acknowledged by all replicas, counted."""

    def __init__(self, settings: KafkaSettings, registry: SchemaRegistryClient, topic: str = ENGAGEMENT_EVENTS) -> None:
        self._topic = topic
        self._connection = KafkaConnection(settings)
        self._producer = self._connection.open(
            Producer,
            {"enable.idempotence": True, "acks": "all", "linger.ms": 20, "compression.type": "lz4"},
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
            EventStreamError: the registry cannot be reached or refused the schema, or the brokers refuse this client
                and never let it in.
        """
        try:
            value = self._serialize(event.to_avro(), self._context)
        except Exception as error:
            reason = registry_problem(error) or f"cannot encode for topic {self._topic}: {' '.join(str(error).split())}"
            raise EventStreamError(reason) from error
        while True:
            try:
                self._producer.produce(self._topic, key=event.user_id, value=value, on_delivery=self._delivered)
                break
            except BufferError:
                self._poll(0.1)
            except KafkaException as error:
                raise EventStreamError(f"cannot produce to topic {self._topic}: {error.args[0].str()}") from error
        self._sent += 1
        self._poll()

    def poll(self) -> None:
        """Let acknowledgements come in; called by senders that pause. Raises EventStreamError as `send` does."""
        self._poll()

    def flush(self, timeout_seconds: float) -> Delivery:
        """Wait until all that was sent is acknowledged or failed, at most `timeout_seconds`.

        Raises:
            EventStreamError: the brokers refuse this client and never let it in: nothing was acknowledged.
        """
        _flush(self._producer, self._connection, timeout_seconds)
        return self.delivery

    def _poll(self, timeout_seconds: float = 0) -> None:
        self._producer.poll(timeout_seconds)
        self._connection.check()

    @property
    def delivery(self) -> Delivery:
        return Delivery(self._sent, self._acknowledged, self._failed, self._last_error)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:  # noqa: ARG002 - librdkafka's signature
        if error is None:
            self._connection.connected()
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
        except Exception as error:
            if problem := registry_problem(error):
                raise EventStreamError(problem) from error
            raise UndecodableError(f"{type(error).__name__}: {error}") from error
        if not isinstance(record, dict):
            raise UndecodableError("the message is no Avro record")
        return record


class RawProducer:
    """Sends bytes as they are, with headers; for dead letters."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._connection = KafkaConnection(settings)
        self._producer = self._connection.open(Producer, {"enable.idempotence": True, "acks": "all"})
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
        left = _flush(self._producer, self._connection, timeout_seconds)
        if left or self._errors:
            reason = self._errors[-1] if self._errors else "no answer in time"
            raise EventStreamError(f"{left + len(self._errors)} messages were not acknowledged: {reason}")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:  # noqa: ARG002 - librdkafka's signature
        if error is None:
            self._connection.connected()
        else:
            self._errors.append(error.str())


def _flush(producer: Producer, connection: KafkaConnection, timeout_seconds: float) -> int:
    """How many messages are left after so long. Raises EventStreamError as soon as it is known to be in vain."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        remaining = max(0.0, deadline - time.monotonic())
        left: int = producer.flush(min(_FLUSH_SLICE_SECONDS, remaining))
        connection.check()
        if not left or not remaining:
            return left
