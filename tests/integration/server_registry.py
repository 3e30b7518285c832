"""A door of TLS and basic authentication before the real schema registry, which has neither of its own."""

from __future__ import annotations

import base64
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.integration.certificates import Certificates
from tests.real import require_env


class RegistryDoor:
    """Forwards to SCHEMA_REGISTRY_URL what comes with the right password, and answers 401 to the rest."""

    def __init__(self, certificates: Certificates) -> None:
        self.username = "showrunner"
        self.password = f"registry-secret-{secrets.token_hex(8)}"
        self.ca = certificates.ca
        self._registry = httpx.Client(base_url=require_env("SCHEMA_REGISTRY_URL")["SCHEMA_REGISTRY_URL"], timeout=30)
        key = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        handler = type("Handler", (_Handler,), {"registry": self._registry, "expected": f"Basic {key}"})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.context.load_cert_chain(certificates.cert, certificates.key)
        self.url = f"https://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._registry.close()

    def environment(self) -> dict[str, str]:
        """The `KAFKA_SCHEMA_REGISTRY_*` settings."""
        return {
            "KAFKA_SCHEMA_REGISTRY_URL": self.url,
            "KAFKA_SCHEMA_REGISTRY_USERNAME": self.username,
            "KAFKA_SCHEMA_REGISTRY_PASSWORD": self.password,
            "KAFKA_SCHEMA_REGISTRY_CA": str(self.ca),
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        super().__init__(*arguments)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # in the request's own thread: a client that never shakes hands holds up nobody else
        try:
            with self.context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)
        except OSError:
            return  # refused the certificate, or spoke no TLS


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: httpx.Client
    expected: str

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != self.expected:
            self._answer(401, "application/json", b'{"error_code": 40101, "message": "Unauthorized"}')
            return
        kind = {"Content-Type": self.headers["Content-Type"]} if body else {}
        answer = self.registry.request(self.command, self.path, content=body, headers=kind)
        self._answer(answer.status_code, answer.headers["Content-Type"], answer.content)

    do_GET = do_POST = do_PUT = do_DELETE = _forward  # noqa: N815 - the names are Python's

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is Python's
        """Quiet."""


@contextmanager
def registry_door(certificates: Certificates) -> Iterator[RegistryDoor]:
    door = RegistryDoor(certificates)
    door.start()
    try:
        yield door
    finally:
        door.stop()
