"""What a build reads: the current catalogue, the events, and the champion it may replace."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from contracts import layout
from contracts.artifact import ArtifactError, Manifest
from contracts.pointers import ModelPointer
from contracts.watermark import Watermark
from model_builder.interactions import EVENT_COLUMNS
from runtime.catalog import current_run, read_items
from runtime.object_store import ObjectNotFoundError, ObjectStore

log = logging.getLogger(__name__)


class NewEvents(Protocol):
    """What the lake's table answers to `read_new`."""

    @property
    def rows(self) -> pa.Table: ...

    @property
    def watermark(self) -> Watermark: ...

    @property
    def snapshot_id(self) -> int | None: ...


class Table(Protocol):
    """What the builder needs of an EventTable."""

    def read_new(self, watermark: Watermark, columns: tuple[str, ...]) -> NewEvents: ...


@dataclass(frozen=True)
class Served:
    """What the pointer says is served, as far as it can be read. All None before the first model.

    A pointer or a manifest that is damaged counts as no champion, so that the next model repairs it.
    """

    etag: str | None = None
    pointer: ModelPointer | None = None
    champion: Manifest | None = None


@dataclass(frozen=True)
class Inputs:
    """Everything a build depends on."""

    catalog_run: str
    items: pa.Table
    events: pa.Table
    watermark: Watermark
    snapshot_id: int | None
    served: Served

    @property
    def nothing_new(self) -> bool:
        """Whether the champion was trained on just these events and this catalogue."""
        champion = self.served.champion
        return (
            champion is not None
            and champion.catalog_run == self.catalog_run
            and Watermark.from_entries(champion.watermark) == self.watermark
        )


def read_served(store: ObjectStore) -> Served:
    """The pointer and the manifest that it names."""
    try:
        found = store.get(layout.MODELS_CURRENT)
    except ObjectNotFoundError:
        return Served()
    pointer = None
    try:
        pointer = ModelPointer.model_validate_json(found.data)
        manifest = Manifest.from_json(store.get(layout.model_manifest(pointer.champion)).data)
    except (ValueError, ArtifactError, ObjectNotFoundError) as error:
        log.warning("%s is damaged, the next model replaces it: %s", layout.MODELS_CURRENT, error)
        return Served(found.etag, pointer)
    return Served(found.etag, pointer, manifest)


def read_inputs(store: ObjectStore, table: Table) -> Inputs | None:
    """The inputs of a build; None while there is no catalogue. Raises CatalogError where it is damaged."""
    current = current_run(store)
    if current is None:
        return None
    items = read_items(store, current.run)
    new = table.read_new(Watermark(), EVENT_COLUMNS)
    return Inputs(current.run, items, new.rows, new.watermark, new.snapshot_id, read_served(store))
