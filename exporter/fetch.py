"""Fetching pages politely: a rate limit, retries with backoff and jitter, ETags."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from exporter.source import SourceError

log = logging.getLogger(__name__)

BACKOFF: Final = 1.0
"""Seconds before the second try, on average half of it; doubled for each one after."""
MAX_WAIT: Final = 60.0
"""Seconds: the longest backoff, and the longest Retry-After that is waited for."""


@dataclass(frozen=True)
class Answer:
    """A page as it was answered; `unchanged` (304) comes without a body."""

    json: Any
    etag: str | None
    unchanged: bool = False


class Fetcher:
    """Gets JSON pages, at most `rate` requests a second, each tried up to `tries` times.

    Args:
        client: with its timeout.
        rate: requests a second.
        tries: of one page, on 429, 5xx and transport errors.
        wait: sleeps so many seconds; True when it is time to stop (see runtime.process.Stop).
        backoff: see BACKOFF.
    """

    def __init__(
        self,
        client: httpx.Client,
        *,
        rate: float,
        tries: int,
        wait: Callable[[float], bool],
        backoff: float = BACKOFF,
    ) -> None:
        self._client = client
        self._pause = 1 / rate
        self._tries = tries
        self._wait = wait
        self._backoff = backoff
        self._next = 0.0

    def get(self, url: str, *, etag: str | None = None) -> Answer | None:
        """The page, `unchanged` where its ETag is still `etag`, None where there is none (404).

        Raises:
            SourceError: it cannot be had, or it is time to stop.
        """
        headers = {"Accept": "application/json"} | ({"If-None-Match": etag} if etag else {})
        for attempt in range(1, self._tries + 1):
            self._sleep(url, self._next - time.monotonic())
            self._next = time.monotonic() + self._pause
            asked: float | None = None
            try:
                response = self._client.get(url, headers=headers)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise SourceError(f"{url}: {error}") from error
            else:
                if response.status_code != 429 and response.status_code < 500:
                    return _answer(url, response)
                problem = f"HTTP {response.status_code}"
                asked = _retry_after(response)
            if attempt == self._tries:
                raise SourceError(f"{url}: {problem}, {attempt} times: giving up")
            self._back_off(url, problem, attempt, asked)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _back_off(self, url: str, problem: str, attempt: int, asked: float | None) -> None:
        if asked is not None and asked > MAX_WAIT:
            raise SourceError(f"{url}: {problem}, and it asks to wait {asked:.0f} s: giving up until the next run")
        # full jitter: many clients that failed together must not come back together
        jitter = random.random() * min(MAX_WAIT, self._backoff * 2 ** (attempt - 1))  # noqa: S311 - no secret
        seconds = jitter if asked is None else asked + jitter
        log.warning("%s: %s, trying again", url, problem, extra={"attempt": attempt, "wait": round(seconds, 2)})
        self._sleep(url, seconds)

    def _sleep(self, url: str, seconds: float) -> None:
        if self._wait(max(seconds, 0.0)):
            raise SourceError(f"{url}: stopped before the catalogue was complete")


def _answer(url: str, response: httpx.Response) -> Answer | None:
    if response.status_code == 404:
        return None
    if response.status_code == 304:
        return Answer(None, None, unchanged=True)
    if response.status_code != 200:
        raise SourceError(f"{url}: HTTP {response.status_code}: is EXPORTER_URL right?")
    try:
        return Answer(response.json(), response.headers.get("ETag"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{url}: not JSON: {error}") from error


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks for, as a number or as a date (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
