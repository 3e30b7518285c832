from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import artifact, layout
from contracts.artifact import ARRAY_NAMES, ArtifactError, FileEntry, Manifest, Model, dump, load
from tests.recommender.models import small_model

FILES = [*(f"{name}.npy" for name in ARRAY_NAMES), "items.parquet", "users.parquet"]


def assert_same(loaded: Model, model: Model) -> None:
    for name in ARRAY_NAMES:
        ours, theirs = getattr(loaded.arrays, name), getattr(model.arrays, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert loaded.items.equals(model.items)
    assert loaded.users.equals(model.users)


@given(
    n_items=st.integers(0, 12),
    n_users=st.integers(0, 12),
    dimensions=st.integers(0, 5),
    seen=st.integers(0, 15),
    seed=st.integers(0, 1000),
)
def test_what_is_dumped_is_loaded(
    *, tmp_path_factory: pytest.TempPathFactory, n_items: int, n_users: int, dimensions: int, seen: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("model")
    model = small_model(n_items, n_users, dimensions=dimensions, seen=seen, seed=seed)
    manifest = dump(model, folder)
    loaded = load(folder)
    assert_same(loaded, model)
    assert loaded.manifest == manifest
    assert sorted(manifest.files) == sorted(FILES)
    assert layout.is_version(manifest.model_version)
    assert manifest.model_version.startswith(layout.stamp(manifest.created_at))


@pytest.mark.parametrize(("n_items", "n_users", "dimensions"), [(1, 1, 4), (1, 0, 0), (5, 0, 4), (5, 3, 0), (0, 0, 0)])
def test_the_smallest_models(tmp_path: Path, n_items: int, n_users: int, dimensions: int) -> None:
    model = small_model(n_items, n_users, dimensions=dimensions)
    dump(model, tmp_path)
    assert_same(load(tmp_path), model)


def test_equal_content_has_an_equal_version_and_other_content_another(tmp_path: Path) -> None:
    first, again, other = (dump(small_model(seed=seed), tmp_path / str(n)) for n, seed in enumerate((1, 1, 2)))
    assert first.model_version == again.model_version != other.model_version


def test_arrays_are_mapped_not_read(tmp_path: Path) -> None:
    dump(small_model(), tmp_path)
    assert isinstance(load(tmp_path).arrays.item_factors, np.memmap)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dump(small_model(), tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"^{name} is missing"):
        load(folder)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"manifest\.json is missing"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named(folder: Path, name: str, keep: float) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ArtifactError, match=rf"{name} has \d+ bytes, the manifest says {len(content)}"):
        load(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0, 0.5, -1])
def test_an_altered_byte_is_noticed(folder: Path, name: str, where: float) -> None:
    content = bytearray((folder / name).read_bytes())
    content[where if isinstance(where, int) else int(len(content) * where)] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=f"{name} does not match its SHA-256"):
        load(folder)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((folder / layout.MANIFEST).read_bytes())
    change(document)
    (folder / layout.MANIFEST).write_text(json.dumps(document))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(trainer="another"),
        lambda m: m.update(snapshot_id=2),
        lambda m: m["metrics"]["candidate"].update({"ndcg@10": 0.99}),
        lambda m: m["verdict"].update(promoted=False),
        lambda m: m["files"]["items.parquet"].update(size=1),
        lambda m: m["files"].pop("items.parquet"),
        lambda m: m.update(model_version="20250601T120000Z-00000000"),
        lambda m: m.update(model_version=""),
    ],
)
def test_an_altered_manifest_is_noticed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    rewrite(folder, change)
    with pytest.raises(ArtifactError, match=r"manifest\.json: altered since it was sealed"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("trainer"), "trainer"),
        (lambda m: m.update(format_version=2), "format_version"),
        (lambda m: m.update(files={"../../etc/passwd": {"size": 1, "sha256": "0" * 64}}), "files"),
        (lambda m: m["files"]["items.parquet"].update(sha256="short"), "sha256"),
    ],
)
def test_a_manifest_that_is_none_is_named(
    folder: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    rewrite(folder, change)
    with pytest.raises(ArtifactError, match=rf"manifest\.json: .*{message}"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_manifest_that_is_no_json(folder: Path, content: bytes) -> None:
    (folder / layout.MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"^manifest\.json: document: "):
        load(folder)


def replace_sealed(folder: Path, name: str, content: bytes) -> None:
    """Put another file in place and seal the manifest anew, so that only the content itself can give it away."""
    (folder / name).write_bytes(content)
    manifest = Manifest.from_json((folder / layout.MANIFEST).read_bytes())
    entry = FileEntry(size=len(content), sha256=artifact._sha256(folder / name))
    sealed = manifest.model_copy(update={"files": {**manifest.files, name: entry}}).sealed()
    (folder / layout.MANIFEST).write_bytes(sealed.to_json())


def npy(array: np.ndarray[Any, Any], *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


class Bomb:
    exploded = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (setattr, (Bomb, "exploded", True))


@pytest.mark.parametrize("shape", [(30,), (0,)])
def test_a_pickled_array_is_refused_and_never_unpickled(folder: Path, shape: tuple[int]) -> None:
    bombs = np.full(shape, Bomb(), dtype=object)
    replace_sealed(folder, "item_biases.npy", npy(bombs, allow_pickle=True))
    with pytest.raises(ArtifactError, match="unreadable"):
        load(folder)
    assert not Bomb.exploded


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", b"PK\x03\x04 a zip", b"\x80\x04K\x01.", b"PAR1PAR1", b"x" * 200]
)
@pytest.mark.parametrize("name", ["item_factors.npy", "items.parquet"])
def test_a_file_of_another_kind_is_refused(folder: Path, name: str, content: bytes) -> None:
    replace_sealed(folder, name, content)
    with pytest.raises(ArtifactError, match="unreadable"):
        load(folder)


def test_an_array_shorter_than_its_header_says_is_refused(folder: Path) -> None:
    replace_sealed(folder, "item_biases.npy", npy(np.zeros(30, np.float32))[:-4])
    with pytest.raises(ArtifactError, match="unreadable"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("item_factors", np.zeros((30, 4), np.float64)),
        ("item_factors", np.zeros((30, 4), ">f4")),
        ("item_factors", np.zeros((29, 4), np.float32)),
        ("item_factors", np.zeros((30, 5), np.float32)),
        ("item_factors", np.zeros(30, np.float32)),
        ("item_factors", np.float32(1)),
        ("item_biases", np.zeros((30, 1), np.float32)),
        ("user_factors", np.zeros((8, 3), np.float32)),
        ("user_biases", np.zeros(9, np.float32)),
        ("seen_indptr", np.zeros(9, np.int32)),
        ("seen_indptr", np.zeros(8, np.int64)),
        ("seen_weights", np.zeros(3, np.float32)),
        ("item_popularity", np.zeros(31, np.float32)),
        ("item_trending", np.zeros(30, np.int64)),
    ],
)
def test_a_wrong_type_or_shape_is_named_on_both_ways(folder: Path, name: str, array: np.ndarray[Any, Any]) -> None:
    replace_sealed(folder, f"{name}.npy", npy(array))
    with pytest.raises(ArtifactError, match=r"\(.*\), expected "):
        load(folder)
    model = small_model()
    with pytest.raises(ArtifactError, match=r"\(.*\), expected "):
        dump(dataclasses.replace(model, arrays=dataclasses.replace(model.arrays, **{name: array})), folder / "new")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["item_factors", "user_biases", "item_popularity", "seen_weights"])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, name: str, value: float) -> None:
    array = getattr(small_model().arrays, name).copy()
    array.flat[-1] = value
    with pytest.raises(ArtifactError, match=f"{name} has values that are not finite"):
        dump(small_model(**{name: array}), tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seen_indptr": np.array([1, 1, 2], np.int64)}, "does not partition"),
        ({"seen_indptr": np.array([0, 1, 1], np.int64)}, "does not partition"),
        ({"seen_indptr": np.array([0, 3, 2], np.int64)}, "does not partition"),
        ({"seen_indices": np.array([0, 5], np.int32)}, "outside the items"),
        ({"seen_indices": np.array([-1, 1], np.int32)}, "outside the items"),
    ],
)
def test_histories_that_make_no_sense_are_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    history: dict[str, Any] = {
        "seen_indptr": np.array([0, 2, 2], np.int64),
        "seen_indices": np.array([0, 1], np.int32),
        "seen_weights": np.ones(2, np.float32),
    }
    dump(small_model(5, 2, **history), tmp_path)
    with pytest.raises(ArtifactError, match=message):
        dump(small_model(5, 2, **{**history, **changed}), tmp_path)


def test_tables_with_other_columns_are_refused(folder: Path) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"user_id": [str(n) for n in range(8)], "password": ["x"] * 8}), buffer)
    replace_sealed(folder, "users.parquet", buffer.getvalue())
    with pytest.raises(ArtifactError, match="other columns"):
        load(folder)


def test_a_manifest_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    model = small_model()
    manifest = model.manifest.model_copy(update={"metrics": {"candidate": {"auc": float("nan")}}})
    with pytest.raises(ArtifactError, match=r"manifest\.json: metrics\.candidate\.auc"):
        dump(dataclasses.replace(model, manifest=manifest), tmp_path)
    assert not (tmp_path / layout.MANIFEST).exists()
