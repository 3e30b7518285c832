"""One row at a time: slow, and able to say what is wrong with it. ingest_check.py decides most rows without it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import pyarrow as pa

from contracts.events import VALUE_RANGE, EventType, value_problem
from contracts.ids import MAX_ID_LENGTH

EVENT_SCHEMA: Final = pa.schema(
    [
        pa.field("line", pa.int64()),
        pa.field("user_id", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("event_type", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("occurred_at", pa.timestamp("ms", tz="UTC")),
    ]
)
"""Good rows of a file. `line`: 1-based, where the row begins; in Parquet the number of the row."""

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_MS: Final = (EARLIEST - _EPOCH) // timedelta(milliseconds=1)
LATEST_MS: Final = (LATEST - _EPOCH) // timedelta(milliseconds=1)
MILLISECONDS_FROM: Final = 1e11
"""A number this large is milliseconds: as seconds it would be the year 5138, as milliseconds it is 1973."""

# what float() takes beyond this (underscores, other digits, "infinity") nobody means
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SHOWN: Final = 80


class Row(NamedTuple):
    """A row as the file has it: text, or what JSON and Parquet have instead; None where there is nothing."""

    line: int
    user_id: Any
    item_id: Any
    event_type: Any
    value: Any
    time: Any


@dataclass(frozen=True)
class RejectedRow:
    """A row that is not loaded."""

    line: int
    reason: str
    row: Any
    """As it came, cut where it is long; JSON can hold it."""


@dataclass(frozen=True)
class Checked:
    """Rows of a file in their order: `events` with EVENT_SCHEMA, and what is not among them."""

    events: pa.Table
    rejected: list[RejectedRow]


class _RowError(ValueError):
    """The message names the column."""


def check_rows(rows: Iterable[Row]) -> Checked:
    """Sort the good rows from the bad."""
    good: list[tuple[int, str, str, str, float | None, int]] = []
    rejected: list[RejectedRow] = []
    for row in rows:
        try:
            event_type = _event_type(row.event_type)
            user_id, item_id = _identifier("user_id", row.user_id), _identifier("item_id", row.item_id)
            good.append((row.line, user_id, item_id, event_type.value, _value(event_type, row.value), _time(row.time)))
        except _RowError as error:
            content = {name: _printable(cell) for name, cell in row._asdict().items() if name != "line"}
            rejected.append(RejectedRow(row.line, str(error), content))
    columns = list(zip(*good, strict=True)) or [()] * len(EVENT_SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, EVENT_SCHEMA, strict=True)]
    return Checked(pa.Table.from_arrays(arrays, schema=EVENT_SCHEMA), rejected)


def _identifier(name: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or value == "":
        raise _RowError(f"{name}: is empty")
    if not isinstance(value, str):
        raise _RowError(f"{name}: must be text or an integer, got {_shown(value)}")
    if len(value) > MAX_ID_LENGTH:
        raise _RowError(f"{name}: has {len(value)} characters, at most {MAX_ID_LENGTH} are allowed")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _RowError(f"{name}: is no text that UTF-8 can encode") from None
    return value


def _event_type(value: Any) -> EventType:
    if value is None or value == "":
        return EventType.RATING
    try:
        return EventType(value.strip().upper())
    except (AttributeError, ValueError):
        raise _RowError(f"event_type: must be one of {', '.join(EventType)}, got {_shown(value)}") from None


def _value(event_type: EventType, given: Any) -> float | None:
    value = None if given in (None, "") else _number(given)
    if given not in (None, "") and value is None:
        raise _RowError(f"rating: must be a number, got {_shown(given)}")
    if problem := value_problem(event_type, value):
        subject, _, rest = problem.partition(" ")
        raise _RowError(f"{'rating' if event_type is EventType.RATING else subject}: {rest}")
    assert (value is None) == (event_type not in VALUE_RANGE)
    return value


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, str):
            return float(value) if _NUMBER.fullmatch(value := value.strip()) else None
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _time(value: Any) -> int:
    """Milliseconds since 1970, UTC."""
    if value is None or value == "":
        raise _RowError("timestamp: is empty")
    milliseconds = None
    if (number := _number(value)) is not None:
        if abs(number) < 1e15:
            milliseconds = round(number if abs(number) >= MILLISECONDS_FROM else number * 1000)
    elif (moment := _moment(value)) is not None:
        milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    else:
        raise _RowError(f"timestamp: must be seconds since 1970 or an ISO 8601 time, got {_shown(value)}")
    if milliseconds is None or not EARLIEST_MS <= milliseconds < LATEST_MS:
        raise _RowError(f"timestamp: must be from {EARLIEST.year} to {LATEST.year - 1}, got {_shown(value)}")
    return milliseconds


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
        if not isinstance(moment, datetime):
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _printable(cell: Any) -> Any:
    if cell is None or isinstance(cell, bool):
        return cell
    text = cell if isinstance(cell, str) else str(cell)
    return text if len(text) <= MAX_ID_LENGTH else text[:MAX_ID_LENGTH] + "…"
