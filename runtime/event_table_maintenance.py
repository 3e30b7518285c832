"""Maintenance: compaction, snapshot expiry and removal of orphaned files, a bounded time at once.

Safe beside writers, readers and other maintainers; killed at any moment it leaves files that a later run removes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table

from runtime.event_table_compaction import compact, plan_compactions
from runtime.event_table_expiry import expire
from runtime.event_table_orphans import remove_orphans

_SWEPT_AT: Final = "showrunner.orphans-removed-at"
_SWEEPS_PER_AGE: Final = 6


@dataclass(frozen=True)
class MaintenanceReport:
    """What one run did."""

    compactions: int
    files_compacted: int
    rows_rewritten: int
    snapshots_expired: int
    files_removed: int
    seconds: float
    finished: bool
    """False where the budget was spent before all was done; the next run goes on."""


def maintain(
    load: Callable[[], Table],
    budget_seconds: float,
    *,
    keep_snapshots: int,
    retention_seconds: float,
    min_files: int,
    target_file_bytes: int,
    orphan_age_seconds: float,
) -> MaintenanceReport:
    """See EventTable.maintain."""
    start = time.monotonic()
    until = start + budget_seconds
    done = []
    planned = plan_compactions(load(), min_files=min_files, target_file_bytes=target_file_bytes)
    for compaction in planned:
        if time.monotonic() > until:
            break
        if compact(load, compaction):
            done.append(compaction)
    # bounded work whatever the budget: without it every commit gets slower
    expired = expire(load, keep_snapshots=keep_snapshots, retention_seconds=retention_seconds)
    removed, swept = 0, True
    if _sweep_is_due(load(), orphan_age_seconds / _SWEEPS_PER_AGE):
        swept = time.monotonic() <= until
        if swept:
            removed, swept = remove_orphans(load, age_seconds=orphan_age_seconds, until=until)
        if swept:
            _remember_sweep(load)
    return MaintenanceReport(
        compactions=len(done),
        files_compacted=sum(len(compaction.tasks) for compaction in done),
        rows_rewritten=sum(compaction.rows for compaction in done),
        snapshots_expired=expired,
        files_removed=removed,
        seconds=time.monotonic() - start,
        finished=swept and len(done) == len(planned),
    )


def _sweep_is_due(table: Table, every_seconds: float) -> bool:
    # in the table and not in this process: on a cluster every run is a process of its own, and a listing is not cheap
    swept_at = table.properties.get(_SWEPT_AT)
    if swept_at is None:
        return True
    return (datetime.now(UTC) - datetime.fromisoformat(swept_at)).total_seconds() >= every_seconds


def _remember_sweep(load: Callable[[], Table]) -> None:
    try:
        load().transaction().set_properties({_SWEPT_AT: datetime.now(UTC).isoformat()}).commit_transaction()
    except CommitFailedException:
        # a writer was first; then the next run sweeps again, which is harmless
        return
