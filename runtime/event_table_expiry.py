"""Expiry: old snapshots leave the metadata, so that every commit and every read stays cheap. Files stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata

from runtime.event_table_summary import carried_properties, lineage

_ATTEMPTS: Final = 5
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def expire(load: Callable[[], Table], *, keep_snapshots: int, retention_seconds: float) -> int:
    """Remove snapshots that nobody needs and return how many.

    What stays: the newest `keep_snapshots`; those that were current within `retention_seconds`, which readers may be
    reading; whatever a branch or tag names; and as many as it takes that the newest value of every entry that writers
    left in a summary is still found.
    """
    for _ in range(_ATTEMPTS):
        table = load()
        oldest_kept = _oldest_kept(
            table.metadata, keep_snapshots, datetime.now(UTC) - timedelta(seconds=retention_seconds)
        )
        named = {ref.snapshot_id for ref in table.metadata.refs.values()}
        expired = [
            snapshot
            for snapshot in table.metadata.snapshots
            if snapshot.timestamp_ms < oldest_kept and snapshot.snapshot_id not in named
        ]
        if not expired:
            return 0
        try:
            # by time and not by ids: pyiceberg copies all metadata for each id
            table.maintenance.expire_snapshots().older_than(_EPOCH + timedelta(milliseconds=oldest_kept)).commit()
            return len(expired)
        except (CommitFailedException, ValueError):
            # another commit came first, or another maintainer expired the same snapshots (a ValueError); look again
            continue
    return 0


def _oldest_kept(metadata: TableMetadata, keep_snapshots: int, cutoff: datetime) -> int:
    """Time of the oldest snapshot that stays, in milliseconds since 1970."""
    newest_first = list(lineage(metadata))
    kept = keep_snapshots
    for place, (successor, _) in enumerate(pairwise(newest_first), start=1):
        if _EPOCH + timedelta(milliseconds=successor.timestamp_ms) >= cutoff:
            kept = max(kept, place + 1)
    missing = set(carried_properties(metadata))
    for place, snapshot in enumerate(newest_first):
        found = missing & (snapshot.summary.additional_properties.keys() if snapshot.summary else set())
        if found:
            kept = max(kept, place + 1)
            missing -= found
    # clocks of several writers may disagree: what stays is decided by descent, never by time alone
    return min((snapshot.timestamp_ms for snapshot in newest_first[:kept]), default=0)
