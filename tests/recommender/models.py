"""Small models, and a way to publish them as the builder does."""

from __future__ import annotations

import dataclasses
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from contracts import artifact, layout
from contracts.artifact import USER_SCHEMA, Arrays, Manifest, Model, Verdict
from contracts.items import Item, MediaType, items_to_table
from contracts.pointers import ModelPointer
from runtime.object_store import ObjectStore

GENRES = ("Comedy", "Crime", "Drama", "Horror", "Western")
MOMENT = datetime(2025, 6, 1, 12, tzinfo=UTC)


def small_model(
    n_items: int = 30,
    n_users: int = 8,
    *,
    seed: int = 0,
    dimensions: int = 4,
    seen: int = 5,
    items: pa.Table | None = None,
    **changed: Any,
) -> Model:
    """A model of items "i0", "i1", … and viewers "1", "2", …; each has seen `seen` items, except the last: none.

    Args:
        n_items: how many items.
        n_users: how many viewers.
        seed: of everything random; also moves `created_at` by as many minutes.
        dimensions: 0 makes a model of popularity alone.
        seen: items per history, at most n_items.
        items: the table, where another is wanted.
        changed: arrays to replace.
    """
    draws = np.random.default_rng(seed)
    lengths = np.full(n_users, min(seen, n_items))
    lengths[-1:] = 0
    histories = [np.sort(draws.choice(n_items, length, replace=False)) for length in lengths]
    arrays = Arrays(
        item_factors=draws.standard_normal((n_items, dimensions), np.float32),
        item_biases=draws.standard_normal(n_items, np.float32),
        user_factors=draws.standard_normal((n_users, dimensions), np.float32),
        user_biases=draws.standard_normal(n_users, np.float32),
        seen_indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        seen_indices=np.concatenate([np.empty(0), *histories]).astype(np.int32),
        seen_weights=draws.choice(np.arange(1, 11), lengths.sum()).astype(np.float32) / 2,
        item_popularity=draws.integers(0, 9, n_items).astype(np.float32),
        item_trending=draws.random(n_items, np.float32),
    )
    made = [
        Item(
            item_id=f"i{row}",
            title=f"Title {row}",
            genres=(GENRES[row % len(GENRES)], GENRES[(row + 1) % len(GENRES)])[: 1 + row % 2],
            media_type=MediaType.SHOW if row % 3 == 0 else MediaType.MOVIE,
            release_year=1950 + row % 75 if row % 4 else None,
            added_at=MOMENT,
        )
        for row in range(n_items)
    ]
    users = pa.table({"user_id": [str(row + 1) for row in range(n_users)]}, schema=USER_SCHEMA)
    table = items_to_table(made) if items is None else items
    return Model(_manifest(seed), table, users, dataclasses.replace(arrays, **changed))


def _manifest(seed: int) -> Manifest:
    return Manifest(
        created_at=MOMENT + timedelta(minutes=seed),
        trainer="test",
        hyper_parameters={"seed": seed, "learning_rate": 0.05},
        libraries={"numpy": np.__version__},
        snapshot_id=1,
        watermark=(),
        catalog_run=layout.version(MOMENT, "0" * 64),
        newest_event_at=MOMENT,
        counts={"events": 40},
        metrics={"candidate": {"ndcg@10": 0.25}, "popularity": {"ndcg@10": 0.125}},
        verdict=Verdict(promoted=True, reason="better than popularity"),
        replaces=None,
    ).sealed()


def publish(store: ObjectStore, model: Model, *, without: str | None = None) -> str:
    """Put the model and move the pointer to it; `without` leaves one file out. Returns the model_version."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = artifact.dump(model, Path(folder))
        for name in [*manifest.files, layout.MANIFEST]:
            if name != without:
                store.put(layout.model_file(manifest.model_version, name), Path(folder) / name)
    point_at(store, manifest.model_version)
    return manifest.model_version


def point_at(store: ObjectStore, model_version: str) -> None:
    pointer = ModelPointer(champion=model_version, updated_at=MOMENT)
    store.put(layout.MODELS_CURRENT, pointer.model_dump_json().encode())
