from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from connectors import register as module
from connectors.connect_api import ConnectBusyError, ConnectError, ConnectorStatus, TaskStatus
from connectors.register import Backoff, register, watch
from runtime.process import Stop


class Connect:
    """A Connect whose states are told beforehand, the last one for ever."""

    def __init__(self, *states: str, config: Mapping[str, str] | None = None) -> None:
        self.states = list(states)
        self.kept = dict(config) if config is not None else None
        self.puts = self.restarts = self.looks = 0

    def config(self, name: str) -> dict[str, str] | None:
        return self.kept

    def put_config(self, name: str, config: Mapping[str, str]) -> None:
        self.puts += 1
        self.kept = dict(config)

    def status(self, name: str) -> ConnectorStatus | None:
        self.looks += 1
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state == "BUSY":
            raise ConnectBusyError("rebalancing")
        if state == "MISSING":
            return None
        return ConnectorStatus(name, "RUNNING", "w", "", (TaskStatus(0, state, "w", "X: the reason\n\tat y"),))

    def restart_failed(self, name: str) -> None:
        self.restarts += 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.001)
    monkeypatch.setattr(module, "_FIRST_BACKOFF_SECONDS", 0.01)


CONFIG = {"topics": "t"}


def test_it_is_created_and_waited_for() -> None:
    connect = Connect("MISSING", "BUSY", "UNASSIGNED", "RUNNING")
    assert register(connect, "x", CONFIG, 5, Stop())
    assert (connect.puts, connect.restarts) == (1, 0)
    assert connect.kept == {"topics": "t", "name": "x"}


def test_an_equal_one_is_left_alone() -> None:
    connect = Connect("RUNNING", config={"topics": "t", "name": "x"})
    assert not register(connect, "x", CONFIG, 5, Stop())
    assert connect.puts == 0


def test_a_different_one_is_updated() -> None:
    connect = Connect("RUNNING", config={"topics": "old", "name": "x"})
    assert register(connect, "x", CONFIG, 5, Stop())
    assert connect.kept == {"topics": "t", "name": "x"}


def test_failed_tasks_are_restarted() -> None:
    connect = Connect("FAILED", "FAILED", "RUNNING")
    assert register(connect, "x", CONFIG, 5, Stop())
    assert connect.restarts >= 1


def test_restarts_wait_ever_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("connectors.register.time.monotonic", lambda: now)
    monkeypatch.setattr(module, "_FIRST_BACKOFF_SECONDS", 1.0)
    backoff, at = Backoff(), []
    while now < 200:
        if backoff.due():
            at.append(now)
            backoff.failed()
        now += 1.0
    assert at == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    backoff.ran()
    assert backoff.due()


def test_it_fails_with_connects_reason_and_in_time() -> None:
    connect = Connect("FAILED")
    with pytest.raises(ConnectError, match=r"^connector x does not run after 0.1 s: X: the reason$"):
        register(connect, "x", CONFIG, 0.1, Stop())
    assert 1 <= connect.restarts < connect.looks


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("MISSING", "Connect has not started it"),
        ("BUSY", "rebalancing"),
        ("PAUSED", "connector RUNNING, task 0 PAUSED"),
    ],
)
def test_it_says_what_it_waited_for(state: str, reason: str) -> None:
    with pytest.raises(ConnectError, match=f"does not run after 0.05 s: {reason}"):
        register(Connect(state), "x", CONFIG, 0.05, Stop())


def test_a_stop_ends_the_wait() -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(ConnectError, match="stopped while waiting"):
        register(Connect("UNASSIGNED"), "x", CONFIG, 60, stop)


def test_watching_restarts_puts_back_and_outlives_outages(caplog: pytest.LogCaptureFixture) -> None:
    stop = Stop()

    class Watched(Connect):
        def status(self, name: str) -> ConnectorStatus | None:
            if self.looks == 1:
                self.kept = None  # somebody removed it
            if self.looks == 4:
                stop.set()
            return super().status(name)

    connect = Watched("FAILED", "RUNNING", "BUSY", "FAILED", "RUNNING", config={"topics": "t", "name": "x"})
    with caplog.at_level(logging.WARNING):
        watch(connect, "x", CONFIG, stop, every_seconds=0.001, timeout_seconds=1)
    assert connect.restarts == 2
    assert connect.puts == 1
    assert "restarting x: X: the reason" in caplog.text
    assert "rebalancing" in caplog.text
