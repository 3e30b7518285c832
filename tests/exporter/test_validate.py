"""What is no valid item is set aside with the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.source import Entry
from exporter.validate import validate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entry(position: str = "line 1", /, **fields: Any) -> Entry:
    fields = {"item_id": "1", "title": "t", "added_at": NOW, **fields}
    return Entry(position, fields, {name: value for name, value in fields.items() if value is not None})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"item_id": None}, "item_id: Field required"),
        ({"item_id": ""}, "item_id: "),
        ({"item_id": 1.0}, "item_id: Input should be a valid string"),
        ({"item_id": True}, "item_id: Input should be a valid string"),
        ({"title": None}, "title: Field required"),
        ({"title": "  "}, "title: String should have at least 1 character"),
        ({"title": "\udcff"}, "title: Input should be a valid string"),
        ({"media_type": "SONG"}, "media_type: "),
        ({"release_year": "soon"}, "release_year: "),
        ({"release_year": 1}, "release_year: "),
        ({"cover_url": "javascript:alert(1)"}, "cover_url: "),
        ({"genres": ["a", ""]}, "genres.1: "),
        ({"genres": ["a|b"]}, "genres: Value error, a genre must not contain '|'"),
        ({"genres": 5}, "genres: "),
        ({"added_at": "yesterday"}, "added_at: "),
        ({"added_at": "0001-01-01T00:00:00+14:00"}, "added_at: "),
        ({"title": None, "release_year": "x"}, "title: Field required; release_year: "),
    ],
)
def test_the_reason_names_the_field(fields: dict[str, Any], reason: str) -> None:
    bad = entry("line 7", **fields)
    validated = validate([bad, entry("line 8", item_id="good")])
    assert [item.item_id for item in validated.items] == ["good"]
    (rejected,) = validated.rejected
    assert rejected.reason.startswith(reason)
    assert (rejected.position, rejected.entry) == ("line 7", bad.raw)


def test_an_entry_that_could_not_be_read_keeps_its_problem() -> None:
    (rejected,) = validate([Entry("line 3", "{", {}, "not JSON")]).rejected
    assert (rejected.position, rejected.reason, rejected.entry) == ("line 3", "not JSON", "{")


def test_of_duplicates_the_first_is_good() -> None:
    validated = validate(
        [entry("line 1", title="a"), entry("line 2", item_id=1, title="b"), entry("line 3", item_id=" 1")]
    )
    assert [item.title for item in validated.items] == ["a"]
    assert [r.position for r in validated.rejected] == ["line 2", "line 3"]
    assert validated.rejected[0].reason == "item_id: '1' is already that of line 1"


def test_a_rejected_entry_does_not_take_its_id() -> None:
    validated = validate([entry("line 1", title=""), entry("line 2")])
    assert [r.position for r in validated.rejected] == ["line 1"]
    assert [item.item_id for item in validated.items] == ["1"]


@given(
    st.lists(st.dictionaries(st.sampled_from(["item_id", "title", "genres", "added_at"]), st.text() | st.integers()))
)
def test_every_entry_is_an_item_or_rejected(fields: list[dict[str, Any]]) -> None:
    validated = validate(Entry(str(n), f, f) for n, f in enumerate(fields))
    assert len(validated.items) + len(validated.rejected) == len(fields)
    assert len({item.item_id for item in validated.items}) == len(validated.items)
