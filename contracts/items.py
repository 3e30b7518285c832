"""Item: one show or movie of the catalogue, as the exporter publishes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.ids import Id
from contracts.times import in_utc


class MediaType(StrEnum):
    SHOW = "SHOW"
    MOVIE = "MOVIE"


Genre = Annotated[str, Field(min_length=1, max_length=64)]


class Item(BaseModel):
    """A catalogue entry. Unknown fields are ignored, so that a source may carry more than we use."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    item_id: Id
    title: Annotated[str, Field(min_length=1, max_length=512)]
    description: Annotated[str, Field(max_length=20_000)] = ""
    media_type: MediaType = MediaType.MOVIE
    genres: tuple[Genre, ...] = ()
    release_year: Annotated[int, Field(ge=1870, le=2200)] | None = None
    cover_url: Annotated[str, Field(max_length=2_048, pattern=r"^https?://")] | None = None
    added_at: datetime

    @field_validator("genres")
    @classmethod
    def _genres_once(cls, genres: tuple[str, ...]) -> tuple[str, ...]:
        if any("|" in genre for genre in genres):
            raise ValueError("a genre must not contain '|': give genres as a list")
        return tuple(dict.fromkeys(genres))

    @field_validator("added_at")
    @classmethod
    def _in_utc(cls, added_at: datetime) -> datetime:
        return in_utc(added_at)


ITEM_SCHEMA: Final = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("description", pa.string(), nullable=False),
        pa.field("media_type", pa.string(), nullable=False),
        pa.field("genres", pa.list_(pa.string()), nullable=False),
        pa.field("release_year", pa.int32()),
        pa.field("cover_url", pa.string()),
        pa.field("added_at", pa.timestamp("ms", tz="UTC"), nullable=False),
    ],
)


def items_to_table(items: Iterable[Item]) -> pa.Table:
    """Arrow table with ITEM_SCHEMA, one row per item, in the order given."""
    rows: Sequence[Item] = list(items)
    columns = {name: [getattr(item, name) for item in rows] for name in ITEM_SCHEMA.names}
    columns["genres"] = [list(item.genres) for item in rows]
    columns["media_type"] = [item.media_type.value for item in rows]
    return pa.table(columns, schema=ITEM_SCHEMA)


def table_to_items(table: pa.Table) -> list[Item]:
    """The inverse of `items_to_table`. Raises pydantic's ValidationError on a row that is no item."""
    return [Item.model_validate(row) for row in table.select(ITEM_SCHEMA.names).to_pylist()]
