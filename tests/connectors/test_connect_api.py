from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import closing

import httpx
import pytest

from connectors.connect_api import ConnectApi, ConnectBusyError, ConnectError, ConnectorStatus, TaskStatus, root_cause
from tests.connectors.sink_settings import connect

Answer = Callable[[httpx.Request], httpx.Response]


def api(answer: Answer, **changes: str) -> ConnectApi:
    return ConnectApi(connect(**changes), httpx.MockTransport(answer))


def test_requests() -> None:
    seen: list[tuple[str, str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.raw_path.decode(), json.loads(request.content or "null")))
        return httpx.Response(200, json={"a": "b"})

    with closing(api(answer)) as client:
        assert client.config("a b") == {"a": "b"}
        client.put_config("x", {"topics": "t"})
        client.restart_failed("x")
        client.delete("x")
    assert seen == [
        ("GET", "/connectors/a%20b/config", None),
        ("PUT", "/connectors/x/config", {"topics": "t"}),
        ("POST", "/connectors/x/restart?includeTasks=true&onlyFailed=true", None),
        ("DELETE", "/connectors/x", None),
    ]


def test_basic_authentication() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        expected = base64.b64encode(b"operator:secret").decode()
        return httpx.Response(200 if request.headers.get("authorization") == f"Basic {expected}" else 401, json={})

    with closing(api(answer, username="operator", password="secret")) as client:
        assert client.config("x") == {}
    with closing(api(answer)) as client, pytest.raises(ConnectError, match="answered 401"):
        client.config("x")


def test_states() -> None:
    body = {
        "name": "x",
        "connector": {"state": "RUNNING", "worker_id": "a:8083"},
        "tasks": [
            {"id": 1, "state": "FAILED", "worker_id": "a:8083", "trace": "A: x\n\tat y\nCaused by: B: why\n\tat z"},
            {"id": 0, "state": "RUNNING", "worker_id": "a:8083"},
        ],
    }
    with closing(api(lambda _: httpx.Response(200, json=body))) as client:
        status = client.status("x")
    assert status is not None
    assert [task.id for task in status.tasks] == [0, 1]
    assert (status.running, status.failed, status.reason) == (False, True, "B: why")
    no_tasks = ConnectorStatus("x", "RUNNING", "", "", ())
    assert not no_tasks.running
    assert ConnectorStatus("x", "RUNNING", "", "", (TaskStatus(0, "RUNNING", ""),)).running
    assert not ConnectorStatus("x", "PAUSED", "", "", (TaskStatus(0, "PAUSED", ""),)).running


def test_what_is_missing_is_none() -> None:
    with closing(api(lambda _: httpx.Response(404, json={"message": "no"}))) as client:
        assert client.config("x") is None
        assert client.status("x") is None
        client.delete("x")
        with pytest.raises(ConnectError, match="answered 404: no"):
            client.restart_failed("x")


@pytest.mark.parametrize(
    ("status", "kind"), [(400, ConnectError), (409, ConnectBusyError), (500, ConnectBusyError), (503, ConnectBusyError)]
)
def test_reasons_are_connects_own_in_one_line(status: int, kind: type[Exception]) -> None:
    message = "Connector configuration is invalid\nand contains 1 error(s):\n\ttopics"
    with closing(api(lambda _: httpx.Response(status, json={"message": message}))) as client:
        with pytest.raises(ConnectError) as error:
            client.put_config("x", {})
        assert type(error.value) is kind
        assert "is invalid and contains 1 error(s): topics" in str(error.value)


def test_no_connection_is_worth_another_try() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    refused = pytest.raises(ConnectBusyError, match=r"CONNECT_URL=http://connect:8083\): refused")
    with closing(api(answer)) as client, refused:
        client.status("x")


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        ("A: x\n\tat b\n", "A: x"),
        ("A: x\n\tat b\nCaused by: C: y\n\t... 3 more\nCaused by: D: z\n\tat q", "D: z"),
        ("", "no reason was given"),
        ("A: many\nlines\n\tat b", "A: many"),
    ],
)
def test_root_causes(trace: str, cause: str) -> None:
    assert root_cause(trace) == cause
