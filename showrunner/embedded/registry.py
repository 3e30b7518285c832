"""The few endpoints of Confluent's schema registry API that the clients use, on loopback, in memory.

Paths and error codes follow https://docs.confluent.io/platform/current/schema-registry/develop/api.html. Schemas are
lost with the process, as are the events of the in-process broker that were written with them.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

_SUBJECT: Final = re.compile(r"/subjects/([^/]+)(/versions(?:/(latest|\d+))?)?")
_SCHEMA: Final = re.compile(r"/schemas/ids/(\d+)")
_CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"

Answer = tuple[int, Any]


@dataclass
class Schemas:
    """Subjects and their versions; ids are shared by equal schemas, as the API has it."""

    _ids: dict[str, int] = field(default_factory=dict)
    _subjects: dict[str, list[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def register(self, subject: str, schema: str) -> Answer:
        try:
            canonical = json.dumps(json.loads(schema))
        except ValueError:
            return 422, {"error_code": 42201, "message": "the schema is no JSON"}
        with self._lock:
            schema_id = self._ids.setdefault(canonical, len(self._ids) + 1)
            versions = self._subjects.setdefault(subject, [])
            if canonical not in versions:
                versions.append(canonical)
            return 200, {"id": schema_id}

    def look_up(self, subject: str, schema: str) -> Answer:
        with self._lock:
            versions = self._subjects.get(subject, [])
            canonical = json.dumps(json.loads(schema))
            if canonical not in versions:
                return 404, {"error_code": 40403, "message": "Schema not found"}
            return 200, self._version(subject, versions.index(canonical) + 1)

    def version(self, subject: str, number: str) -> Answer:
        with self._lock:
            versions = self._subjects.get(subject, [])
            index = len(versions) if number == "latest" else int(number)
            if not versions:
                return 404, {"error_code": 40401, "message": "Subject not found"}
            if not 1 <= index <= len(versions):
                return 404, {"error_code": 40402, "message": "Version not found"}
            return 200, self._version(subject, index)

    def by_id(self, schema_id: int) -> Answer:
        with self._lock:
            for schema, known in self._ids.items():
                if known == schema_id:
                    return 200, {"schema": schema}
        return 404, {"error_code": 40403, "message": "Schema not found"}

    def subjects(self) -> list[str]:
        with self._lock:
            return sorted(self._subjects)

    def _version(self, subject: str, number: int) -> dict[str, Any]:
        schema = self._subjects[subject][number - 1]
        return {"subject": subject, "version": number, "id": self._ids[schema], "schema": schema}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    schemas: Schemas  # set on the subclass that each Registry makes

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if match := _SCHEMA.fullmatch(path):
            self._answer(*self.schemas.by_id(int(match[1])))
        elif path == "/subjects":
            self._answer(200, self.schemas.subjects())
        elif (match := _SUBJECT.fullmatch(path)) and match[3]:
            self._answer(*self.schemas.version(match[1], match[3]))
        else:
            self._answer(404, {"error_code": 404, "message": f"this registry has no GET {path}"})

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match = _SUBJECT.fullmatch(path)
        if match is None or match[3]:
            self._answer(404, {"error_code": 404, "message": f"this registry has no POST {path}"})
            return
        try:
            schema = json.loads(body)["schema"]
        except (ValueError, KeyError, TypeError):
            self._answer(422, {"error_code": 42201, "message": "the body has no field 'schema'"})
            return
        self._answer(*(self.schemas.register if match[2] else self.schemas.look_up)(match[1], schema))

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", _CONTENT_TYPE)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is Python's
        """Quiet: one line a request would drown the demo's own."""


class Registry:
    """A schema registry on 127.0.0.1, served from a thread; a context manager that ends it.

    Attributes:
        url: its base URL.
    """

    def __init__(self) -> None:
        handler = type("Handler", (_Handler,), {"schemas": Schemas()})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="registry", daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
