"""EventTable: the lake's Iceberg table of engagement events. Open, append, read what is new, keep healthy.

Every call loads the table's current metadata, so one EventTable can be used by several threads, and several processes
can use the same table. Works beside the Kafka Connect sink.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
    ValidationException,
)
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import FileScanTask, Table
from sqlalchemy.exc import IntegrityError

from contracts import layout
from contracts.watermark import Watermark
from runtime.event_table_catalog import EventTableError, open_catalog
from runtime.event_table_commit import for_commit
from runtime.event_table_errors import lake_errors
from runtime.event_table_filter import NewRows, may_hold_new
from runtime.event_table_maintenance import MaintenanceReport, maintain
from runtime.event_table_offsets import next_offsets
from runtime.event_table_order import KEYS, distinct_in_order
from runtime.event_table_schema import (
    EVENT_ROW_SCHEMA,
    EVENT_TABLE_PARTITIONING,
    EVENT_TABLE_PROPERTIES,
    EVENT_TABLE_SCHEMA,
)
from runtime.event_table_summary import newest_summary_value

__all__ = [
    "EVENT_ROW_SCHEMA",
    "EventTable",
    "EventTableError",
    "MaintenanceReport",
    "NewEvents",
    "TableStatistics",
    "open_catalog",
]

_APPEND_ATTEMPTS = 5
_READ_ATTEMPTS = 3
_ROWS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class NewEvents:
    """What a read found."""

    rows: pa.Table
    """EVENT_ROW_SCHEMA, or the columns that were asked for; by cluster, topic, partition and offset."""
    watermark: Watermark
    """The watermark that was given, moved past these rows."""
    snapshot_id: int | None
    """The snapshot that was read, None for a table without one."""


@dataclass(frozen=True)
class TableStatistics:
    """What the table's metadata alone tells."""

    rows: int
    files: int
    bytes: int
    """Of the data files."""
    snapshots: int
    committed_at: datetime | None
    """UTC, of the newest snapshot."""


class EventTable:
    """`lake.engagement_events`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @classmethod
    def open(cls, catalog: Catalog) -> EventTable:
        """Open the table, or create it. Safe for several processes at once.

        Raises:
            EventTableError: a table of this name has other columns, or the database or the storage refuses us.
        """
        try:
            with lake_errors():
                try:
                    table = catalog.load_table(layout.ENGAGEMENT_TABLE)
                except NoSuchTableError:
                    table = _create(catalog)
        except FileNotFoundError as error:
            # some servers also answer so where they do not know the access key
            raise EventTableError(
                f"{layout.ENGAGEMENT_TABLE}: no files there, check LAKE_WAREHOUSE and STORE_ACCESS_KEY: {error}"
            ) from error
        for field in EVENT_TABLE_SCHEMA.fields:
            try:
                found = table.schema().find_field(field.name)
            except ValueError:
                found = None
            if found is None or (found.field_id, found.field_type) != (field.field_id, field.field_type):
                raise EventTableError(
                    f"{layout.ENGAGEMENT_TABLE} at {table.location()}: column {field.name} is {found}, "
                    f"expected {field}; move the table away or name another LAKE_CATALOG_URI"
                )
        return cls(catalog)

    def append(self, rows: pa.Table, properties: Mapping[str, str]) -> int:
        """Append rows in one snapshot and return its id. A concurrent writer's commit is waited out and retried.

        Args:
            rows: EVENT_ROW_SCHEMA, every column nullable; none at all still makes a snapshot.
            properties: entries of the snapshot's summary, committed with the rows or not at all.

        Raises:
            EventTableError: other columns than EVENT_ROW_SCHEMA, or other writers kept winning; nothing was written.
            Exception: of the catalog's database or of the storage, while committing: whether the rows are in is
                unknown; a writer that must not repeat them starts over from `summary_value`.
        """
        if rows.schema.names != EVENT_ROW_SCHEMA.names:
            raise EventTableError(f"rows have the columns {rows.schema.names}, expected {EVENT_ROW_SCHEMA.names}")
        cast = rows.cast(EVENT_ROW_SCHEMA)
        for _ in range(_APPEND_ATTEMPTS):
            table = for_commit(self._load())
            try:
                table.append(cast, snapshot_properties=dict(properties))
            except CommitFailedException as error:
                raise EventTableError(f"{layout.ENGAGEMENT_TABLE}: other writers kept committing: {error}") from error
            except (ValidationException, FileNotFoundError):
                # the snapshot it began with expired, or lost its files, while it waited for other writers: it finds
                # that out before it commits, so nothing was committed
                continue
            snapshot = table.current_snapshot()
            assert snapshot is not None
            return snapshot.snapshot_id
        raise EventTableError(
            f"{layout.ENGAGEMENT_TABLE}: snapshots expire faster than an append takes; raise retention_seconds"
        )

    def summary_value(self, key: str) -> str | None:
        """The newest snapshot's summary entry of this name, walking from the current snapshot to its parents."""
        return newest_summary_value(self._load().metadata, key)

    def next_offsets(self, cluster: str, topic: str) -> dict[int, int]:
        """`{partition: highest offset + 1}` of the rows of one Kafka cluster and topic."""
        return next_offsets(self._load(), cluster, topic)

    def read_new(self, watermark: Watermark, columns: Sequence[str] | None = None) -> NewEvents:
        """Every row past the watermark, once; all rows for an empty one.

        A row is read if its source is not in the watermark (or has nulls), or its offset is at or beyond the source's
        next offset. Rows with the same coordinates, then rows with the same `event_id`, are reduced to the one that
        arrived first; nulls are never equal.

        Args:
            watermark: what was read before.
            columns: of the result, in this order; all of EVENT_ROW_SCHEMA by default.

        Raises:
            EventTableError: no such column, or the database or the storage cannot be read.
        """
        wanted = EVENT_ROW_SCHEMA.names if columns is None else list(columns)
        if unknown := set(wanted) - set(EVENT_ROW_SCHEMA.names):
            raise EventTableError(f"{layout.ENGAGEMENT_TABLE} has no column {', '.join(sorted(unknown))}")
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                with lake_errors():
                    return _read_new(self._load(), watermark, wanted)
            except FileNotFoundError:
                # this snapshot expired and its files were removed while they were read; the current one has the rows
                if attempt == _READ_ATTEMPTS:
                    raise
        raise AssertionError

    def statistics(self) -> TableStatistics:
        """Counts from the metadata alone."""
        metadata = self._load().metadata
        snapshot = metadata.current_snapshot()
        summary = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
        return TableStatistics(
            rows=int(summary.get("total-records", 0)),
            files=int(summary.get("total-data-files", 0)),
            bytes=int(summary.get("total-files-size", 0)),
            snapshots=len(metadata.snapshots),
            committed_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) if snapshot else None,
        )

    def maintain(
        self,
        budget_seconds: float,
        *,
        keep_snapshots: int = 20,
        retention_seconds: float = 120,
        min_files: int = 8,
        target_file_bytes: int = 32 << 20,
        orphan_age_seconds: float = 3 * 24 * 3600,
    ) -> MaintenanceReport:
        """Compact small files, expire old snapshots, remove orphaned files. Safe beside writers and readers.

        Every `archiver.*` and `kafka.connect.*` entry of the snapshots' summaries is still found afterwards.

        Args:
            budget_seconds: no new step is begun after that; a step may take a few seconds.
            keep_snapshots: that stay at least.
            retention_seconds: snapshots that were current within this time stay too; longer than any reader takes.
            min_files: of similar size that are worth making one.
            target_file_bytes: size a file may grow to; a run takes about ten times as much memory.
            orphan_age_seconds: files that no snapshot needs are removed once they are this old. It must be longer
                than any writer takes from writing a file to committing it: Kafka Connect's coordinator may be away
                for days with files waiting; where the archiver is the only writer an hour is plenty.
        """
        return maintain(
            self._load,
            budget_seconds,
            keep_snapshots=keep_snapshots,
            retention_seconds=retention_seconds,
            min_files=min_files,
            target_file_bytes=target_file_bytes,
            orphan_age_seconds=orphan_age_seconds,
        )

    def _load(self) -> Table:
        return self._catalog.load_table(layout.ENGAGEMENT_TABLE)


def _create(catalog: Catalog) -> Table:
    # it may be there, or another process may be faster
    with suppress(NamespaceAlreadyExistsError, IntegrityError):
        catalog.create_namespace(layout.LAKE_NAMESPACE)
    try:
        return catalog.create_table(
            layout.ENGAGEMENT_TABLE,
            schema=EVENT_TABLE_SCHEMA,
            partition_spec=EVENT_TABLE_PARTITIONING,
            properties=EVENT_TABLE_PROPERTIES,
        )
    except TableAlreadyExistsError:
        return catalog.load_table(layout.ENGAGEMENT_TABLE)


def _read_new(table: Table, watermark: Watermark, wanted: Sequence[str]) -> NewEvents:
    snapshot = table.current_snapshot()
    tasks = [task for task in table.scan().plan_files() if may_hold_new(task.file, watermark)]
    needed = [name for name in EVENT_ROW_SCHEMA.names if name in wanted or name in KEYS]
    scan = ArrowScan(table.metadata, table.io, table.schema().select(*needed), AlwaysTrue())
    new_rows = NewRows(watermark)
    # a scan reads ahead of its consumer, so what is not new is let go group by group
    batches = [
        new
        for group in _groups(tasks)
        for batch in scan.to_record_batches(group)
        if (new := new_rows.of(batch)).num_rows
    ]
    result_schema = pa.schema([EVENT_ROW_SCHEMA.field(name) for name in wanted])
    rows = result_schema.empty_table()
    if batches:
        found = pa.concat_tables([pa.Table.from_batches([batch]) for batch in batches], promote_options="permissive")
        order = distinct_in_order(found)
        rows = pa.concat_tables(
            found.select(wanted).take(pa.array(order[start : start + _ROWS_AT_ONCE])).cast(result_schema)
            for start in range(0, len(order), _ROWS_AT_ONCE)
        )
    return NewEvents(rows, new_rows.advanced(), snapshot.snapshot_id if snapshot else None)


def _groups(tasks: Iterable[FileScanTask]) -> Iterator[list[FileScanTask]]:
    group: list[FileScanTask] = []
    for task in tasks:
        group.append(task)
        if sum(member.file.record_count for member in group) >= _ROWS_AT_ONCE:
            yield group
            group = []
    yield group
