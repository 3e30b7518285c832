"""The `file` source: a catalogue in CSV, JSON Lines or Parquet; MovieLens' `movies.csv` as it is."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from exporter.record import MOVIELENS_ID, check_columns, item_fields
from exporter.source import Entry, SourceError


class FileSource:
    """Columns: `item_id`, `title` and, all optional, `description`, `media_type`, `genres` (separated by `|`, or a
    list), `release_year`, `cover_url`, `added_at` (ISO 8601 or epoch seconds); or `movieId`, `title`, `genres`.

    Ids are taken as text, digit for digit. Without `added_at` an item counts as added when the file was last
    changed. The format follows the file's suffix: `.csv`, `.jsonl`, `.ndjson` or `.parquet`.
    """

    def __init__(self, path: Path, name: str = "file") -> None:
        self._path = path
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def entries(self) -> Iterator[Entry]:
        readers: dict[str, Callable[[datetime], Iterator[Entry]]] = {
            ".csv": self._csv,
            ".jsonl": self._jsonl,
            ".ndjson": self._jsonl,
            ".parquet": self._parquet,
        }
        read = readers.get(self._path.suffix.lower())
        if read is None:
            raise SourceError(f"{self._path}: the file's suffix must be one of {', '.join(readers)}")
        try:
            changed = datetime.fromtimestamp(int(self._path.stat().st_mtime), UTC)
            yield from read(changed)
        except OSError as error:
            raise SourceError(f"{self._path}: {error.strerror or error}") from error

    def _csv(self, changed: datetime) -> Iterator[Entry]:
        # bytes that are not UTF-8 become surrogates, which no item may have: the entry is rejected, not the file
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            check_columns(header, str(self._path))
            if len(set(header)) != len(header):
                raise SourceError(f"{self._path}: a column comes twice: {', '.join(header)}")
            while True:
                position = f"line {reader.line_num + 1}"
                try:
                    row = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Entry(position, None, {}, f"not CSV: {error}")
                    continue
                if not row:
                    continue
                record = dict(zip(header, row, strict=False))
                problem = None
                if len(row) != len(header):
                    problem = f"{len(row)} fields where the header has {len(header)}: is a comma in it not quoted?"
                yield Entry(position, row if problem else record, item_fields(record, changed), problem)

    def _jsonl(self, changed: datetime) -> Iterator[Entry]:
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                position, text = f"line {number}", line.rstrip("\n")
                try:
                    record = json.loads(text)
                except (ValueError, RecursionError) as error:
                    yield Entry(position, text, {}, f"not JSON: {error}")
                    continue
                if isinstance(record, dict):
                    yield Entry(position, record, item_fields(record, changed))
                else:
                    yield Entry(position, record, {}, "not a JSON object")

    def _parquet(self, changed: datetime) -> Iterator[Entry]:
        try:
            with pq.ParquetFile(self._path) as file:
                check_columns(file.schema_arrow.names, str(self._path))
                self._check_ids(file.schema_arrow)
                row = 0
                for batch in file.iter_batches(batch_size=10_000):
                    for record in _readable(batch).to_pylist():
                        row += 1
                        yield Entry(f"row {row}", record, item_fields(record, changed))
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise SourceError(f"{self._path}: not a readable Parquet file: {error}") from error

    def _check_ids(self, schema: pa.Schema) -> None:
        for field in schema:
            if field.name in {"item_id", MOVIELENS_ID} and pa.types.is_floating(field.type):
                raise SourceError(
                    f"{self._path}: {field.name} is {field.type}, which loses digits of large ids: "
                    "write the file with ids as text or integers"
                )


def _readable(batch: Any) -> Any:
    # Python's datetime ends at microseconds; files written by pandas have nanoseconds
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
        else field
        for field in batch.schema
    ]
    return pa.Table.from_batches([batch]).cast(pa.schema(fields), safe=False)
