"""What is new: which data files may hold rows past a watermark, and which of their rows are.

A row is new unless its source (cluster, topic, partition) is in the watermark with a next offset above the row's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.types import PrimitiveType

from contracts.watermark import Source, Watermark
from runtime.event_table_schema import CLUSTER, EVENT_TABLE_SCHEMA, FIELD_IDS, OFFSET, PARTITION, TOPIC

COORDINATES: Final = (CLUSTER, TOPIC, PARTITION, OFFSET)
_BEFORE_ALL: Final = np.iinfo(np.int64).min


def may_hold_new(file: DataFile, watermark: Watermark) -> bool:
    """Whether a data file's bounds leave room for a new row. A scan filter could not tell: "is in none of these
    sources" excludes no file by its bounds, and spelled out as ranges it would be evaluated for every row."""
    cluster, topic, partition = (_range(file, name) for name in (CLUSTER, TOPIC, PARTITION))
    highest = _bound(file.upper_bounds, OFFSET)
    if cluster is None or topic is None or partition is None or highest is None:
        return True
    if cluster[0] != cluster[1] or topic[0] != topic[1]:
        return True
    return any(
        highest >= watermark.get(Source(cluster[0], topic[0], number), _BEFORE_ALL)
        for number in range(partition[0], partition[1] + 1)
    )


def _range(file: DataFile, name: str) -> tuple[Any, Any] | None:
    """Lowest and highest value of a column, None where they are not known or nulls may be among the values."""
    if not file.null_value_counts or file.null_value_counts.get(FIELD_IDS[name]) != 0:
        return None
    low, high = _bound(file.lower_bounds, name), _bound(file.upper_bounds, name)
    return None if low is None or high is None else (low, high)


def _bound(bounds: Mapping[int, bytes] | None, name: str) -> Any | None:
    value = (bounds or {}).get(FIELD_IDS[name])
    kind = EVENT_TABLE_SCHEMA.find_type(name)
    assert isinstance(kind, PrimitiveType)
    return None if value is None else from_bytes(kind, value)


class NewRows:
    """Tells new rows from old ones, batch by batch, and remembers how far each source was read."""

    def __init__(self, watermark: Watermark) -> None:
        self._watermark = watermark
        self._seen: dict[Source, int] = {}
        self._clusters = pa.array(sorted({source.cluster for source in watermark}), pa.large_string())
        self._topics = pa.array(sorted({source.topic for source in watermark}), pa.large_string())
        self._partitions = pa.array(sorted({source.partition for source in watermark}), pa.int64())
        shape = (len(self._clusters) + 1, len(self._topics) + 1, len(self._partitions) + 1)
        # the last place along each axis, which position -1 finds, is for what the watermark does not know
        self._thresholds = np.full(shape, _BEFORE_ALL)
        clusters, topics, partitions = (
            {value: place for place, value in enumerate(values.to_pylist())}
            for values in (self._clusters, self._topics, self._partitions)
        )
        for source, next_offset in watermark.items():
            place = clusters[source.cluster], topics[source.topic], partitions[source.partition]
            self._thresholds[place] = next_offset

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch's new rows, cluster and topic as dictionaries. The batch must have the COORDINATES."""
        # they are few and long: a dictionary takes a tenth of the memory; of one type, whoever wrote the file
        for name in (CLUSTER, TOPIC):
            place = batch.schema.get_field_index(name)
            texts = batch.column(place).cast(pa.large_string())
            batch = batch.set_column(place, name, pc.dictionary_encode(texts))
        offsets = pc.fill_null(batch.column(OFFSET), _BEFORE_ALL).to_numpy(zero_copy_only=False)
        thresholds = self._thresholds[
            _positions(batch.column(CLUSTER), self._clusters),
            _positions(batch.column(TOPIC), self._topics),
            _positions(batch.column(PARTITION).cast(pa.int64()), self._partitions),
        ]
        new = offsets >= thresholds
        kept = batch if new.all() else batch.filter(pa.array(new))
        self._remember(kept)
        return kept

    def advanced(self) -> Watermark:
        """The watermark moved past every row that `of` gave back."""
        return self._watermark.advanced(self._seen)

    def _remember(self, batch: pa.RecordBatch) -> None:
        coordinates = pa.table({name: batch.column(name) for name in COORDINATES}).drop_null()
        highest = coordinates.group_by([CLUSTER, TOPIC, PARTITION]).aggregate([(OFFSET, "max")])
        for row in highest.to_pylist():
            source = Source(row[CLUSTER], row[TOPIC], row[PARTITION])
            self._seen[source] = max(row[f"{OFFSET}_max"] + 1, self._seen.get(source, 0))


def _positions(column: pa.Array, values: pa.Array) -> npt.NDArray[np.int64]:
    """Where each of the column's values is in `values`, -1 for nulls and for values that are not there."""
    positions: npt.NDArray[np.int64]
    if pa.types.is_dictionary(column.type):
        places = np.append(_positions(column.dictionary, values), -1)
        positions = places[pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False)]
    else:
        found = pc.index_in(column.cast(values.type), value_set=values)
        positions = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
    return positions
