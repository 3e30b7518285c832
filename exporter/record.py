"""A record of a file to an item's fields: our columns, and those of MovieLens."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from exporter.source import SourceError

COLUMNS: Final = (
    "item_id", "title", "description", "media_type", "genres", "release_year", "cover_url", "added_at",
)  # fmt: skip
MOVIELENS_ID: Final = "movieId"
NO_GENRES: Final = "(no genres listed)"

# "Toy Story (1995)", and of series "(2006-2007)" and "(2006- )", with an en dash too
_YEAR: Final = re.compile(
    r"^(?P<title>.*\S)\s*\((?P<year>(?:18|19|20|21)\d\d)(?:[\u2013-]\s*(?:\d{4})?\s*)?\)\s*$", re.DOTALL
)


def check_columns(names: Collection[str], where: str) -> None:
    """Raises SourceError where a table with these columns cannot be a catalogue."""
    if "item_id" not in names and MOVIELENS_ID not in names:
        raise SourceError(f"{where}: there is no column item_id (or {MOVIELENS_ID}), only {', '.join(names) or 'none'}")
    if "title" not in names:
        raise SourceError(f"{where}: there is no column title, only {', '.join(names)}")


def item_fields(record: Mapping[str, Any], added_at: datetime) -> dict[str, Any]:
    """An item's fields, not yet validated.

    Args:
        record: our columns or MovieLens'; a value that is None or an empty text counts as absent.
        added_at: where the record does not say.
    """
    fields = {name: record[name] for name in COLUMNS if record.get(name) not in (None, "")}
    fields.setdefault("added_at", added_at)
    if isinstance(genres := fields.get("genres"), str):
        fields["genres"] = [part for genre in genres.split("|") if (part := genre.strip()) and part != NO_GENRES]
    if isinstance(media_type := fields.get("media_type"), str):
        fields["media_type"] = media_type.strip().upper()
    if "item_id" not in fields and record.get(MOVIELENS_ID) not in (None, ""):
        fields["item_id"] = record[MOVIELENS_ID]
        if "release_year" not in fields and isinstance(title := fields.get("title"), str) and (m := _YEAR.match(title)):
            fields.update(title=m["title"], release_year=m["year"])
    return fields
