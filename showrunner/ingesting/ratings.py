"""A ratings file into the lake's table: every good row exactly once, however often and wherever an import is cut off.

A row's offset is its line. Rows are appended in the order of lines, some of them at once or none, so the highest
offset that the table has of this file tells how far an earlier import came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from runtime.event_table import EVENT_ROW_SCHEMA
from showrunner.ingesting.csv import read_csv
from showrunner.ingesting.event_ids import event_ids
from showrunner.ingesting.file import InputFile
from showrunner.ingesting.jsonl import read_jsonl
from showrunner.ingesting.parquet import read_parquet
from showrunner.ingesting.rejected import RejectedRows
from showrunner.ingesting.rows import EVENT_SCHEMA, Checked

TOPIC: Final = "import"
SOURCE: Final = "import"
PARTITION: Final = 0
ROWS_PER_APPEND: Final = 500_000

_READERS: Final[dict[str, Callable[[InputFile], Iterator[Checked]]]] = {
    ".csv": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
}


class Table(Protocol):
    """What an import needs of an EventTable."""

    def append(self, rows: pa.Table, properties: Mapping[str, str]) -> int: ...

    def next_offsets(self, cluster: str, topic: str) -> dict[int, int]: ...


@dataclass
class RatingsCounts:
    """Rows of the file, those that are blank left out."""

    loaded: int = 0
    present: int = 0
    """Good rows that the table had already."""
    unknown: int = 0
    """Good rows whose item is not in the catalogue, where there is one."""


def cluster_of(file: InputFile) -> str:
    """The `kafka_cluster` of the file's rows."""
    return f"import:{file.sha256}"


def last_loaded_line(table: Table, file: InputFile) -> int:
    """The highest line that the table has of this file, 0 where it has none."""
    return table.next_offsets(cluster_of(file), TOPIC).get(PARTITION, 1) - 1


def load_ratings(
    file: InputFile,
    table: Table,
    *,
    loaded_until: int,
    catalogue: pa.Array | None,
    rejected: RejectedRows,
    progress: Callable[[int], None],
    rows_per_append: int = ROWS_PER_APPEND,
) -> RatingsCounts:
    """Append the file's good rows beyond line `loaded_until`.

    Args:
        file: opened and not yet read.
        table: where to.
        loaded_until: see `last_loaded_line`.
        catalogue: ids of the items there are, None where there is no catalogue.
        rejected: takes the bad rows of the whole file.
        progress: is told how many bytes of the file have been read.
        rows_per_append: rows of a snapshot.

    Raises:
        IngestError: the file cannot be read to its end, or not as ratings; what was appended before stays.
        EventTableError: see EventTable.append.
    """
    counts, cluster, imported_at = RatingsCounts(), cluster_of(file), datetime.now(UTC)
    for events in _chunks(_checked(file, progress), rejected, rows_per_append):
        if catalogue is not None:
            known = pc.sum(pc.is_in(events["item_id"], value_set=catalogue)).as_py() or 0
            counts.unknown += events.num_rows - known
        new = events.filter(pc.greater(events["line"], loaded_until))
        counts.present += events.num_rows - new.num_rows
        if new.num_rows:
            lines = f"{new['line'][0]}-{new['line'][-1]}"
            table.append(event_rows(new, cluster, imported_at), {"import.cluster": cluster, "import.lines": lines})
            counts.loaded += new.num_rows
    return counts


def event_rows(events: pa.Table, cluster: str, imported_at: datetime) -> pa.Table:
    """Rows of the lake's table, EVENT_ROW_SCHEMA.

    Args:
        events: ingest_rows.EVENT_SCHEMA.
        cluster: see `cluster_of`.
        imported_at: their time of arrival, UTC.
    """
    count = events.num_rows
    constants = {
        "source": SOURCE,
        "request_id": None,
        "kafka_cluster": cluster,
        "kafka_topic": TOPIC,
        "kafka_partition": PARTITION,
        "kafka_timestamp": imported_at.replace(microsecond=imported_at.microsecond // 1000 * 1000),
    }
    columns = {name: events[name] for name in ("user_id", "item_id", "event_type", "value", "occurred_at")}
    columns["kafka_offset"] = events["line"]
    columns["event_id"] = event_ids(cluster, TOPIC, events["line"].to_numpy())
    for name, value in constants.items():
        columns[name] = pa.repeat(pa.scalar(value, EVENT_ROW_SCHEMA.field(name).type), count)
    return pa.table({name: columns[name] for name in EVENT_ROW_SCHEMA.names}).cast(EVENT_ROW_SCHEMA)


def _checked(file: InputFile, progress: Callable[[int], None]) -> Iterator[Checked]:
    for batch in _READERS[file.suffix](file):
        # before any of it is appended: rows of another file must not pass for rows of the one that was hashed
        file.check_unchanged()
        progress(file.position())
        yield batch
    file.check_unchanged()


def _chunks(batches: Iterator[Checked], rejected: RejectedRows, rows: int) -> Iterator[pa.Table]:
    """The good rows, `rows` at a time; the bad ones into `rejected`."""
    waiting = EVENT_SCHEMA.empty_table()
    for batch in batches:
        rejected.add(batch.rejected)
        waiting = pa.concat_tables([waiting, batch.events])
        while waiting.num_rows >= rows:
            yield waiting.slice(0, rows)
            waiting = waiting.slice(rows)
    yield waiting
