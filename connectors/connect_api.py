"""A client of Kafka Connect's REST API (https://kafka.apache.org/documentation/#connect_rest)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from connectors.settings import ConnectSettings

_TIMEOUT_SECONDS: Final = 15.0
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_SERVER_ERROR: Final = 500
_NO_TASK: Final = "UNASSIGNED"
RUNNING: Final = "RUNNING"
FAILED: Final = "FAILED"


class ConnectError(Exception):
    """Connect cannot be reached or refused a request; one line with its own reason."""


class ConnectBusyError(ConnectError):
    """Connect does not answer, or is rebalancing: worth another try."""


@dataclass(frozen=True)
class TaskStatus:
    id: int
    state: str
    worker: str
    trace: str = ""


@dataclass(frozen=True)
class ConnectorStatus:
    """The connector's and its tasks' states as Connect names them: RUNNING, PAUSED, UNASSIGNED, FAILED, …"""

    name: str
    state: str
    worker: str
    trace: str
    tasks: tuple[TaskStatus, ...]

    @property
    def running(self) -> bool:
        """Whether the connector and at least one task run, and no task does not."""
        states = {task.state for task in self.tasks}
        return self.state == RUNNING and states == {RUNNING}

    @property
    def failed(self) -> bool:
        return self.state == FAILED or any(task.state == FAILED for task in self.tasks)

    @property
    def reason(self) -> str:
        """The root cause of the first failure; empty where nothing failed."""
        traces = [self.trace] if self.state == FAILED else [task.trace for task in self.tasks if task.state == FAILED]
        return root_cause(traces[0]) if traces else ""


def root_cause(trace: str) -> str:
    """What a Java stack trace begins with, or its innermost `Caused by`, as one line."""
    lines = [line for line in trace.splitlines() if line.strip() and not line.lstrip().startswith(("at ", "... "))]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return " ".join((causes[-1] if causes else lines[0] if lines else "no reason was given").split())


class ConnectApi:
    """Connect's REST API. Every method raises ConnectBusyError where Connect is away or busy, else ConnectError."""

    def __init__(self, settings: ConnectSettings, transport: httpx.BaseTransport | None = None) -> None:
        self._url = settings.url.rstrip("/")
        secret = settings.password
        verify: ssl.SSLContext | bool = True
        if settings.ca is not None:
            verify = ssl.create_default_context(cafile=str(settings.ca))
        self._client = httpx.Client(
            base_url=self._url,
            timeout=_TIMEOUT_SECONDS,
            verify=verify,
            auth=(settings.username or "", secret.get_secret_value()) if secret is not None else None,
            transport=transport,
        )

    def close(self) -> None:
        self._client.close()

    def config(self, name: str) -> dict[str, str] | None:
        """The connector's configuration, None where there is no such connector."""
        answer = self._ask("GET", f"/connectors/{quote(name)}/config", allow_missing=True)
        return None if answer is None else {key: str(value) for key, value in answer.items()}

    def put_config(self, name: str, config: Mapping[str, str]) -> None:
        """Create the connector, or give it another configuration, which restarts it."""
        self._ask("PUT", f"/connectors/{quote(name)}/config", json=dict(config))

    def status(self, name: str) -> ConnectorStatus | None:
        """None while there is no such connector, or Connect has not yet heard of it."""
        answer = self._ask("GET", f"/connectors/{quote(name)}/status", allow_missing=True)
        if answer is None:
            return None
        connector = answer["connector"]
        tasks = sorted(answer["tasks"], key=lambda task: int(task["id"]))
        return ConnectorStatus(
            name,
            connector["state"],
            connector.get("worker_id", ""),
            connector.get("trace", ""),
            tuple(TaskStatus(t["id"], t["state"], t.get("worker_id", ""), t.get("trace", "")) for t in tasks),
        )

    def restart_failed(self, name: str) -> None:
        """Restart the connector and its tasks where they failed."""
        self._ask("POST", f"/connectors/{quote(name)}/restart?includeTasks=true&onlyFailed=true")

    def offsets(self, name: str) -> dict[tuple[str, int], int]:
        """`{(topic, partition): next offset}` that the connector has taken."""
        answer = self._ask("GET", f"/connectors/{quote(name)}/offsets") or {}
        return {
            (each["partition"]["kafka_topic"], int(each["partition"]["kafka_partition"])): int(
                each["offset"]["kafka_offset"]
            )
            for each in answer.get("offsets", ())
        }

    def delete(self, name: str) -> None:
        """Remove the connector; nothing where it is not there."""
        self._ask("DELETE", f"/connectors/{quote(name)}", allow_missing=True)

    def _ask(
        self, method: str, path: str, *, json: Mapping[str, str] | None = None, allow_missing: bool = False
    ) -> dict[str, Any] | None:
        try:
            answer = self._client.request(method, path, json=json)
        except httpx.HTTPError as error:
            raise ConnectBusyError(f"Kafka Connect cannot be reached (CONNECT_URL={self._url}): {error}") from error
        if answer.is_success:
            body: dict[str, Any] | None = answer.json() if answer.content else None
            return body
        if answer.status_code == _NOT_FOUND and allow_missing:
            return None
        reason = f"Kafka Connect answered {answer.status_code}: {_message(answer)}"
        # 409: the workers are rebalancing
        if answer.status_code == _CONFLICT or answer.status_code >= _SERVER_ERROR:
            raise ConnectBusyError(reason)
        raise ConnectError(reason)


def _message(answer: httpx.Response) -> str:
    try:
        text = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        text = answer.text or answer.reason_phrase
    return " ".join(text.split())[:1000]
