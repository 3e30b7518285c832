"""The writers' state in snapshot summaries: `archiver.*` of the archiver, `kafka.connect.*` of the Connect sink."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

CARRIED_PREFIXES: Final = ("archiver.", "kafka.connect.")
"""Summary keys that maintenance copies into its own snapshots, so that expiry cannot lose them."""


def lineage(metadata: TableMetadata) -> Iterator[Snapshot]:
    """The current snapshot and its parents, as far as they have not expired, newest first."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    snapshot = metadata.current_snapshot()
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else by_id.get(parent)


def newest_summary_value(metadata: TableMetadata, key: str) -> str | None:
    """The value of `key` in the newest snapshot that has it."""
    return next((value for s in lineage(metadata) if (value := _entries(s).get(key)) is not None), None)


def carried_properties(metadata: TableMetadata) -> dict[str, str]:
    """The newest value of every summary key with one of CARRIED_PREFIXES."""
    carried: dict[str, str] = {}
    for snapshot in lineage(metadata):
        for key, value in _entries(snapshot).items():
            if key.startswith(CARRIED_PREFIXES):
                carried.setdefault(key, value)
    return carried


def _entries(snapshot: Snapshot) -> dict[str, str]:
    return snapshot.summary.additional_properties if snapshot.summary else {}
