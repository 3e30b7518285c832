"""PartitionConsumer: reads a topic from offsets that somebody else keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import Consumer, Message, TopicPartition

from contracts.events import ENGAGEMENT_EVENTS
from runtime.kafka_connection import EventStreamError, KafkaConnection
from runtime.settings import KafkaSettings

Answer = TypeVar("Answer")


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
        self._connection = KafkaConnection(settings)
        self._assigned = False
        self._consumer = self._connection.open(
            Consumer,
            {
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
        cluster: str | None = self._ask(self._metadata).cluster_id
        if not cluster:
            raise EventStreamError("the broker tells no cluster id: set KAFKA_CLUSTER")
        return cluster

    def partitions(self) -> list[int]:
        """The topic's partitions, ascending. Raises EventStreamError where there is no such topic."""
        topic = self._ask(self._metadata).topics[self._topic]
        if topic.error is not None or not topic.partitions:
            reason = topic.error.str() if topic.error is not None else "it has no partitions"
            raise EventStreamError(f"topic {self._topic} cannot be read: {reason}")
        return sorted(topic.partitions)

    def bounds(self, partition: int) -> tuple[int, int]:
        """(first offset still there, next offset to be written). Raises EventStreamError."""
        where = TopicPartition(self._topic, partition)
        bounds: tuple[int, int] = self._ask(lambda seconds: self._consumer.get_watermark_offsets(where, seconds))
        return bounds

    def assign(self, offsets: Mapping[int, int]) -> None:
        """Read on from these offsets, `{partition: next offset}`."""
        self._assigned = True
        self._consumer.assign([TopicPartition(self._topic, p, o) for p, o in sorted(offsets.items())])

    def read(self, most: int, timeout_seconds: float) -> list[Message]:
        """Up to `most` messages; transport errors come as messages with `error()` set."""
        messages: list[Message] = self._consumer.consume(most, timeout_seconds)
        return messages

    def _metadata(self, timeout_seconds: float) -> Any:
        return self._consumer.list_topics(self._topic, timeout=timeout_seconds)

    def _ask(self, request: Callable[[float], Answer]) -> Answer:
        # once it has partitions, polling returns messages, which only `read` may take
        return self._connection.ask(request, lambda: None if self._assigned else self._consumer.poll(0))

    def close(self) -> None:
        self._consumer.close()
