"""The `http` source: a paged JSON catalogue API in the shape of TVmaze's `/shows?page=N`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

from contracts import layout
from exporter.fetch import Fetcher
from exporter.html_text import html_text
from exporter.source import Entry, SourceError
from runtime.object_store import ObjectNotFoundError, ObjectStore

log = logging.getLogger(__name__)

UNKNOWN_DATE: Final = "1970-01-01"
"""When an entry without a premiere was added: never among the latest."""

_USED: Final = ("id", "name", "summary", "genres", "premiered", "type", "image")


class _Page(BaseModel):
    etag: str
    entries: list[Any]


class _Cache(BaseModel):
    pages: dict[str, _Page] = {}


class HttpSource:
    """Pages from 0 on until one answers 404. Each is a JSON list of objects with `id`, `name` and, all optional,
    `summary` (HTML), `genres`, `premiered`, `type`, `image.original`.

    A page that came with an ETag is kept in the store, and asked for again only if it has changed. A page that
    cannot be had is a SourceError: an incomplete catalogue must never replace a complete one.
    """

    name = "http"

    def __init__(self, fetcher: Fetcher, url: str, store: ObjectStore, *, max_pages: int) -> None:
        self._fetcher = fetcher
        self._url = url
        self._store = store
        self._max_pages = max_pages

    def entries(self) -> Iterator[Entry]:
        known, seen = self._load(), _Cache()
        before: list[Any] = []
        for number in range(self._max_pages):
            url = f"{self._url}{'&' if '?' in self._url else '?'}page={number}"
            page = self._page(url, known.pages.get(url))
            if page is None:
                break
            if page.entries and page.entries == before:
                raise SourceError(f"{url}: the same as the page before: does the API ignore 'page'?")
            before = page.entries
            if page.etag:
                seen.pages[url] = page
            for position, raw in enumerate(page.entries, start=1):
                yield _entry(f"page {number}, entry {position}", raw)
        else:
            raise SourceError(f"{self._url}: no 404 after {self._max_pages} pages: raise EXPORTER_MAX_PAGES?")
        if seen != known:
            self._store.put(layout.EXPORTER_HTTP_CACHE, json.dumps(seen.model_dump()).encode())

    def _page(self, url: str, known: _Page | None) -> _Page | None:
        answer = self._fetcher.get(url, etag=known.etag if known else None)
        if answer is None:
            return None
        if answer.unchanged:
            if known is None:
                raise SourceError(f"{url}: 304 to a request without If-None-Match")
            return known
        if not isinstance(answer.json, list):
            raise SourceError(f"{url}: expected a JSON list, got {type(answer.json).__name__}")
        # only what is used: the cache and the list of the rejected stay small
        entries = [_pruned(entry) for entry in answer.json]
        return _Page(etag=answer.etag or "", entries=entries)

    def _load(self) -> _Cache:
        try:
            # Python's json takes the lone surrogates that an API's text may have, pydantic's does not
            return _Cache.model_validate(json.loads(self._store.get(layout.EXPORTER_HTTP_CACHE).data))
        except ObjectNotFoundError:
            return _Cache()
        except ValueError:
            log.warning("%s is unreadable and will be made anew", layout.EXPORTER_HTTP_CACHE)
            return _Cache()


def _pruned(entry: Any) -> Any:
    return {name: entry[name] for name in _USED if name in entry} if isinstance(entry, dict) else entry


def _entry(position: str, raw: Any) -> Entry:
    if not isinstance(raw, dict):
        return Entry(position, raw, {}, "not a JSON object")
    image = raw.get("image")
    summary = raw.get("summary")
    fields = {
        "item_id": raw.get("id"),
        "title": raw.get("name"),
        "description": html_text(summary) if isinstance(summary, str) else summary,
        "media_type": "MOVIE" if str(raw.get("type")).lower() == "movie" else "SHOW",
        "genres": raw.get("genres"),
        "release_year": _year(raw.get("premiered")),
        "cover_url": image.get("original") if isinstance(image, Mapping) else None,
        "added_at": raw.get("premiered") or UNKNOWN_DATE,
    }
    return Entry(position, raw, {name: value for name, value in fields.items() if value is not None})


def _year(premiered: Any) -> Any:
    return premiered[:4] if isinstance(premiered, str) and premiered else None
