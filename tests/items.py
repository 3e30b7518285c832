"""A small catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from contracts.items import Item, MediaType
from contracts.world import GENRES
from runtime.catalog import publish_run
from runtime.object_store import ObjectStore


def some_items(count: int) -> list[Item]:
    """Items "1" to "count"; two genres each, decades and media types in turn."""
    return [
        Item(
            item_id=str(n),
            title=f"Title {n}",
            media_type=MediaType.SHOW if n % 3 == 0 else MediaType.MOVIE,
            genres=(GENRES[n % len(GENRES)], GENRES[(n + 5) % len(GENRES)]),
            release_year=1960 + n % 60,
            added_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for n in range(1, count + 1)
    ]


def publish_items(store: ObjectStore, items: Sequence[Item], source: str = "synthetic") -> str:
    """Make them the current catalogue, and return its run."""
    return publish_run(store, items, [], source=source, now=datetime.now(UTC)).run
