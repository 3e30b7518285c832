"""`showrunner models`: what is in the store, for people."""

from __future__ import annotations

from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table

from contracts import layout
from contracts.artifact import ArtifactError, Manifest
from contracts.pointers import ModelPointer
from runtime.object_store import ObjectNotFoundError, ObjectStore
from runtime.object_stores import open_store
from showrunner.data_dir import DataDir


def versions(store: ObjectStore) -> list[str]:
    """Every complete model's version, the newest first."""
    suffix = "/" + layout.MANIFEST
    keys = (info.key for info in store.list(layout.MODELS_PREFIX))
    found = (key.removeprefix(layout.MODELS_PREFIX).removesuffix(suffix) for key in keys if key.endswith(suffix))
    return sorted((version for version in found if layout.is_version(version)), reverse=True)


def pointer(store: ObjectStore) -> ModelPointer | None:
    """The pointer; None before the first model. Raises ArtifactError where it is damaged."""
    try:
        return ModelPointer.model_validate_json(store.get(layout.MODELS_CURRENT).data)
    except ObjectNotFoundError:
        return None
    except ValidationError as error:
        raise ArtifactError(f"{layout.MODELS_CURRENT} is damaged; the next build replaces it: {error}") from error


def manifest(store: ObjectStore, version: str) -> Manifest:
    """Raises ObjectNotFoundError where there is no such model."""
    if not layout.is_version(version):
        raise ObjectNotFoundError(f"{version!r} is no model version (YYYYMMDDTHHMMSSZ-xxxxxxxx): see `models list`")
    return Manifest.from_json(store.get(layout.model_manifest(version)).data)


def show_all(data_dir: DataDir, console: Console) -> None:
    store = open_store(data_dir.settings()[0])
    current = pointer(store)
    # the version whole, whatever the width: it is copied into `models show`
    version_column = Column("model version", no_wrap=True, min_width=len("YYYYMMDDTHHMMSSZ-xxxxxxxx"))
    table = Table("", version_column, "trainer", "NDCG@10", "popularity", "events", "promoted")
    for version in versions(store):
        one = manifest(store, version)
        role = {current.champion: "champion", current.previous: "previous"}.get(version, "") if current else ""
        table.add_row(
            role,
            version,
            one.trainer,
            _metric(one, "candidate"),
            _metric(one, "popularity"),
            f"{one.counts.get('events', 0):,}",
            "yes" if one.verdict.promoted else "no",
        )
    console.print(table if table.row_count else "no models yet: `showrunner build` makes one")


def show_one(data_dir: DataDir, version: str | None, console: Console) -> None:
    store = open_store(data_dir.settings()[0])
    if version is None:
        current = pointer(store)
        if current is None:
            raise ObjectNotFoundError("no model was promoted yet: `showrunner build` makes one")
        version = current.champion
    console.print_json(manifest(store, version).model_dump_json(exclude={"files"}))


def _metric(one: Manifest, who: str) -> str:
    value = one.metrics.get(who, {}).get("ndcg@10")
    return "-" if value is None else f"{value:.4f}"
