"""Removal of files that no snapshot needs: replaced by compaction, expired, or left by a writer that was killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pyarrow.fs import FileInfo, FileSelector, FileSystem
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table

from runtime.event_table_catalog import EventTableError


def remove_orphans(load: Callable[[], Table], *, age_seconds: float, until: float) -> tuple[int, bool]:
    """Remove files under the table's location that are older than `age_seconds` and needed by no snapshot.

    Args:
        load: gives the table as it is now.
        age_seconds: must be longer than any writer takes from writing a file to committing it.
        until: `time.monotonic()` at which to stop.

    Returns:
        How many files were removed, and whether all were.

    Raises:
        EventTableError: the listing shows none of the table's own files, so that nothing can be told from it.
    """
    table = load()
    files, path = _file_system(table, table.location())
    cutoff = datetime.now(UTC) - timedelta(seconds=age_seconds)
    listed = _listed(files, path)
    # the snapshots are looked up after the listing: a file that was committed in between is seen to be needed
    table = load()
    needed = _metadata_files(table)
    if needed.isdisjoint(info.path for info in listed):
        # a location spelled in two ways, for example; taking every file for an orphan would destroy the table
        raise EventTableError(f"{table.location()}: listing it shows no file of the table; nothing was removed")
    old = (info for info in listed if info.mtime is not None and info.mtime < cutoff)
    candidates = [info.path for info in old if info.path not in needed]
    data_folder = f"{path}/data/"
    if any(candidate.startswith(data_folder) for candidate in candidates):
        needed |= _data_files(table)
    removed = 0
    for candidate in candidates:
        if time.monotonic() > until:
            return removed, False
        if candidate not in needed:
            with suppress(FileNotFoundError):
                files.delete_file(candidate)
                removed += 1
    return removed, True


def _listed(files: FileSystem, path: str) -> list[FileInfo]:
    # only what writers of this table make; whatever else lies beside it is not ours
    folders = (FileSelector(f"{path}/{name}", recursive=True, allow_not_found=True) for name in ("metadata", "data"))
    return [info for folder in folders for info in files.get_file_info(folder) if info.is_file]


def _file_system(table: Table, location: str) -> tuple[FileSystem, str]:
    assert isinstance(table.io, PyArrowFileIO)
    scheme, host, path = table.io.parse_location(location, table.io.properties)
    return table.io.fs_by_scheme(scheme, host), path.rstrip("/")


def _metadata_files(table: Table) -> set[str]:
    metadata = table.metadata
    locations = {table.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)}
    locations |= {file.statistics_path for file in (*metadata.statistics, *metadata.partition_statistics)}
    for snapshot in metadata.snapshots:
        locations.add(snapshot.manifest_list)
        locations |= {manifest.manifest_path for manifest in snapshot.manifests(table.io)}
    return {_file_system(table, location)[1] for location in locations}


def _data_files(table: Table) -> set[str]:
    manifests = {manifest for snapshot in table.metadata.snapshots for manifest in snapshot.manifests(table.io)}
    locations = {
        entry.data_file.file_path for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io)
    }
    return {_file_system(table, location)[1] for location in locations}
