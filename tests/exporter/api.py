"""A catalogue API on loopback, in TVmaze's shape, that can be told to misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Api:
    """`pages` by number, 404 beyond them. `troubles` come first, one a request; None hangs up."""

    url: str = ""
    pages: list[Any] = field(default_factory=list)
    etags: bool = False
    troubles: list[Reply | None] = field(default_factory=list)
    requests: list[tuple[str, int]] = field(default_factory=list)
    """Path and status of each answer."""
    answer: Callable[[int], Reply] | None = None

    def reply(self, path: str, if_none_match: str | None) -> Reply | None:
        if self.troubles:
            return self.troubles.pop(0)
        number = int(parse_qs(urlsplit(path).query)["page"][0])
        if self.answer:
            return self.answer(number)
        if number >= len(self.pages):
            return Reply(404, b'{"name":"Not Found"}')
        body = json.dumps(self.pages[number]).encode()
        etag = f'"{sha256(body).hexdigest()}"'
        if self.etags and if_none_match == etag:
            return Reply(304)
        return Reply(200, body, {"ETag": etag} if self.etags else {})


@contextmanager
def running(api: Api) -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = api.reply(self.path, self.headers.get("If-None-Match"))
            api.requests.append((self.path, reply.status if reply else 0))
            if reply is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_address[1]}/shows"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()


def show(number: int, **fields: Any) -> dict[str, Any]:
    """An entry as TVmaze has it."""
    return {
        "id": number,
        "url": f"https://example.org/{number}",
        "name": f"Show {number}",
        "type": "Scripted",
        "genres": ["Drama", "Science-Fiction"],
        "premiered": "2013-06-24",
        "image": {"medium": "https://example.org/m.jpg", "original": f"https://example.org/{number}.jpg"},
        "summary": f"<p><b>Show {number}</b> is a <i>show</i>.</p>",
        "updated": 1704794122,
        **fields,
    }
