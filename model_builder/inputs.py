"""What a build reads: the current catalogue, the events, and the champion it may replace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from contracts import layout
from contracts.artifact import Manifest
from contracts.pointers import ModelPointer
from contracts.watermark import Watermark
from model_builder.interactions import EVENT_COLUMNS
from runtime.catalog import current_run, read_items
from runtime.object_store import ObjectNotFoundError, ObjectStore


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
class Champion:
    """The model that is served, and the pointer that says so."""

    pointer: ModelPointer
    etag: str
    manifest: Manifest


@dataclass(frozen=True)
class Inputs:
    """Everything a build depends on."""

    catalog_run: str
    items: pa.Table
    events: pa.Table
    watermark: Watermark
    snapshot_id: int | None
    champion: Champion | None

    @property
    def nothing_new(self) -> bool:
        """Whether the champion was trained on just these events and this catalogue."""
        return (
            self.champion is not None
            and self.champion.manifest.catalog_run == self.catalog_run
            and Watermark.from_entries(self.champion.manifest.watermark) == self.watermark
        )


def read_champion(store: ObjectStore) -> Champion | None:
    """The served model's manifest; None before the first model. Raises ArtifactError where it is damaged."""
    try:
        pointer = store.get(layout.MODELS_CURRENT)
    except ObjectNotFoundError:
        return None
    current = ModelPointer.model_validate_json(pointer.data)
    manifest = Manifest.from_json(store.get(layout.model_manifest(current.champion)).data)
    return Champion(current, pointer.etag, manifest)


def read_inputs(store: ObjectStore, table: Table) -> Inputs | None:
    """The inputs of a build; None while there is no catalogue. Raises CatalogError where it is damaged."""
    current = current_run(store)
    if current is None:
        return None
    items = read_items(store, current.run)
    new = table.read_new(Watermark(), EVENT_COLUMNS)
    return Inputs(current.run, items, new.rows, new.watermark, new.snapshot_id, read_champion(store))
