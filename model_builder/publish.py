"""To the store: the model's files, then its manifest, then (if it won) the pointer. Nothing is ever half-visible."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from contracts import layout
from contracts.artifact import Manifest, Model, dump
from contracts.pointers import ModelPointer
from model_builder.inputs import Served
from runtime.object_store import ObjectStore, PreconditionFailedError


class PublishError(Exception):
    """Another builder was faster; the message says what to do."""


def upload(store: ObjectStore, model: Model, directory: Path) -> Manifest:
    """Write the model's files under its version and return its sealed manifest; nobody is served it yet.

    Raises:
        ObjectStoreError: the store failed; what was written is not referred to by anything.
    """
    manifest = dump(model, directory)
    for name in manifest.files:
        store.put(layout.model_file(manifest.model_version, name), directory / name)
    store.put(layout.model_manifest(manifest.model_version), directory / layout.MANIFEST)
    return manifest


def promote(store: ObjectStore, model_version: str, served: Served) -> ModelPointer:
    """Move the pointer to `model_version`, if it still is where `served` was read.

    Raises:
        PublishError: it was moved meanwhile; the model stays uploaded, and is not served.
    """
    pointer = ModelPointer(
        champion=model_version,
        previous=served.pointer.champion if served.pointer else None,
        updated_at=datetime.now(UTC),
    )
    data = pointer.model_dump_json(indent=2).encode()
    try:
        store.put(layout.MODELS_CURRENT, data, if_match=served.etag, if_absent=served.etag is None)
    except PreconditionFailedError as error:
        raise PublishError(
            f"{layout.MODELS_CURRENT} was moved by another builder while {model_version} was trained; its model "
            "stays, the next build compares with it",
        ) from error
    return pointer
