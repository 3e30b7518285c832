"""The catalogue in the store: immutable runs and the pointer to the current one."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from io import BytesIO
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from contracts import layout
from contracts.items import ITEM_SCHEMA, Item, items_to_table
from contracts.pointers import CatalogManifest, CatalogPointer
from runtime.object_store import Object, ObjectNotFoundError, ObjectStore, PreconditionFailedError

log = logging.getLogger(__name__)

INGEST: Final = "ingest"
"""Source of a catalogue that a person has loaded by hand."""

Document = TypeVar("Document", bound=BaseModel)


class CatalogError(Exception):
    """A catalogue that cannot be read, or must not be published; the message names the object and the remedy."""


@dataclass(frozen=True)
class Rejected:
    """An entry of the source that is no valid item."""

    position: str
    """Where it is in the source, for people: `line 17`."""
    reason: str
    entry: Any
    """The entry as it came."""


class Outcome(StrEnum):
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    """The current run has the same items from the same source; nothing was written."""
    KEPT = "kept"
    """The current run is of a source that is not to be replaced; nothing was written."""


@dataclass(frozen=True)
class Publication:
    """What became of the items, and which run is current now."""

    outcome: Outcome
    run: str


def current_run(store: ObjectStore) -> CatalogPointer | None:
    """The pointer to the current run, None before the first one. Raises CatalogError where it is unreadable."""
    found = _get(store, layout.CATALOG_CURRENT)
    return _parsed(CatalogPointer, layout.CATALOG_CURRENT, found.data) if found else None


def read_manifest(store: ObjectStore, run: str) -> CatalogManifest:
    """Raises CatalogError where the run has no readable manifest."""
    if not layout.is_version(run):
        raise CatalogError(f"{layout.CATALOG_CURRENT}: {run!r} cannot be the name of a run")
    key = layout.catalog_manifest(run)
    found = _get(store, key)
    if found is None:
        raise CatalogError(f"{key} is missing: export the catalogue again")
    manifest = _parsed(CatalogManifest, key, found.data)
    if manifest.run != run:
        raise CatalogError(f"{key} is the manifest of another run, {manifest.run!r}: export the catalogue again")
    return manifest


def read_items(store: ObjectStore, run: str) -> pa.Table:
    """The items of a run, with ITEM_SCHEMA, each `item_id` once.

    Raises:
        CatalogError: an object of the run is missing, altered or unreadable.
    """
    manifest, key = read_manifest(store, run), layout.catalog_items(run)
    found = _get(store, key)
    if found is None:
        raise CatalogError(f"{key} is missing: export the catalogue again")
    if hashlib.sha256(found.data).hexdigest() != manifest.files.get(_name(key)):
        raise CatalogError(f"{key} does not match its SHA-256 in the manifest: export the catalogue again")
    try:
        table = pq.read_table(BytesIO(found.data))
    except (pa.ArrowException, OSError) as error:
        raise CatalogError(f"{key} is unreadable: {error}") from error
    if not table.schema.equals(ITEM_SCHEMA):
        raise CatalogError(f"{key} has other columns than the contract's: export the catalogue again")
    return table


def publish_run(
    store: ObjectStore,
    items: Sequence[Item],
    rejected: Sequence[Rejected],
    *,
    source: str,
    now: datetime,
    max_shrink: float | None = None,
    protected: Collection[str] = (),
) -> Publication:
    """Make `items` the current catalogue, all at once: the run's objects, its manifest, then the pointer.

    Args:
        store: where to.
        items: each `item_id` once.
        rejected: kept beside the items.
        source: the source's name, INGEST for what a person has loaded.
        now: when the run is made.
        max_shrink: the greatest share of the current items that may be lost, any by default.
        protected: sources whose catalogue is not replaced.

    Raises:
        CatalogError: there are no items, too many would be lost, or another run was published at the same time.
    """
    found = _get(store, layout.CATALOG_CURRENT)
    current = _parsed(CatalogPointer, layout.CATALOG_CURRENT, found.data) if found else None
    if current and current.source in protected:
        return Publication(Outcome.KEPT, current.run)
    if not items:
        first = f"; the first of them, {rejected[0].position}: {rejected[0].reason}" if rejected else ""
        raise CatalogError(f"the source {source!r} gave no valid item ({len(rejected)} rejected{first})")
    content = content_sha256(items)
    if current and (current.content_sha256, current.source) == (content, source):
        return Publication(Outcome.UNCHANGED, current.run)
    if current and max_shrink is not None:
        _refuse_shrinking(store, current.run, len(items), max_shrink)

    run = layout.version(now, content)
    table = BytesIO()
    pq.write_table(items_to_table(items), table, compression="zstd")
    lines = "".join(json.dumps(asdict(entry), default=str) + "\n" for entry in rejected)
    objects = {layout.catalog_items(run): table.getvalue(), layout.catalog_rejected(run): lines.encode()}
    manifest = CatalogManifest(
        run=run,
        created_at=now,
        source=source,
        items=len(items),
        rejected=len(rejected),
        content_sha256=content,
        files={_name(key): hashlib.sha256(data).hexdigest() for key, data in objects.items()},
    )
    for key, data in objects.items():
        store.put(key, data)
    store.put(layout.catalog_manifest(run), _json(manifest))
    pointer = CatalogPointer(run=run, content_sha256=content, source=source, updated_at=now)
    try:
        store.put(
            layout.CATALOG_CURRENT, _json(pointer), if_match=found.etag if found else None, if_absent=found is None
        )
    except PreconditionFailedError as error:
        raise CatalogError("another catalogue was published at the same time and stays: run again") from error
    return Publication(Outcome.PUBLISHED, run)


def content_sha256(items: Iterable[Item]) -> str:
    """Hash of the items, whatever their order."""
    digest = hashlib.sha256()
    for item in sorted(items, key=lambda item: item.item_id):
        digest.update(item.model_dump_json().encode() + b"\n")
    return digest.hexdigest()


def _refuse_shrinking(store: ObjectStore, run: str, items: int, max_shrink: float) -> None:
    try:
        before = read_manifest(store, run).items
    except CatalogError as error:
        # a damaged run is no reason to refuse a sound one
        log.warning("the current catalogue is damaged and will be replaced: %s", error)
        return
    if items < before * (1 - max_shrink):
        raise CatalogError(
            f"the catalogue would shrink from {before} items to {items}, by more than {max_shrink:.0%}: "
            "if that is right, set EXPORTER_ALLOW_SHRINK=true"
        )


def _get(store: ObjectStore, key: str) -> Object | None:
    try:
        return store.get(key)
    except ObjectNotFoundError:
        return None


def _parsed(model: type[Document], key: str, data: bytes) -> Document:
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise CatalogError(f"{key}: {where}: {first['msg']}: repair or delete it") from error


def _json(document: BaseModel) -> bytes:
    return document.model_dump_json(indent=2).encode()


def _name(key: str) -> str:
    return key.rpartition("/")[2]
