"""One run: read the source to its end, validate, publish."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from exporter.source import Source
from exporter.validate import validate
from runtime.catalog import INGEST, Publication, Rejected, publish_run
from runtime.object_store import ObjectStore

log = logging.getLogger(__name__)

_SHOWN = 5
"""Rejected entries that are logged one by one; all are in the run's rejected.jsonl."""


@dataclass(frozen=True)
class Export:
    """What became of a run, how many items it had, and the entries that were none."""

    publication: Publication
    items: int
    rejected: list[Rejected]


def export(source: Source, store: ObjectStore, *, now: datetime, max_shrink: float | None = None) -> Export:
    """Publish the source's catalogue, whole or not at all.

    Args:
        source: is read to its end first.
        store: where the catalogue goes.
        now: when the run is made.
        max_shrink: the greatest share of the current items that may be lost, any by default.

    Raises:
        SourceError: the source could not be read to its end.
        CatalogError: there is no valid item, too many would be lost, or another run came first.
        ObjectStoreError: the store failed.
    """
    validated = validate(source.entries())
    for entry in validated.rejected[:_SHOWN]:
        log.warning("rejected: %s: %s", entry.position, entry.reason)
    # the demo restarts with synthetic settings; what a person has loaded stays
    protected: Collection[str] = {INGEST} if source.name == "synthetic" else ()
    publication = publish_run(
        store,
        validated.items,
        validated.rejected,
        source=source.name,
        now=now,
        max_shrink=max_shrink,
        protected=protected,
    )
    return Export(publication, len(validated.items), validated.rejected)
