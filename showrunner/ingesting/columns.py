"""The columns of a ratings file: ours and those of MovieLens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from showrunner.ingesting.file import IngestError

ACCEPTED: Final[dict[str, tuple[str, ...]]] = {
    "user_id": ("user_id", "userId"),
    "item_id": ("item_id", "movieId"),
    "event_type": ("event_type",),
    "value": ("rating", "value"),
    "time": ("timestamp", "occurred_at"),
}
"""What a row needs, and the names that the column may have."""


def find_columns(names: Sequence[str], where: str) -> dict[str, int]:
    """The place of each of ACCEPTED among `names`. `event_type` may be absent, `value` only where that one is not.

    Raises:
        IngestError: a column is missing, or it is not clear which one it is.
    """
    places: dict[str, int] = {}
    for column, accepted in ACCEPTED.items():
        found = [place for place, name in enumerate(names) if name in accepted]
        if len(found) > 1:
            both = " and ".join(names[place] for place in found)
            raise IngestError(f"{where}: there are the columns {both}, which mean the same: rename one of them")
        if found:
            places[column] = found[0]
        elif column == "event_type" or (column == "value" and "event_type" in places):
            continue
        else:
            shown = ", ".join(names)
            raise IngestError(
                f"{where}: there is no column {' or '.join(accepted)}, only {shown[:200] or 'none'}: "
                "add it, or rename the one that holds it"
            )
    return places


def pick(record: Mapping[str, Any], column: str) -> Any:
    """The value of one of ACCEPTED in a record, None where it has none."""
    for name in ACCEPTED[column]:
        if (value := record.get(name)) is not None:
            return value
    return None
