"""A service over HTTP: the application every service starts from, and the server it runs in."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from runtime import settings
from runtime.http_middleware import BodyLimit, Edge
from runtime.http_problems import answer_http_exception, answer_validation_error
from runtime.process import Stop

log = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 64 * 1024
GRACE_SECONDS: Final = 2
"""How long requests in flight may take to end after SIGTERM."""
_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the idle timeout of common load balancers (60 s): else they reuse a connection just as we close it."""


def create_app(
    *,
    title: str,
    version: str,
    registry: CollectorRegistry,
    description: str = "",
    max_body_bytes: int = MAX_BODY_BYTES,
) -> FastAPI:
    """An application with `/health`, `/metrics`, `/docs`, request ids, a body limit and problem+json errors.

    Args:
        title: of the service, for its documentation.
        version: of the service.
        registry: what `/metrics` shows; `http_requests_total` and `http_request_duration_seconds` are added to it.
        description: Markdown, for its documentation.
        max_body_bytes: a larger body is answered 413.
    """
    app = FastAPI(title=title, version=version, description=description, redoc_url=None, redirect_slashes=False)
    # the last one added is the outermost
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    app.add_middleware(Edge, registry=registry)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_exception_handler(RequestValidationError, answer_validation_error)

    @app.get("/health", tags=["operations"], summary="Is the process alive?")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics", tags=["operations"], summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app


def run(app: ASGIApp, *, host: str, port: int, stop: Stop, grace_seconds: int = GRACE_SECONDS) -> None:
    """Serve until `stop` is set (see process.stop_on_signals), then let requests in flight end and return.

    Idle connections are closed at once. Where the address cannot be had the process ends with one line and code 2.

    Args:
        app: any ASGI application.
        host: address to listen on, IPv4 or IPv6.
        port: 0 takes a free one; the log names it.
        stop: looked at ten times a second.
        grace_seconds: after these, requests in flight are cancelled.
    """
    listener = _listen(host, port)
    where = f"[{host}]" if ":" in host else host
    log.info("listening on http://%s:%d", where, listener.getsockname()[1])
    # uvicorn's own lines (starting, started, waiting) say nothing that ours do not
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
    )
    with listener:
        _Server(config, stop).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        # strerror of a bind repeats the address
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        settings.stop(f"cannot listen on {host}:{port}: {reason}")


class _Server(uvicorn.Server):
    """Stops when `stop` says so. uvicorn's own signal handlers would replace the process's, and end it by the
    signal (exit code -15) rather than by returning."""

    def __init__(self, config: uvicorn.Config, stop: Stop) -> None:
        super().__init__(config)
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        return bool(self._stop) or await super().on_tick(counter)
