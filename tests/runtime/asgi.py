"""Calls an ASGI application without a server: httpx alone, as starlette's TestClient wants another client library."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp


class Client:
    """Synchronous, each call in an event loop of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.call("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:
        return self.call("POST", path, **given)

    def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **given)

        return asyncio.run(send())
