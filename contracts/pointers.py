"""Pointers and manifests that are small JSON documents: which catalogue and which model are current."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class CatalogManifest(BaseModel):
    """`catalog/<run>/manifest.json`, written after the run's other objects."""

    model_config = ConfigDict(frozen=True)

    run: str
    created_at: datetime
    source: str
    """The source's name (synthetic, file, http); an ingested catalogue says `ingest`."""
    items: int
    rejected: int
    content_sha256: str
    """Hash of the items, whatever the run: equal content is not published again."""
    files: dict[str, str]
    """`{file name: SHA-256}` of the run's other objects."""


class CatalogPointer(BaseModel):
    """`catalog/current.json`."""

    model_config = ConfigDict(frozen=True)

    run: str
    content_sha256: str
    source: str
    updated_at: datetime


class ModelPointer(BaseModel):
    """`models/current.json`, moved conditionally (If-Match), last of all."""

    model_config = ConfigDict(frozen=True)

    champion: str
    previous: str | None = None
    challenger: str | None = None
    challenger_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    updated_at: datetime
