"""The connector on Kafka Connect: created or updated, and brought to run."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Final, Protocol

from connectors.connect_api import ConnectBusyError, ConnectError, ConnectorStatus
from runtime.process import Stop

log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.5
_FIRST_BACKOFF_SECONDS: Final = 1.0
_LAST_BACKOFF_SECONDS: Final = 60.0


class Connect(Protocol):
    """What is needed of a ConnectApi."""

    def config(self, name: str) -> dict[str, str] | None: ...

    def put_config(self, name: str, config: Mapping[str, str]) -> None: ...

    def status(self, name: str) -> ConnectorStatus | None: ...

    def restart_failed(self, name: str) -> None: ...


class Backoff:
    """Restarts of what failed: at once, then after ever longer waits, from the beginning after it has run."""

    def __init__(self) -> None:
        self._wait = 0.0
        self._due = 0.0

    def due(self) -> bool:
        return time.monotonic() >= self._due

    def failed(self) -> None:
        """It was restarted: the next time not before the wait is over."""
        self._wait = min(_LAST_BACKOFF_SECONDS, max(_FIRST_BACKOFF_SECONDS, self._wait * 2))
        self._due = time.monotonic() + self._wait

    def ran(self) -> None:
        self._wait = self._due = 0.0


def register(connect: Connect, name: str, config: Mapping[str, str], timeout_seconds: float, stop: Stop) -> bool:
    """Create or update the connector and wait until it and all its tasks run; what fails is restarted with backoff.

    Returns:
        Whether it was created or its configuration changed; an equal one is left alone, so nothing restarts.

    Raises:
        ConnectError: Connect refused it, or it did not run in time; with Connect's own reason.
    """
    deadline = time.monotonic() + timeout_seconds
    changed = _put(connect, name, config, deadline, stop)
    backoff, last = Backoff(), "Connect has not started it"
    # what a state before the change was is no answer to it: Connect takes a moment to restart the tasks
    settled = time.monotonic() + (2 * _POLL_SECONDS if changed else 0.0)
    while not stop:
        try:
            status = connect.status(name)
            if status is not None and status.running and time.monotonic() >= settled:
                return changed
            if status is not None and status.failed:
                last = status.reason
                restart(connect, status, backoff)
            elif status is not None:
                states = ", ".join(f"task {task.id} {task.state}" for task in status.tasks) or "no tasks yet"
                last = f"connector {status.state}, {states}"
        except ConnectBusyError as error:
            last = str(error)
        if time.monotonic() >= deadline:
            raise ConnectError(f"connector {name} does not run after {timeout_seconds:g} s: {last}")
        stop.wait(_POLL_SECONDS)
    raise ConnectError(f"stopped while waiting for connector {name}: {last}")


def restart(connect: Connect, status: ConnectorStatus, backoff: Backoff) -> None:
    """Restart what failed, if its time has come. Raises ConnectError."""
    if backoff.due():
        log.warning("restarting %s: %s", status.name, status.reason)
        connect.restart_failed(status.name)
        backoff.failed()


def _put(connect: Connect, name: str, config: Mapping[str, str], deadline: float, stop: Stop) -> bool:
    wanted = {**config, "name": name}
    while True:
        try:
            if connect.config(name) == wanted:
                return False
            connect.put_config(name, wanted)
        except ConnectBusyError:
            if time.monotonic() >= deadline or stop.wait(_POLL_SECONDS):
                raise
        else:
            log.info("connector %s is configured", name)
            return True


def watch(
    connect: Connect,
    name: str,
    config: Mapping[str, str],
    stop: Stop,
    *,
    every_seconds: float,
    timeout_seconds: float,
) -> None:
    """Keep the connector as it should be until `stop`: restart what failed, put back what was removed or changed.

    An outage of the lake longer than the sink's own retries ends its tasks, and Connect does not restart them.
    """
    backoff = Backoff()
    while not stop.wait(every_seconds):
        try:
            _put(connect, name, config, time.monotonic() + timeout_seconds, stop)
            status = connect.status(name)
            if status is not None and status.failed:
                restart(connect, status, backoff)
            elif status is not None and status.running:
                backoff.ran()
        except ConnectError as error:
            log.warning("%s", error)
