"""Ratings in Parquet; a row's number stands for its line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from showrunner.ingesting.check import RAW_COLUMNS, check
from showrunner.ingesting.columns import find_columns
from showrunner.ingesting.file import IngestError, InputFile
from showrunner.ingesting.rows import Checked

_ROWS: Final = 64 << 10
_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def read_parquet(file: InputFile) -> Iterator[Checked]:
    """The file's rows in their order, the first one is number 1.

    Raises:
        IngestError: a column is missing or of a type that cannot be read, or the file is damaged.
    """
    where = str(file.path)
    try:
        with pq.ParquetFile(file.file) as parquet:
            names = parquet.schema_arrow.names
            places = find_columns(names, where)
            first = 1
            for batch in parquet.iter_batches(batch_size=_ROWS, columns=[names[place] for place in places.values()]):
                columns: dict[str, Any] = {
                    column: _raw(batch.column(names[place]), column, f"{where}: {names[place]}")
                    for column, place in places.items()
                }
                columns["line"] = pa.array(np.arange(first, first + len(batch)))
                absent = pa.nulls(len(batch), pa.string())
                yield check(pa.table({name: columns.get(name, absent) for name in RAW_COLUMNS}))
                first += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise IngestError(f"{where}: not a readable Parquet file: {error}") from error


def _raw(array: pa.Array, column: str, where: str) -> pa.Array:
    """As ingest_check.RAW_COLUMNS says."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_null(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array.cast(pa.string())
    if pa.types.is_string_view(kind):
        return array.cast(pa.string())
    if column in ("user_id", "item_id"):
        if not pa.types.is_integer(kind):
            raise IngestError(f"{where} is {kind}, which may lose digits of ids: write it as text or as integers")
        return array.cast(pa.string())
    if column == "time" and pa.types.is_date(kind):
        array = array.cast(pa.timestamp("ms"))
        kind = array.type
    if column == "time" and pa.types.is_timestamp(kind):
        return _milliseconds(array)
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if column == "event_type" or not number:
        raise IngestError(f"{where} is {kind}, which cannot be read as {column}: write it as text")
    return array.cast(pa.float64(), safe=False)


def _milliseconds(moments: pa.Array) -> pa.Array:
    """Rounded down, as everywhere; without a zone it is UTC."""
    counts = pc.fill_null(moments.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    factor = _PER_SECOND[moments.type.unit]
    milliseconds = counts * 1000 if factor == 1 else counts // (factor // 1000)
    # beyond these Python has no datetime to show; they are rejected as they are
    milliseconds = np.clip(milliseconds, -(2**45), 2**47)
    found = pa.array(milliseconds, mask=np.asarray(moments.is_null()))
    return found.cast(pa.timestamp("ms", tz="UTC"))
