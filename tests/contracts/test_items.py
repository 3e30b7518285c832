"""Item: what is taken, what is refused, and the table it becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.items import ITEM_SCHEMA, Item, MediaType, items_to_table, table_to_items

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def item(**fields: Any) -> Item:
    return Item(**{"item_id": "1", "title": "t", "added_at": NOW, **fields})


texts = st.text(st.characters(codec="utf-8"), max_size=30).map(str.strip)
items = st.builds(
    Item,
    item_id=texts.filter(bool) | st.integers(),
    title=texts.filter(bool),
    description=texts,
    media_type=st.sampled_from(MediaType),
    genres=st.lists(texts.filter(lambda text: text and "|" not in text), max_size=4),
    release_year=st.none() | st.integers(1870, 2200),
    cover_url=st.none() | st.just("https://example.org/c.jpg"),
    added_at=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - Item reads it as UTC
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    ),
)


@given(st.lists(items, max_size=5))
def test_items_come_back_from_their_table(given_items: list[Item]) -> None:
    table = items_to_table(given_items)
    assert table.schema.equals(ITEM_SCHEMA)
    assert table_to_items(table) == given_items


def test_no_items_are_a_table_too() -> None:
    table = items_to_table([])
    assert table.schema.equals(ITEM_SCHEMA)
    assert table_to_items(table) == []


def test_defaults() -> None:
    assert item().model_dump() == {
        "item_id": "1",
        "title": "t",
        "description": "",
        "media_type": "MOVIE",
        "genres": (),
        "release_year": None,
        "cover_url": None,
        "added_at": NOW,
    }


@pytest.mark.parametrize(
    ("given_id", "item_id"), [(1, "1"), (2**70, str(2**70)), (-3, "-3"), ("007", "007"), ("tt1", "tt1")]
)
def test_ids_are_text(given_id: Any, item_id: str) -> None:
    assert item(item_id=given_id).item_id == item_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("item_id", ""), ("item_id", "x" * 257), ("item_id", 1.0), ("item_id", True), ("item_id", None),
        ("title", ""), ("title", " "), ("title", "x" * 513), ("title", None),
        ("description", "x" * 20_001), ("media_type", "SONG"), ("media_type", "movie"),
        ("genres", ["a|b"]), ("genres", [""]), ("genres", "Drama"), ("genres", ["x" * 65]),
        ("release_year", 1869), ("release_year", 2201), ("release_year", 1999.5),
        ("cover_url", "javascript:alert(1)"), ("cover_url", ""), ("cover_url", "https://" + "x" * 2_041),
        ("added_at", None), ("added_at", "soon"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        item(**{field: value})
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


def test_genres_keep_their_order_and_come_once() -> None:
    assert item(genres=["Drama", "Action", "Drama"]).genres == ("Drama", "Action")


def test_times_are_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert item(added_at=datetime(2026, 1, 1, 1, tzinfo=east)).added_at == datetime(2025, 12, 31, 23, tzinfo=UTC)
    naive = item(added_at=datetime(2026, 1, 1)).added_at  # noqa: DTZ001 - that it is naive is the point
    assert naive == datetime(2026, 1, 1, tzinfo=UTC)
    assert item(added_at="2026-01-01T01:00:00+02:00").added_at.tzinfo == UTC


def test_unknown_fields_are_ignored() -> None:
    assert item(budget=10**6) == item()


def test_a_row_that_is_no_item_is_refused() -> None:
    table = items_to_table([item()]).set_column(1, ITEM_SCHEMA.field("title"), pa.array([""]))
    with pytest.raises(ValidationError):
        table_to_items(table)
