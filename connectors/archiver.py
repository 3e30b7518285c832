"""The embedded sink: reads the events' topic and appends them to the lake's table, exactly once."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
from confluent_kafka import KafkaError, Message

from connectors.dead_letters import DeadLetters
from connectors.offsets import SUMMARY_KEY, dump_offsets, load_offsets
from connectors.rows import Rows, checked
from connectors.settings import ConnectorsSettings
from runtime.event_stream import EventDecoder, EventStreamError, PartitionConsumer, UndecodableError, place
from runtime.process import Stop

log = logging.getLogger(__name__)

READ_SECONDS = 0.2
DRAIN_SECONDS = 3.0
RETRY_SECONDS = 1.0
ORPHAN_AGE_SECONDS = 3_600.0


class EventsLostError(Exception):
    """The broker has forgotten events that were never archived."""


class Table(Protocol):
    """What the archiver needs of an EventTable."""

    def append(self, rows: pa.Table, properties: Mapping[str, str]) -> int: ...

    def summary_value(self, key: str) -> str | None: ...

    def next_offsets(self, cluster: str, topic: str) -> dict[int, int]: ...

    def maintain(self, budget_seconds: float, *, orphan_age_seconds: float) -> Any: ...


@dataclass
class Counts:
    """What the archiver has done since it started."""

    archived: int = 0
    dead_letters: int = 0
    commits: int = 0
    lag: int = 0


@dataclass
class Archiver:
    """One archiver reads all partitions; the table's summary says where it goes on."""

    consumer: PartitionConsumer
    decoder: EventDecoder
    dead_letters: DeadLetters
    table: Table
    cluster: str
    settings: ConnectorsSettings
    counts: Counts = field(default_factory=Counts)
    _next: dict[int, int] = field(default_factory=dict)

    def run(self, stop: Stop) -> None:
        """Archive until `stop`, then what the broker holds by then.

        Raises:
            EventsLostError: the broker forgot what was not yet read, and the settings say to fail.
            EventStreamError: Kafka cannot be used.
        """
        rows = Rows(self.cluster, self.consumer.topic)
        self._resume()
        due: float | None = None
        while not stop:
            self._take(self.consumer.read(self.settings.flush_events - len(rows), READ_SECONDS), rows, stop)
            if rows and due is None:
                due = time.monotonic() + self.settings.flush_seconds
            if due is not None and (len(rows) >= self.settings.flush_events or time.monotonic() >= due):
                self._append(rows, stop)
                due = None
        self._drain(rows)

    def _resume(self) -> None:
        kept = load_offsets(self.table.summary_value(SUMMARY_KEY), self.cluster, self.consumer.topic)
        # another cluster was archived last; what came of this one before is told by its rows
        kept = kept or self.table.next_offsets(self.cluster, self.consumer.topic)
        for partition in self.consumer.partitions():
            low, high = self.consumer.bounds(partition)
            wanted = kept.get(partition, 0)
            if low > wanted:
                self._lost(partition, low - wanted, low)
            if wanted > high:
                raise EventStreamError(
                    f"partition {partition} of {self.consumer.topic} ends at {high}, but {wanted} was archived: this "
                    f"is another cluster under the name {self.cluster!r}; give it one of its own with KAFKA_CLUSTER",
                )
            self._next[partition] = max(low, wanted)
        self.consumer.assign(self._next)
        log.info("archiving from offsets %s", self._next, extra={"kafka_cluster": self.cluster})

    def _take(self, messages: list[Message], rows: Rows, stop: Stop) -> None:
        for message in messages:
            if error := message.error():
                self._transport_error(message, error)
                continue
            if not self._take_one(message, rows, stop):
                return
            partition, offset, _ = place(message)
            self._next[partition] = offset + 1

    def _take_one(self, message: Message, rows: Rows, stop: Stop) -> bool:
        """Decode one message into `rows` or the dead letters; False when stopped while the registry is away."""
        while True:
            try:
                event = checked(self.decoder.decode(message.value()))
            except EventStreamError as error:
                log.warning("%s; trying again", error)
                if stop.wait(RETRY_SECONDS):
                    return False
            except (UndecodableError, ValueError) as error:
                self.dead_letters.put(message, str(error))
                self.counts.dead_letters += 1
                return True
            else:
                rows.add(event, *place(message))
                return True

    def _transport_error(self, message: Message, error: KafkaError) -> None:
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):  # noqa: SLF001 - its name
            partition = message.partition()
            assert partition is not None
            low, _ = self.consumer.bounds(partition)
            self._lost(partition, low - self._next[partition], low)
            self._next[partition] = low
            self.consumer.assign(self._next)
        elif error.fatal():
            raise EventStreamError(f"Kafka cannot be used: {error.str()}")
        else:
            log.warning("Kafka: %s", error.str())

    def _lost(self, partition: int, events: int, low: int) -> None:
        text = (
            f"the broker has forgotten {events} events of {self.consumer.topic}, partition {partition}, that were not "
            f"archived (it begins at {low})"
        )
        if self.settings.on_lost == "fail":
            raise EventsLostError(f"{text}; set CONNECTORS_ON_LOST=skip to go on with what is left")
        log.error(text)

    def _append(self, rows: Rows, stop: Stop) -> None:
        """One commit with the rows and the next offsets; tried again until it is known to be in the table."""
        self.dead_letters.flush()
        table, properties = rows.table(), dump_offsets(self.cluster, self.consumer.topic, self._next)
        while True:
            try:
                self.table.append(table, properties)
                break
            except Exception as error:
                log.warning("append failed, trying again: %s: %s", type(error).__name__, error)
                if stop.wait(RETRY_SECONDS):
                    raise
                if self._is_committed(properties):
                    break
        self.counts.archived += len(rows)
        self.counts.commits += 1
        rows.clear()
        self.counts.lag = sum(max(0, self.consumer.bounds(p)[1] - offset) for p, offset in self._next.items())
        if self.counts.commits % self.settings.maintain_commits == 0:
            self._maintain()

    def _is_committed(self, properties: dict[str, str]) -> bool:
        # a commit whose answer was lost may still have been made
        try:
            return self.table.summary_value(SUMMARY_KEY) == properties[SUMMARY_KEY]
        except Exception:  # noqa: BLE001 - the store is still away: not known, so try again
            return False

    def _maintain(self) -> None:
        try:
            # nobody else writes data files here that wait for their commit, as Connect's workers do
            report = self.table.maintain(self.settings.maintain_seconds, orphan_age_seconds=ORPHAN_AGE_SECONDS)
        except Exception as error:  # noqa: BLE001 - housekeeping must not stop the flow
            log.warning("maintenance failed, the next one tries again: %s: %s", type(error).__name__, error)
        else:
            log.info("maintenance: %s", report)

    def _drain(self, rows: Rows) -> None:
        deadline = time.monotonic() + DRAIN_SECONDS
        never = Stop()
        if rows:
            # what is already here needs no broker, which may be gone
            self._append(rows, never)
        ends = {partition: self.consumer.bounds(partition)[1] for partition in self._next}
        while any(self._next[p] < end for p, end in ends.items()) and time.monotonic() < deadline:
            self._take(self.consumer.read(self.settings.flush_events, READ_SECONDS), rows, never)
        if rows:
            self._append(rows, never)
        self.dead_letters.flush()
        left = sum(max(0, end - self._next[p]) for p, end in ends.items())
        log.log(logging.WARNING if left else logging.INFO, "stopped with %d events left in the broker", left)
