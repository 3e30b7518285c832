"""A model on disk: `.npy` arrays, two Parquet tables and a manifest with the checksum of each. Never a pickle.

`.npy` is NumPy's format 1.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), read with
`allow_pickle=False` and memory-mapped: a large matrix opens in about a millisecond.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts import layout
from contracts.items import ITEM_SCHEMA
from contracts.watermark import WatermarkEntry

ITEMS_FILE: Final = "items.parquet"
USERS_FILE: Final = "users.parquet"
USER_SCHEMA: Final = pa.schema([pa.field("user_id", pa.string(), nullable=False)])
FORMAT_VERSION: Final = 1


class ArtifactError(Exception):
    """A model that cannot be trusted: a file is missing, truncated, altered or of the wrong shape."""


class FileEntry(BaseModel):
    """Size in bytes and SHA-256 of one file of a model."""

    model_config = ConfigDict(frozen=True)

    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Verdict(BaseModel):
    """Whether the model was promoted, and why or why not."""

    model_config = ConfigDict(frozen=True)

    promoted: bool
    reason: str


class Manifest(BaseModel):
    """What a model is made of and how good it was found, so that every served list can be traced."""

    model_config = ConfigDict(frozen=True)

    format_version: Literal[1] = FORMAT_VERSION
    model_version: str = ""
    """`YYYYMMDDTHHMMSSZ-<8 hex of the SHA-256 of the manifest without this field>`."""
    created_at: datetime
    form: Literal["factors"] = "factors"
    trainer: str
    hyper_parameters: dict[str, Any]
    libraries: dict[str, str]
    snapshot_id: int | None
    watermark: tuple[WatermarkEntry, ...]
    catalog_run: str
    newest_event_at: datetime | None
    counts: dict[str, int]
    metrics: dict[str, dict[str, float]]
    """`{"candidate" | "champion" | "popularity": {metric: value}}`, all on the same held-out events."""
    verdict: Verdict
    fold_in: dict[str, float] | None = None
    """Constants of the recommender's closed-form fold-in, fitted by the builder."""
    replaces: str | None
    timings: dict[str, float] = {}
    """Seconds by stage."""
    files: dict[Annotated[str, Field(pattern=r"^[a-z_]+\.(npy|parquet)$")], FileEntry] = {}

    def sealed(self) -> Self:
        """This manifest with the `model_version` that its content gives it."""
        bare = self.model_copy(update={"model_version": ""})
        content = json.dumps(bare.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(content.encode()).hexdigest()
        return bare.model_copy(update={"model_version": layout.version(self.created_at, digest)})

    def to_json(self) -> bytes:
        return self.model_dump_json(indent=2).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Raises ArtifactError where `data` is no manifest, or not the one its model_version was made from."""
        try:
            manifest = cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "document"
            raise ArtifactError(f"manifest.json: {where}: {first['msg']}") from error
        if manifest.sealed().model_version != manifest.model_version:
            raise ArtifactError(f"manifest.json: altered since it was sealed as {manifest.model_version!r}")
        return manifest


@dataclass(frozen=True)
class Arrays:
    """The arrays of a model in `factors` form. n items, m viewers, d dimensions (0 for popularity alone)."""

    item_factors: npt.NDArray[np.float32]
    """(n, d)"""
    item_biases: npt.NDArray[np.float32]
    """(n,)"""
    user_factors: npt.NDArray[np.float32]
    """(m, d)"""
    user_biases: npt.NDArray[np.float32]
    """(m,)"""
    seen_indptr: npt.NDArray[np.int64]
    """(m + 1,) CSR row starts of the viewers' histories."""
    seen_indices: npt.NDArray[np.int32]
    """(nnz,) item rows, ascending within a viewer."""
    seen_weights: npt.NDArray[np.float32]
    """(nnz,) grade of the viewer's latest event with the item, 0.5 to 5."""
    item_popularity: npt.NDArray[np.float32]
    """(n,) positive events of each item."""
    item_trending: npt.NDArray[np.float32]
    """(n,) the same, weighted by recency."""


@dataclass(frozen=True)
class Model:
    """A model in memory. Row i of `items` (ITEM_SCHEMA) is item i of the arrays, row u of `users` is viewer u."""

    manifest: Manifest
    items: pa.Table
    users: pa.Table
    arrays: Arrays


_DTYPES: Final[dict[str, type[np.generic]]] = {
    "seen_indptr": np.int64,
    "seen_indices": np.int32,
}
ARRAY_NAMES: Final = tuple(field.name for field in fields(Arrays))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def dump(model: Model, directory: Path) -> Manifest:
    """Write the model's files into `directory` and return its manifest, sealed; `manifest.json` is written last.

    Raises:
        ArtifactError: the arrays do not fit each other, or the manifest has values that JSON cannot carry (NaN).
    """
    _check(model)
    directory.mkdir(parents=True, exist_ok=True)
    for name in ARRAY_NAMES:
        np.save(directory / f"{name}.npy", getattr(model.arrays, name), allow_pickle=False)
    pq.write_table(model.items, directory / ITEMS_FILE, compression="zstd")
    pq.write_table(model.users, directory / USERS_FILE, compression="zstd")
    names = [*(f"{name}.npy" for name in ARRAY_NAMES), ITEMS_FILE, USERS_FILE]
    entries = {
        name: FileEntry(size=(directory / name).stat().st_size, sha256=_sha256(directory / name)) for name in names
    }
    manifest = model.manifest.model_copy(update={"files": entries}).sealed()
    # what could not be read again must never be published: JSON makes null of NaN
    document = manifest.to_json()
    Manifest.from_json(document)
    (directory / layout.MANIFEST).write_bytes(document)
    return manifest


def load(directory: Path) -> Model:
    """Read a model, its arrays memory-mapped.

    Raises:
        ArtifactError: names the file that is missing, truncated, altered, or does not fit the others.
    """
    try:
        manifest = Manifest.from_json((directory / layout.MANIFEST).read_bytes())
    except FileNotFoundError:
        raise ArtifactError("manifest.json is missing") from None
    wanted = {*(f"{name}.npy" for name in ARRAY_NAMES), ITEMS_FILE, USERS_FILE}
    if missing := wanted - manifest.files.keys():
        raise ArtifactError(f"manifest.json does not list {', '.join(sorted(missing))}")
    for name in sorted(wanted):
        _verify(directory / name, manifest.files[name])
    try:
        arrays = Arrays(**{name: _load_array(directory / f"{name}.npy") for name in ARRAY_NAMES})
        items, users = pq.read_table(directory / ITEMS_FILE), pq.read_table(directory / USERS_FILE)
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ArtifactError(f"unreadable: {error}") from error
    model = Model(manifest, items, users, arrays)
    _check(model)
    return model


def _verify(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        raise ArtifactError(f"{path.name} is missing")
    if (size := path.stat().st_size) != entry.size:
        raise ArtifactError(f"{path.name} has {size} bytes, the manifest says {entry.size}")
    if _sha256(path) != entry.sha256:
        raise ArtifactError(f"{path.name} does not match its SHA-256 in the manifest")


def _load_array(path: Path) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(path, allow_pickle=False, mmap_mode=None if _is_empty(path) else "r")
    return array


def _is_empty(path: Path) -> bool:
    # nothing to map: mmap refuses a length of zero
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        shape, _, _ = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else ((1,), False, None)
    return 0 in shape


def _check(model: Model) -> None:
    a, n, m = model.arrays, model.items.num_rows, model.users.num_rows
    if not model.items.schema.equals(ITEM_SCHEMA) or not model.users.schema.equals(USER_SCHEMA):
        raise ArtifactError("items.parquet or users.parquet has other columns than the contract's")
    d = a.item_factors.shape[-1] if a.item_factors.ndim == 2 else -1
    shapes: dict[str, tuple[int, ...]] = {
        "item_factors": (n, d), "item_biases": (n,), "user_factors": (m, d), "user_biases": (m,),
        "seen_indptr": (m + 1,), "seen_indices": a.seen_weights.shape, "seen_weights": a.seen_indices.shape,
        "item_popularity": (n,), "item_trending": (n,),
    }  # fmt: skip
    for name, shape in shapes.items():
        array = getattr(a, name)
        dtype = np.dtype(_DTYPES.get(name, np.float32))
        if array.shape != shape or array.dtype != dtype:
            raise ArtifactError(f"{name} is {array.dtype}{array.shape}, expected {dtype}{shape}")
        if dtype.kind == "f" and not np.isfinite(array).all():
            raise ArtifactError(f"{name} has values that are not finite")
    ends = a.seen_indptr
    if ends[0] != 0 or ends[-1] != a.seen_indices.size or (np.diff(ends) < 0).any():
        raise ArtifactError("seen_indptr does not partition seen_indices")
    if a.seen_indices.size and not 0 <= int(a.seen_indices.min()) <= int(a.seen_indices.max()) < n:
        raise ArtifactError("seen_indices points outside the items")
