"""The `http` source against a real server on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import layout
from contracts.items import Item, MediaType
from exporter.fetch import Fetcher
from exporter.html_text import html_text
from exporter.http import HttpSource
from exporter.source import SourceError
from exporter.validate import Validated, validate
from runtime.object_store_directory import DirectoryStore
from tests.exporter.api import Api, Reply, running, show


class Waits:
    """Counts the waiting instead of doing it."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.seconds: list[float] = []
        self._left = stop_after

    def __call__(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        self._left -= 1
        return self._left < 0


@pytest.fixture
def api() -> Iterator[Api]:
    with running(Api()) as api:
        yield api


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


def read(
    api: Api,
    store: DirectoryStore,
    waits: Waits | None = None,
    *,
    rate: float = 1e6,
    tries: int = 3,
    max_pages: int = 50,
) -> Validated:
    with httpx.Client(timeout=2, follow_redirects=True) as client:
        fetcher = Fetcher(client, rate=rate, tries=tries, wait=waits or Waits())
        return validate(HttpSource(fetcher, api.url, store, max_pages=max_pages).entries())


def paths(api: Api) -> list[str]:
    return [f"{path} {status}" for path, status in api.requests]


class TestEntries:
    def test_pages_are_read_until_404(self, api: Api, store: DirectoryStore) -> None:
        api.pages = [[show(1), show(2)], [], [show(250)]]
        validated = read(api, store)
        assert validated.rejected == []
        assert [item.item_id for item in validated.items] == ["1", "2", "250"]
        assert validated.items[0] == Item(
            item_id="1",
            title="Show 1",
            description="Show 1 is a show.",
            media_type=MediaType.SHOW,
            genres=("Drama", "Science-Fiction"),
            release_year=2013,
            cover_url="https://example.org/1.jpg",
            added_at=datetime(2013, 6, 24, tzinfo=UTC),
        )
        assert paths(api) == [f"/shows?page={n} {s}" for n, s in [(0, 200), (1, 200), (2, 200), (3, 404)]]

    def test_optional_fields_may_be_null_or_missing(self, api: Api, store: DirectoryStore) -> None:
        nothing = dict.fromkeys(["type", "genres", "premiered", "image", "summary"])
        api.pages = [[show(1, **nothing), {"id": 2, "name": "Bare"}, show(3, type="Movie", image={"original": None})]]
        validated = read(api, store)
        assert validated.rejected == []
        bare = {"description": "", "genres": (), "release_year": None, "cover_url": None, "media_type": MediaType.SHOW}
        for item in validated.items[:2]:
            assert item.model_dump(include=set(bare)) == bare
            assert item.added_at == datetime(1970, 1, 1, tzinfo=UTC)
        assert (validated.items[2].media_type, validated.items[2].cover_url) == (MediaType.MOVIE, None)

    def test_bad_entries_are_rejected_with_their_place(self, api: Api, store: DirectoryStore) -> None:
        bad: list[Any] = [{"id": None, "name": "x"}, {"id": 5}, "text", None, show(6, premiered="soon"), show(1)]
        bad += [show(7, name="\ud800"), show(8, summary=5), show(9, genres="Drama")]
        api.pages = [[show(1)], bad]
        validated = read(api, store)
        assert [item.item_id for item in validated.items] == ["1"]
        assert [r.position for r in validated.rejected] == [f"page 1, entry {n}" for n in range(1, 10)]
        assert [r.reason.partition(":")[0] for r in validated.rejected] == [
            "item_id", "title", "not a JSON object", "not a JSON object", "release_year", "item_id", "title",
            "description", "genres",
        ]  # fmt: skip
        assert validated.rejected[4].entry["premiered"] == "soon"
        assert json.dumps([r.entry for r in validated.rejected])

    def test_no_page_is_an_empty_catalogue(self, api: Api, store: DirectoryStore) -> None:
        assert read(api, store) == Validated([], [])

    def test_a_url_may_have_a_query(self, api: Api, store: DirectoryStore) -> None:
        api.pages = [[show(1)]]
        api.url += "?key=k"
        assert len(read(api, store).items) == 1
        assert paths(api)[0] == "/shows?key=k&page=0 200"


class TestTrouble:
    @pytest.mark.parametrize("trouble", [Reply(429), Reply(500), Reply(503, b"<html>"), None])
    def test_a_page_is_tried_again(self, api: Api, store: DirectoryStore, trouble: Reply | None) -> None:
        api.pages, api.troubles = [[show(1)]], [trouble, trouble]
        waits = Waits()
        assert len(read(api, store, waits).items) == 1
        assert len(api.requests) == 4
        backoffs = [s for s in waits.seconds if s > 1e-3]
        assert len(backoffs) <= 2
        assert all(s <= 2 for s in backoffs)

    @pytest.mark.parametrize("trouble", [Reply(429), Reply(502), None])
    def test_a_page_that_cannot_be_had_fails_the_run(
        self, api: Api, store: DirectoryStore, trouble: Reply | None
    ) -> None:
        api.answer = lambda n: Reply(200, json.dumps([show(n)]).encode())
        read_two = api.reply

        def reply(path: str, if_none_match: str | None) -> Reply | None:
            return trouble if path.endswith("page=2") else read_two(path, if_none_match)

        api.reply = reply  # type: ignore[method-assign]
        with pytest.raises(SourceError, match=r"page=2: .*, 3 times: giving up"):
            read(api, store)
        assert len(api.requests) == 5

    @pytest.mark.parametrize("status", [400, 401, 403, 410])
    def test_a_refusal_is_not_repeated(self, api: Api, store: DirectoryStore, status: int) -> None:
        api.troubles = [Reply(status)]
        with pytest.raises(SourceError, match=f"HTTP {status}: is EXPORTER_URL right"):
            read(api, store)
        assert len(api.requests) == 1

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[1", b"\xff", b'{"items": []}', b"null"])
    def test_what_is_no_list_fails_the_run(self, api: Api, store: DirectoryStore, body: bytes) -> None:
        api.troubles = [Reply(200, body)]
        with pytest.raises(SourceError, match=r"not JSON|expected a JSON list"):
            read(api, store)

    def test_an_unreachable_api_fails_the_run(self, api: Api, store: DirectoryStore) -> None:
        api.url = "http://127.0.0.1:1/shows"
        with pytest.raises(SourceError, match="ConnectError"):
            read(api, store)

    def test_an_impossible_url_fails_the_run(self, api: Api, store: DirectoryStore) -> None:
        api.url = "http://[bad/shows"
        with pytest.raises(SourceError, match="bad"):
            read(api, store)

    def test_an_api_that_ignores_the_page_is_noticed(self, api: Api, store: DirectoryStore) -> None:
        api.answer = lambda _: Reply(200, json.dumps([show(1)]).encode())
        with pytest.raises(SourceError, match="page=1: the same as the page before"):
            read(api, store)

    def test_an_api_that_never_ends_is_noticed(self, api: Api, store: DirectoryStore) -> None:
        api.answer = lambda _: Reply(200, b"[]")
        with pytest.raises(SourceError, match="no 404 after 5 pages"):
            read(api, store, max_pages=5)

    def test_304_out_of_the_blue_fails_the_run(self, api: Api, store: DirectoryStore) -> None:
        api.troubles = [Reply(304)]
        with pytest.raises(SourceError, match="304"):
            read(api, store)

    def test_stopping_ends_the_run(self, api: Api, store: DirectoryStore) -> None:
        api.answer = lambda n: Reply(200, json.dumps([show(n)]).encode())
        with pytest.raises(SourceError, match="stopped before the catalogue was complete"):
            read(api, store, Waits(stop_after=2))
        assert len(api.requests) == 2


class TestManners:
    def test_retry_after_is_honoured(self, api: Api, store: DirectoryStore) -> None:
        moment = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
        api.troubles = [Reply(429, headers={"Retry-After": "7"}), Reply(503, headers={"Retry-After": moment})]
        waits = Waits()
        read(api, store, waits)
        first, second = (s for s in waits.seconds if s > 2.5)
        assert 7 <= first <= 8
        assert 27 <= second <= 32

    def test_a_retry_after_that_is_too_long_fails_the_run(self, api: Api, store: DirectoryStore) -> None:
        api.troubles = [Reply(429, headers={"Retry-After": "3600"})]
        with pytest.raises(SourceError, match="asks to wait 3600 s"):
            read(api, store)

    @pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "٣", "Wed, 21 Oct 2015 07:28:00 GMT"])
    def test_a_retry_after_that_says_nothing_is_ignored(self, api: Api, store: DirectoryStore, text: str) -> None:
        api.troubles = [Reply(429, headers={"Retry-After": text.encode().decode("latin-1")})]
        waits = Waits()
        read(api, store, waits)
        assert max(waits.seconds) <= 1

    def test_the_rate_is_kept(self, api: Api, store: DirectoryStore) -> None:
        api.pages = [[show(n)] for n in range(4)]
        started = time.monotonic()

        def wait(seconds: float) -> bool:
            time.sleep(seconds)
            return False

        with httpx.Client() as client:
            source = HttpSource(Fetcher(client, rate=20, tries=1, wait=wait), api.url, store, max_pages=9)
            assert len(list(source.entries())) == 4
        # five requests have four pauses of 50 ms between them
        assert time.monotonic() - started >= 0.2


class TestEtags:
    def test_an_unchanged_page_is_not_sent_again(self, api: Api, store: DirectoryStore) -> None:
        api.etags, api.pages = True, [[show(1)], [show(2, name="\ud800"), show(3)]]
        first = read(api, store)
        api.requests.clear()
        cached = store.head(layout.EXPORTER_HTTP_CACHE)
        assert read(api, store) == first
        assert [status for _, status in api.requests] == [304, 304, 404]
        assert store.head(layout.EXPORTER_HTTP_CACHE) == cached

        api.pages[1] = [show(4)]
        api.requests.clear()
        assert [item.item_id for item in read(api, store).items] == ["1", "4"]
        assert [status for _, status in api.requests] == [304, 200, 404]
        assert store.head(layout.EXPORTER_HTTP_CACHE) != cached

    def test_only_what_is_used_is_kept(self, api: Api, store: DirectoryStore) -> None:
        api.etags, api.pages = True, [[show(1, secret="unused")]]
        read(api, store)
        assert b"unused" not in store.get(layout.EXPORTER_HTTP_CACHE).data

    def test_pages_without_etag_are_not_kept(self, api: Api, store: DirectoryStore) -> None:
        api.pages = [[show(1)]]
        read(api, store)
        assert store.head(layout.EXPORTER_HTTP_CACHE) is None

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"pages": {"x": 1}}', b"\xff"])
    def test_a_damaged_cache_is_made_anew(self, api: Api, store: DirectoryStore, data: bytes) -> None:
        store.put(layout.EXPORTER_HTTP_CACHE, data)
        api.etags, api.pages = True, [[show(1)]]
        assert len(read(api, store).items) == 1
        assert len(read(api, store).items) == 1
        assert api.requests[-2][1] == 304


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>One</p><p>two</p>", "One two"),
        ("a<br>b<br/>c", "a b c"),
        ("<b>O</b>ne &amp; t&#119;o&nbsp;three", "One & two three"),
        ("a<script>evil()</script><style>p{}</style>b", "a b"),
        ("1 < 2", "1 < 2"),
        ("</script>still here", "still here"),
        ("&unknown; &#0;", "&unknown; \ufffd"),
    ],
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert html_text(html) == text
