"""What the connector is doing, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from connectors.connect_api import ConnectError, ConnectorStatus, root_cause
from contracts.events import ENGAGEMENT_EVENTS
from runtime.event_stream import EventStreamError


class Connect(Protocol):
    """What is needed of a ConnectApi."""

    def status(self, name: str) -> ConnectorStatus | None: ...

    def offsets(self, name: str) -> dict[tuple[str, int], int]: ...


class Partitions(Protocol):
    """What is needed of a PartitionConsumer."""

    def partitions(self) -> list[int]: ...

    def bounds(self, partition: int) -> tuple[int, int]: ...


@dataclass(frozen=True)
class TaskReport:
    id: int
    state: str
    worker: str
    reason: str


@dataclass(frozen=True)
class Report:
    """`state` is Connect's, or MISSING; `lag` is events in Kafka that the sink has not committed, None if unknown."""

    connector: str
    state: str
    reason: str
    tasks: tuple[TaskReport, ...]
    lag: int | None

    @property
    def running(self) -> bool:
        return self.state == "RUNNING" and {task.state for task in self.tasks} == {"RUNNING"}

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "running": self.running}

    def as_table(self) -> Iterator[str]:
        """Lines for a terminal, columns aligned."""
        rows = [("", "STATE", "WORKER", "REASON"), (self.connector, self.state, "", self.reason)]
        rows += [(f"  task {task.id}", task.state, task.worker, task.reason) for task in self.tasks]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        yield f"lag: {'unknown' if self.lag is None else f'{self.lag} events'}"


def report(connect: Connect, partitions: Partitions, name: str) -> Report:
    """Ask Connect, and Kafka for the lag. Raises ConnectError where Connect cannot be asked."""
    status = connect.status(name)
    if status is None:
        return Report(name, "MISSING", "no such connector: run `python -m connectors register`", (), None)
    tasks = tuple(
        TaskReport(task.id, task.state, task.worker, root_cause(task.trace) if task.trace else "")
        for task in status.tasks
    )
    return Report(
        name, status.state, root_cause(status.trace) if status.trace else "", tasks, _lag(connect, partitions, name)
    )


def _lag(connect: Connect, partitions: Partitions, name: str) -> int | None:
    try:
        return lag(
            connect.offsets(name), {partition: partitions.bounds(partition) for partition in partitions.partitions()}
        )
    except (ConnectError, EventStreamError):
        return None


def lag(taken: Mapping[tuple[str, int], int], bounds: Mapping[int, tuple[int, int]]) -> int:
    """Events that are in Kafka and not yet taken; `bounds` is `{partition: (first offset, next offset)}`."""
    return sum(
        max(0, high - max(low, taken.get((ENGAGEMENT_EVENTS, partition), low)))
        for partition, (low, high) in bounds.items()
    )
