"""Ratings files for the tests of `showrunner ingest`, and what was read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from showrunner.ingesting.file import opened
from showrunner.ingesting.ratings import _READERS
from showrunner.ingesting.rows import EVENT_SCHEMA, Checked

HEADER = "userId,movieId,rating,timestamp\n"


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, **options: Any) -> Checked:
    """All of a file, through the reader that its name asks for."""
    with opened(path) as file:
        parts = list(_READERS[file.suffix](file, **options))
    events = pa.concat_tables([EVENT_SCHEMA.empty_table(), *(part.events for part in parts)])
    return Checked(events, [row for part in parts for row in part.rejected])


def rows(checked: Checked) -> list[tuple[Any, ...]]:
    """(line, user_id, item_id, value, milliseconds since 1970)."""
    table = checked.events
    times = table["occurred_at"].cast(pa.int64()).to_pylist()
    names = ("line", "user_id", "item_id", "value")
    return list(zip(*(table[name].to_pylist() for name in names), times, strict=True))


def reasons(checked: Checked) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in checked.rejected]
