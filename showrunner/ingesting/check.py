"""Columns of a file to events, whole batches at a time; what is in trouble is looked at row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contracts.events import VALUE_RANGE, EventType
from contracts.ids import MAX_ID_LENGTH
from showrunner.ingesting.rows import (
    EARLIEST_MS,
    EVENT_SCHEMA,
    LATEST_MS,
    MILLISECONDS_FROM,
    Checked,
    Row,
    check_rows,
)

RAW_COLUMNS: Final = Row._fields
"""`line` int64; `user_id` and `item_id` text; `event_type` text; `value` text or float64; `time` text, float64
(since 1970, see MILLISECONDS_FROM) or timestamp(ms, UTC). `event_type` and `value` may be all null."""

_FEW: Final = 2_000


def check(raw: pa.Table) -> Checked:
    """Sort the good rows from the bad.

    Args:
        raw: RAW_COLUMNS.
    """
    events = _all_good(raw)
    if events is not None:
        return Checked(events, [])
    if raw.num_rows <= _FEW:
        return check_rows(Row(*cells) for cells in zip(*(raw[name].to_pylist() for name in RAW_COLUMNS), strict=True))
    parts = [check(raw.slice(start, _FEW)) for start in range(0, raw.num_rows, _FEW)]
    return Checked(pa.concat_tables(part.events for part in parts), [row for part in parts for row in part.rejected])


def _all_good(raw: pa.Table) -> pa.Table | None:
    """The events, or None where a row may be bad. What is taken here ingest_rows takes too, and as the same."""
    if not (_are_ids(raw["user_id"]) and _are_ids(raw["item_id"])):
        return None
    types, values, times = _types(raw["event_type"]), _values(raw["value"]), _milliseconds(raw["time"])
    if types is None or values is None or times is None or not _values_fit(types, values):
        return None
    moments = pa.array(times).cast(EVENT_SCHEMA.field("occurred_at").type)
    return pa.Table.from_arrays(
        [raw["line"], raw["user_id"], raw["item_id"], types, values, moments], schema=EVENT_SCHEMA
    )


def _are_ids(column: pa.ChunkedArray) -> bool:
    bounds = pc.min_max(pc.utf8_length(column)).as_py()
    return column.null_count == 0 and len(column) > 0 and bounds["min"] >= 1 and bounds["max"] <= MAX_ID_LENGTH


def _types(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array | None:
    if column.null_count == len(column):
        return pa.repeat(pa.scalar(EventType.RATING.value), len(column))
    types = pc.ascii_upper(pc.fill_null(column, ""))
    types = pc.if_else(pc.equal(types, ""), EventType.RATING.value, types)
    return types if pc.all(pc.is_in(types, value_set=pa.array([*EventType]))).as_py() else None


def _values(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if pa.types.is_floating(column.type):
        return column
    if column.null_count == len(column):
        return column.cast(pa.float64())
    return _tried(lambda: pc.if_else(pc.equal(column, ""), None, column).cast(pa.float64()))


def _values_fit(types: pa.ChunkedArray | pa.Array, values: pa.ChunkedArray) -> bool:
    numbers = _numpy(pc.fill_null(values, float("nan")))
    absent = _numpy(values.is_null())
    fits = np.zeros(len(values), dtype=bool)
    for event_type in EventType:
        bounds = VALUE_RANGE.get(event_type)
        fit = absent if bounds is None else (numbers >= bounds[0]) & (numbers <= bounds[1])
        fits |= fit & _numpy(pc.equal(types, event_type.value))
    return bool(fits.all())


def _milliseconds(column: pa.ChunkedArray) -> npt.NDArray[np.int64] | None:
    """Since 1970, UTC, all within the bounds; None where one is not, or is unreadable."""
    if column.null_count:
        return None
    if pa.types.is_timestamp(column.type):
        milliseconds = _numpy(column.cast(pa.int64()))
    elif pa.types.is_floating(column.type):
        milliseconds = _from_numbers(_numpy(column))
    elif (numbers := _tried(lambda: column.cast(pa.float64()))) is not None:
        milliseconds = _from_numbers(_numpy(numbers))
    elif (moments := _moments(column)) is not None:
        milliseconds = _numpy(moments.cast(pa.int64())) // 1000
    else:
        return None
    good = milliseconds.size and milliseconds.min() >= EARLIEST_MS and milliseconds.max() < LATEST_MS
    return milliseconds if good else None


def _from_numbers(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    milliseconds = np.rint(np.where(np.abs(numbers) >= MILLISECONDS_FROM, numbers, numbers * 1000))
    return np.where(np.abs(milliseconds) < 1e15, milliseconds, LATEST_MS).astype(np.int64)


def _moments(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """ISO 8601, either all with or all without an offset from UTC; microseconds."""
    naive = _tried(lambda: column.cast(pa.timestamp("us")))
    return naive if naive is not None else _tried(lambda: column.cast(pa.timestamp("us", tz="UTC")))


def _tried(convert: Callable[[], Any]) -> Any:
    try:
        return convert()
    except pa.ArrowInvalid:
        return None


def _numpy(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    result: npt.NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return result
