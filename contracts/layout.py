"""Every object key and table name in the lake, as pure functions. docs/contracts.md lists them all."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

LAKE_NAMESPACE: Final = "lake"
ENGAGEMENT_TABLE: Final = "lake.engagement_events"

CATALOG_CURRENT: Final = "catalog/current.json"
MODELS_PREFIX: Final = "models/"
MODELS_CURRENT: Final = "models/current.json"
MANIFEST: Final = "manifest.json"
EXPORTER_HTTP_CACHE: Final = "exporter/http-cache.json"
"""ETags and pages that the `http` source has seen, so that an unchanged page is not sent again."""

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_VERSION: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")


def stamp(moment: datetime) -> str:
    """`YYYYMMDDTHHMMSSZ`, UTC: sorts by time."""
    return moment.astimezone(UTC).strftime(_STAMP)


def version(created_at: datetime, digest: str) -> str:
    """A `model_version` or catalogue `run`: the stamp and the first 8 hex digits of a SHA-256."""
    return f"{stamp(created_at)}-{digest[:8]}"


def is_version(text: str) -> bool:
    """Whether `text` could come from `version`; what comes from outside is checked before it becomes a key."""
    return _VERSION.fullmatch(text) is not None


def _checked(text: str) -> str:
    if not is_version(text):
        raise ValueError(f"not a version: {text!r} (expected YYYYMMDDTHHMMSSZ-xxxxxxxx)")
    return text


def catalog_items(run: str) -> str:
    return f"catalog/{_checked(run)}/items.parquet"


def catalog_rejected(run: str) -> str:
    """Entries of the source that were no valid items, one JSON object a line with the reason."""
    return f"catalog/{_checked(run)}/rejected.jsonl"


def catalog_manifest(run: str) -> str:
    return f"catalog/{_checked(run)}/{MANIFEST}"


def model_file(model_version: str, name: str) -> str:
    """Key of one file of a model; `name` is `manifest.json`, an array's or a table's file name."""
    return f"{MODELS_PREFIX}{_checked(model_version)}/{name}"


def model_manifest(model_version: str) -> str:
    return model_file(model_version, MANIFEST)


def import_rejected(sha256: str) -> str:
    """Rows of an imported ratings file that could not be read, with line numbers and reasons."""
    return f"imports/{sha256}/rejected.jsonl"
