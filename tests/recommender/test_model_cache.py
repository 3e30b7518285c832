from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from contracts import layout
from contracts.artifact import ArtifactError
from recommender.model_cache import ModelCache
from runtime.object_store_directory import DirectoryStore
from tests.recommender.models import publish, small_model


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "cache"


@pytest.fixture
def cache(store: DirectoryStore, folder: Path) -> ModelCache:
    return ModelCache(store, folder)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_model_is_downloaded_once(store: DirectoryStore, cache: ModelCache, folder: Path) -> None:
    version = publish(store, small_model())
    first = cache.fetch(version)
    assert files(folder) == [version]
    for info in store.list(layout.MODELS_PREFIX):
        store.delete(info.key)
    second = cache.fetch(version)
    np.testing.assert_array_equal(second.arrays.item_factors, first.arrays.item_factors)
    assert second.manifest == first.manifest


def test_a_damaged_copy_is_downloaded_anew(store: DirectoryStore, cache: ModelCache, folder: Path) -> None:
    version = publish(store, small_model())
    cache.fetch(version)
    (folder / version / "item_biases.npy").write_bytes(b"damaged")
    np.testing.assert_array_equal(cache.fetch(version).arrays.item_biases, small_model().arrays.item_biases)


@pytest.mark.parametrize("name", ["manifest.json", "item_factors.npy", "items.parquet"])
def test_what_the_store_has_not_whole_leaves_nothing_behind(
    store: DirectoryStore, cache: ModelCache, folder: Path, name: str
) -> None:
    version = publish(store, small_model(), without=name)
    with pytest.raises(ArtifactError, match=name):
        cache.fetch(version)
    assert files(folder) == []


def test_what_is_damaged_in_the_store_leaves_nothing_behind(
    store: DirectoryStore, cache: ModelCache, folder: Path
) -> None:
    version = publish(store, small_model())
    store.put(layout.model_file(version, "users.parquet"), b"damaged")
    with pytest.raises(ArtifactError, match=r"users\.parquet has 7 bytes"):
        cache.fetch(version)
    assert files(folder) == []


def test_another_models_manifest_is_refused(store: DirectoryStore, cache: ModelCache) -> None:
    version = publish(store, small_model())
    elsewhere = layout.version(small_model().manifest.created_at, "0" * 8)
    for info in list(store.list(layout.MODELS_PREFIX + version)):
        store.put(info.key.replace(version, elsewhere), store.get(info.key).data)
    with pytest.raises(ArtifactError, match=version):
        cache.fetch(elsewhere)


def test_only_what_is_needed_stays(store: DirectoryStore, cache: ModelCache, folder: Path) -> None:
    first, second, third = (publish(store, small_model(seed=seed)) for seed in range(3))
    models = [cache.fetch(version) for version in (first, second, third)]
    (folder / ".incoming-killed").mkdir()
    os.utime(folder / ".incoming-killed", (0, 0))
    (folder / ".incoming-of-another-process").mkdir()
    (folder / "not ours").mkdir()
    cache.keep_only({second, third})
    assert files(folder) == sorted([".incoming-of-another-process", "not ours", second, third])
    # requests in flight may still read the first
    np.testing.assert_array_equal(models[0].arrays.item_factors, small_model(seed=0).arrays.item_factors)
