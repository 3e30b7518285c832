"""An items file as the current catalogue, through the exporter's `file` source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from exporter.file import FileSource
from exporter.source import Entry, SourceError
from exporter.validate import validate
from runtime.catalog import INGEST, CatalogError, Publication, Rejected, current_run, publish_run, read_items
from runtime.object_store import ObjectStore
from showrunner.ingesting.file import IngestError


@dataclass(frozen=True)
class ItemsLoaded:
    """What became of the file, how many items it has, and the entries that are none."""

    publication: Publication
    items: int
    rejected: list[Rejected]


def load_items(path: Path, store: ObjectStore) -> ItemsLoaded:
    """Publish the file's items; the current catalogue stays where it has the same.

    Raises:
        IngestError: the file cannot be read.
        CatalogError: it has no valid item, or another catalogue was published at the same time.
    """
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise IngestError(f"{path}: is empty")
        validated = validate(_dated(FileSource(path, INGEST).entries(), store))
    except SourceError as error:
        raise IngestError(str(error)) from error
    now = datetime.now(UTC)
    publication = publish_run(store, validated.items, validated.rejected, source=INGEST, now=now)
    return ItemsLoaded(publication, len(validated.items), validated.rejected)


def _dated(entries: Iterator[Entry], store: ObjectStore) -> Iterator[Entry]:
    """Items that are known already keep their `added_at` where the file gives none: a file that was merely copied
    or extended would otherwise make all of them new."""
    known = _added_at(store)
    for entry in entries:
        item_id = entry.fields.get("item_id")
        given = entry.raw.get("added_at") if isinstance(entry.raw, dict) else None
        if given in (None, "") and (added_at := known.get(str(item_id))):
            yield replace(entry, fields={**entry.fields, "added_at": added_at})
        else:
            yield entry


def _added_at(store: ObjectStore) -> dict[str, datetime]:
    try:
        current = current_run(store)
        if current is None or current.source != INGEST:
            return {}
        items = read_items(store, current.run)
    except CatalogError:
        # a damaged catalogue is no reason to refuse the one that replaces it
        return {}
    return dict(zip(items["item_id"].to_pylist(), items["added_at"].to_pylist(), strict=True))
