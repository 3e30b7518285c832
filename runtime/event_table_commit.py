"""Commits that stay cheap however long the table's history is, and that carry the writers' state along."""

from __future__ import annotations

from pyiceberg.table import Table


def for_commit(table: Table, *, retries: bool = True) -> Table:
    """The table with no more history than a commit needs.

    pyiceberg copies the metadata deeply about twenty times per commit, so that 300 snapshots made an append take 240
    instead of 30 ms. The catalog applies the commit to the metadata it loads itself: nothing of the history is lost.

    Args:
        table: as loaded.
        retries: whether pyiceberg commits again, with the same summary, when another writer was first.
    """
    current = table.metadata.current_snapshot()
    properties = dict(table.metadata.properties)
    if not retries:
        properties["commit.retry.num-retries"] = "0"
    metadata = table.metadata.model_copy(
        update={"snapshots": [current] if current else [], "snapshot_log": [], "properties": properties}
    )
    return Table(table.name(), metadata, table.metadata_location, table.io, table.catalog)
