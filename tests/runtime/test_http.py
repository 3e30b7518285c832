from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Query
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runtime import http
from runtime.http_input import WholeNumber, body_docs, json_body
from runtime.http_problems import PROBLEM_JSON, ProblemError
from tests.runtime.asgi import Client


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=8)]
    count: Annotated[int, WholeNumber(1, 5, strict=True)] = 1
    tags: list[str] = []


def an_app(registry: CollectorRegistry | None = None) -> FastAPI:
    app = http.create_app(title="test", version="1", registry=registry or CollectorRegistry(), max_body_bytes=1000)

    @app.post("/orders", openapi_extra=body_docs(Order))
    async def order(order: Annotated[Order, Depends(json_body(Order))]) -> dict[str, int]:
        return {"count": order.count}

    @app.get("/numbers/{number:path}")
    async def number(number: str, times: Annotated[int, Query(), WholeNumber(1, 9)] = 1) -> str:
        return number * times

    @app.post("/bytes")
    async def plain(body: dict[str, int]) -> int:
        return len(body)

    @app.get("/busy")
    async def busy() -> None:
        raise ProblemError(503, "Come back.", headers={"Retry-After": "3"})

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("secret detail")

    @app.get("/half")
    async def half() -> Response:
        class Half(Response):
            async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                raise RuntimeError("too late for a problem")

        return Half()

    return app


@pytest.fixture
def client() -> Client:
    return Client(an_app())


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM_JSON
    found: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= found.keys()
    assert found["status"] == status
    assert found["request_id"] == answer.headers["x-request-id"]
    assert len(answer.content) < 8000
    return found


def test_health(client: Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}


def test_404_and_405_are_problems(client: Client) -> None:
    assert problem(client.get("/nothing/here"), 404)["instance"] == "/nothing/here"
    answer = client.get("/orders")
    assert problem(answer, 405)["detail"] == "This path takes POST."
    assert answer.headers["allow"] == "POST"
    assert problem(client.post("/orders/"), 404)


def test_a_raised_problem_keeps_its_headers(client: Client) -> None:
    answer = client.get("/busy")
    assert problem(answer, 503)["detail"] == "Come back."
    assert answer.headers["retry-after"] == "3"


def test_500_tells_nothing_but_is_logged_with_the_request_id(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.get("/broken", headers={"X-Request-ID": "abc"})
    assert "secret" not in str(problem(answer, 500))
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.__dict__["request_id"] == "abc"
    assert "secret detail" in caplog.text


def test_an_answer_that_breaks_off_is_not_patched_up(client: Client) -> None:
    with pytest.raises(RuntimeError, match="too late"):
        client.get("/half")


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "name", "is required"),
        ({"name": "x", "count": "two"}, "count", "must be a whole number from 1 to 5"),
        ({"name": "x", "count": "2"}, "count", "must be a whole number from 1 to 5"),
        ({"name": "x", "count": True}, "count", "must be a whole number from 1 to 5"),
        ({"name": "x", "count": 2.5}, "count", "must be a whole number from 1 to 5"),
        ({"name": "x", "count": None}, "count", "must be a whole number from 1 to 5"),
        ({"name": "x", "count": 0}, "count", "must be a whole number from 1 to 5"),
        ({"name": "x", "count": 10**30}, "count", "must be a whole number from 1 to 5"),
        ({"name": ""}, "name", "must have at least 1 character"),
        ({"name": 7}, "name", "must be text"),
        ({"name": "x" * 900}, "name", "must have at most 8 characters"),
        ({"name": "x", "tags": ["a", 1]}, "tags[1]", "must be text"),
        ({"name": "x", "cuont": 1}, "cuont", "is not a field of this request"),
        ({"name": "x", "k" * 900: 1}, "k" * 128 + "…", "is not a field of this request"),
        (["name"], "body", "must be a JSON object"),
        ("name", "body", "must be a JSON object"),
        (7, "body", "must be a JSON object"),
    ],
)
def test_422_names_the_field_and_what_is_allowed(client: Client, body: Any, field: str, message: str) -> None:
    found = problem(client.post("/orders", json=body), 422)
    assert found["errors"] == [{"field": field, "message": message}]
    assert found["detail"] == f"{field} {message}"


def test_422_for_queries_and_for_bodies_that_fastapi_reads(client: Client) -> None:
    for times in ("0", "10", "ten", "2.5", "true", ""):
        found = problem(client.get("/numbers/1", params={"times": times}), 422)
        assert found["errors"] == [{"field": "times", "message": "must be a whole number from 1 to 9"}]
    assert problem(client.post("/bytes", json={"a": "b"}), 422)["errors"][0]["field"] == "a"
    assert problem(client.post("/bytes", json=[]), 422)["errors"][0]["field"] == "body"


def test_many_errors_are_counted_but_not_all_listed(client: Client) -> None:
    found = problem(client.post("/orders", json={"name": "x", **{str(n): 1 for n in range(60)}}), 422)
    assert len(found["errors"]) == 20
    assert found["detail"].endswith("(59 more)")


@pytest.mark.parametrize("path", ["/orders", "/bytes"])
@pytest.mark.parametrize("body", [b"{", b"{nope}", b"\xff\xfe", b'{"a": 1} 2', b"[" * 900])
def test_400_for_what_is_not_json(client: Client, path: str, body: bytes) -> None:
    found = problem(client.post(path, content=body, headers={"content-type": "application/json"}), 400)
    assert "errors" not in found


def test_a_body_is_json_whatever_its_content_type(client: Client) -> None:
    answer = client.post("/orders", content=b'{"name": "x"}', headers={"content-type": "text/plain"})
    assert answer.json() == {"count": 1}


@pytest.mark.parametrize("path", ["/orders", "/bytes"])
def test_413_for_a_large_body_announced_or_not(client: Client, path: str) -> None:
    async def chunks(total: int) -> AsyncIterator[bytes]:
        for _ in range(total // 100):
            yield b" " * 100

    as_json = {"content-type": "application/json"}
    assert "1000 bytes" in problem(client.post(path, content=b" " * 1001, headers=as_json), 413)["detail"]
    assert "1000 bytes" in problem(client.post(path, content=chunks(1100), headers=as_json), 413)["detail"]
    assert problem(client.post(path, content=chunks(1000), headers=as_json), 400)


def test_a_sane_request_id_is_taken_over_and_any_other_replaced(client: Client) -> None:
    for given in ("abc", "A-1_b.c:d", "x" * 64):
        assert client.get("/health", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    for given in ("", "a b", "x" * 65, "ü".encode().decode("latin-1"), "a\tb"):
        made = client.get("/health", headers=[(b"x-request-id", given.encode("latin-1"))]).headers["x-request-id"]
        assert made != given
        assert len(made) == 32


def test_metrics_count_by_route_template_method_and_status() -> None:
    registry = CollectorRegistry()
    client = Client(an_app(registry))
    for path in ("/numbers/1", "/numbers/2/3", "/numbers/1?times=0", "/nothing", "/else", "/broken"):
        client.get(path)
    client.call("BREW", "/numbers/1")

    def count(route: str, method: str, status: str) -> float | None:
        labels = {"route": route, "method": method, "status": status}
        seconds = registry.get_sample_value("http_request_duration_seconds_count", labels)
        assert seconds == registry.get_sample_value("http_requests_total", labels)
        return seconds

    assert count("/numbers/{number}", "GET", "200") == 2
    assert count("/numbers/{number}", "GET", "422") == 1
    assert count("unmatched", "GET", "404") == 2
    assert count("/broken", "GET", "500") == 1
    assert count("/numbers/{number}", "other", "405") == 1
    assert "http_requests_total{" in client.get("/metrics").text


def test_access_is_logged_at_debug_alone(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="runtime")
    client.get("/health")
    assert not caplog.records
    caplog.set_level(logging.DEBUG, logger="runtime")
    client.get("/health", headers={"X-Request-ID": "abc"})
    (record,) = [r for r in caplog.records if r.name.startswith("runtime")]
    assert (record.getMessage(), record.__dict__["request_id"], record.__dict__["status"]) == (
        "GET /health",
        "abc",
        200,
    )


def test_the_openapi_document_describes_the_body(client: Client) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/orders"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["count"] == {
        "type": "integer", "minimum": 1, "maximum": 5, "default": 1, "title": "Count",
    }  # fmt: skip
    assert client.get("/docs").status_code == 200


SERVICE = textwrap.dedent("""
    import asyncio, logging, sys
    from prometheus_client import CollectorRegistry
    from runtime import http
    from runtime.process import stop_on_signals

    logging.basicConfig(level="INFO", stream=sys.stderr)
    stop = stop_on_signals(int(sys.argv[3]) if sys.argv[3:] else None)
    app = http.create_app(title="t", version="1", registry=CollectorRegistry())

    @app.get("/slow")
    async def slow(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    http.run(app, host=sys.argv[1], port=int(sys.argv[2]), stop=stop)
    sys.stderr.write("returned\\n")
""")


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVICE, *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def address(process: subprocess.Popen[str]) -> str:
    return errors(process).readline().rpartition("listening on ")[2].strip()


def errors(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stderr is not None
    return process.stderr


@pytest.fixture
def service() -> Iterator[subprocess.Popen[str]]:
    with start("127.0.0.1", 0) as process:
        yield process
        process.kill()


def test_sigterm_stops_at_once_although_a_client_keeps_its_connection(service: subprocess.Popen[str]) -> None:
    with httpx.Client(base_url=address(service)) as client:
        assert client.get("/health").status_code == 200
        began = time.monotonic()
        service.send_signal(signal.SIGTERM)
        assert service.wait(5) == 0
        assert time.monotonic() - began < 1.9
    assert errors(service).read().strip() == "returned"


def test_sigterm_lets_a_request_in_flight_end_and_waits_no_longer_than_the_grace_period(
    service: subprocess.Popen[str],
) -> None:
    where = address(service)
    host, port = where.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as short, socket.create_connection((host, int(port))) as long:
        for connection, seconds in ((short, 0.7), (long, 60)):
            connection.settimeout(5)
            connection.sendall(f"GET /slow?seconds={seconds} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(0.3)
        began = time.monotonic()
        service.send_signal(signal.SIGTERM)
        assert b"200 OK" in short.recv(4096)
        assert service.wait(5) == 0
        assert time.monotonic() - began < 4


def test_a_taken_port_is_one_line_and_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start("127.0.0.1", port) as process:
            assert process.wait(20) == 2
            lines = errors(process).read().splitlines()
    assert lines == [f"error: cannot listen on 127.0.0.1:{port}: Address already in use"]


def test_an_impossible_host_is_one_line_and_code_2() -> None:
    with start("256.0.0.1", 0) as process:
        assert process.wait(20) == 2
        assert errors(process).read().startswith("error: cannot listen on 256.0.0.1:0: ")


def test_it_stops_when_its_supervisor_is_gone() -> None:
    supervisor = "import os, subprocess, sys, time; " + (
        "subprocess.Popen([sys.executable, '-c', sys.argv[1], '127.0.0.1', '0', str(os.getpid())]); time.sleep(60)"
    )
    command = [sys.executable, "-c", supervisor, SERVICE]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as parent:
        where = address(parent)
        assert httpx.get(f"{where}/health").status_code == 200
        os.kill(parent.pid, signal.SIGKILL)
        rest = errors(parent).read()  # ends when the service, which shares it, has ended
    assert rest.endswith("returned\n")
