"""Events as a sparse matrix: who thinks what of which item, the latest event of each pair, without Python loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contracts.preference import EVENT_TYPES, grades

EVENT_COLUMNS: Final = ("event_id", "user_id", "item_id", "event_type", "value", "occurred_at")
"""Columns of the lake's table that training needs, beside the Kafka coordinates that order equal times."""


@dataclass(frozen=True)
class Interactions:
    """The latest event of every (viewer, item) pair, sorted by viewer and then by time.

    Attributes:
        user_ids: (m,) Arrow strings, sorted.
        items: number of items n; item rows are the catalogue's.
        users: (nnz,) rows of user_ids.
        item_rows: (nnz,) rows of the catalogue.
        grades: (nnz,) 0.5 to 5, see contracts.preference.
        times: (nnz,) milliseconds since 1970, UTC.
        waiting: events whose item is not in the catalogue (yet).
    """

    user_ids: pa.Array
    items: int
    users: npt.NDArray[np.int32]
    item_rows: npt.NDArray[np.int32]
    grades: npt.NDArray[np.float32]
    times: npt.NDArray[np.int64]
    waiting: int = 0

    def __len__(self) -> int:
        return self.users.size

    def only(self, mask: npt.NDArray[np.bool_]) -> Interactions:
        """Those where `mask` (nnz,) is true; viewers and items stay as they are."""
        return Interactions(
            self.user_ids,
            self.items,
            self.users[mask],
            self.item_rows[mask],
            self.grades[mask],
            self.times[mask],
            self.waiting,
        )


def interactions(events: pa.Table, item_ids: pa.Array) -> Interactions:
    """Interactions of `events` (EVENT_COLUMNS, in the order of arrival) with the items of the catalogue.

    Of several events of a pair the latest by `occurred_at` counts, of equal times the one that arrived last.
    """
    events = events.filter(pc.and_(pc.is_valid(events["user_id"]), pc.is_valid(events["item_id"])))
    rows = pc.index_in(events["item_id"], value_set=item_ids)
    known = pc.is_valid(rows)
    waiting = len(rows) - int(pc.sum(known).as_py() or 0)
    events, item_rows = events.filter(known), _numpy(rows.filter(known)).astype(np.int32)

    users = pc.dictionary_encode(events["user_id"].combine_chunks())
    dictionary = users.dictionary if isinstance(users, pa.DictionaryArray) else pa.array([], pa.string())
    order = pc.sort_indices(dictionary)
    rank = np.empty(len(order), dtype=np.int32)
    rank[_numpy(order)] = np.arange(len(order), dtype=np.int32)
    user_rows = rank[_numpy(users.indices)] if len(events) else np.empty(0, np.int32)

    types = _numpy(pc.fill_null(pc.index_in(events["event_type"], value_set=pa.array([*EVENT_TYPES])), -1))
    values = _numpy(pc.fill_null(events["value"], float("nan")))
    times = _numpy(pc.cast(events["occurred_at"], pa.timestamp("ms", tz="UTC")).cast(pa.int64()))
    grade = grades(types, values)

    arrival = np.lexsort((np.arange(times.size), times, item_rows, user_rows))
    pair = user_rows[arrival].astype(np.int64) * max(len(item_ids), 1) + item_rows[arrival]
    last = np.flatnonzero(np.append(pair[1:] != pair[:-1], True)) if pair.size else np.empty(0, np.int64)
    kept = arrival[last]
    kept = kept[np.lexsort((item_rows[kept], times[kept], user_rows[kept]))]
    return Interactions(
        dictionary.take(order),
        len(item_ids),
        user_rows[kept],
        item_rows[kept],
        grade[kept],
        times[kept],
        waiting,
    )


def _numpy(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    result: npt.NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return result
