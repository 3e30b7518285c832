"""Messages that are no events: kept as they came, in the dead-letter topic, with the reason in headers."""

from __future__ import annotations

from typing import Protocol

from confluent_kafka import Message

from contracts.events import ENGAGEMENT_EVENTS_DLQ
from runtime.event_stream import RawProducer

FLUSH_SECONDS = 10.0
_PREFIX = "showrunner.error"


class DeadLetters(Protocol):
    def put(self, message: Message, reason: str) -> None: ...

    def flush(self) -> None: ...


class DeadLetterTopic:
    """Sends dead letters; after a crash one may stand there twice, never not at all."""

    def __init__(self, producer: RawProducer, topic: str = ENGAGEMENT_EVENTS_DLQ) -> None:
        self._producer = producer
        self._topic = topic
        self._waiting = False

    def put(self, message: Message, reason: str) -> None:
        headers = {
            "reason": reason,
            "topic": str(message.topic()),
            "partition": str(message.partition()),
            "offset": str(message.offset()),
        }
        self._producer.send(
            self._topic,
            message.key(),
            message.value(),
            [(f"{_PREFIX}.{name}", value.encode()) for name, value in headers.items()],
        )
        self._waiting = True

    def flush(self) -> None:
        """Wait until all are acknowledged. Raises EventStreamError."""
        if self._waiting:
            self._producer.flush(FLUSH_SECONDS)
            self._waiting = False
