"""What every request passes on its way in and out. Plain ASGI: Starlette's BaseHTTPMiddleware copies every answer
through a queue and breaks cancellation."""

from __future__ import annotations

import logging
import re
from time import perf_counter
from typing import Final
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.http_problems import ProblemError, problem_response

log = logging.getLogger(__name__)

_SANE_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLIENT_CLOSED: Final = 499  # nginx's name for a client that left before its answer
_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Edge:
    """The outermost layer: a request id, metrics, an access log line at DEBUG, and 500 for what nobody caught.

    An `X-Request-ID` of 1 to 64 letters, digits and `._:-` is taken over; any other is replaced. It is in the
    answer's header, in `request.state.request_id` and in the log.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        labels = ("route", "method", "status")
        self._requests = Counter("http_requests_total", "Requests answered.", labels, registry=registry)
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time from a request's head to its answer's end.",
            labels,
            buckets=_BUCKETS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status, started = 0, perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            log.debug("the client left", extra={"request_id": request_id})
        except Exception:
            log.exception("%s %r failed", scope["method"], scope["path"][:256], extra={"request_id": request_id})
            if status:
                # the answer has begun: only cutting the connection tells the client that it is not whole
                raise
            detail = "The service failed on this request; its log tells more under this request_id."
            await problem_response(scope, 500, detail)(scope, receive, send_with_id)
        finally:
            self._record(scope, status or _CLIENT_CLOSED, perf_counter() - started, request_id)

    def _record(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        # templates and known methods only: a label made from what clients send would grow without end
        route = getattr(scope.get("route"), "path_format", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(route, method, status).inc()
        self._seconds.labels(route, method, status).observe(seconds)
        if log.isEnabledFor(logging.DEBUG):
            extra = {"status": status, "ms": round(seconds * 1000, 2), "request_id": request_id}
            log.debug("%s %s", scope["method"], scope["path"], extra=extra)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return uuid4().hex


class BodyLimit:
    """413 for a body of more than `max_bytes`, announced or not; what is beyond is never held in memory."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._detail = f"The body is larger than {max_bytes} bytes."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if announced.isdigit() and int(announced[:20]) > self._max_bytes:
            await problem_response(scope, 413, self._detail)(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise ProblemError(413, self._detail)
            return message

        await self._app(scope, receive_counted, send)
