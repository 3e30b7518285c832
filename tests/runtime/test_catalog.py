"""Publishing a catalogue and reading it back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import layout
from contracts.items import ITEM_SCHEMA, Item, MediaType, items_to_table
from runtime.catalog import (
    INGEST,
    CatalogError,
    Outcome,
    Publication,
    Rejected,
    content_sha256,
    current_run,
    publish_run,
    read_items,
    read_manifest,
)
from runtime.object_store import ObjectStore
from runtime.object_store_directory import DirectoryStore

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def item(item_id: str, title: str = "A title") -> Item:
    return Item(item_id=item_id, title=title, genres=("Drama",), added_at=NOW)


def publish(store: ObjectStore, *ids: str, source: str = "file", now: datetime = NOW, **more: object) -> Publication:
    return publish_run(store, [item(i) for i in ids], [], source=source, now=now, **more)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


def keys(store: ObjectStore) -> list[str]:
    return [info.key for info in store.list()]


def test_before_the_first_run_there_is_none(store: DirectoryStore) -> None:
    assert current_run(store) is None


def test_what_is_published_is_read(store: DirectoryStore) -> None:
    items = [
        Item(
            item_id="2",
            title="Ünïcode 😀",
            description="d",
            media_type=MediaType.SHOW,
            genres=("A", "B"),
            release_year=1999,
            cover_url="https://example.org/1.jpg",
            added_at=NOW,
        ),
        item("10"),
    ]
    rejected = [Rejected("line 3", "title: missing", {"item_id": "3", "odd": "\udcff"})]
    published = publish_run(store, items, rejected, source="file", now=NOW)
    assert published.outcome is Outcome.PUBLISHED
    assert keys(store) == [
        f"catalog/{published.run}/items.parquet",
        f"catalog/{published.run}/manifest.json",
        f"catalog/{published.run}/rejected.jsonl",
        "catalog/current.json",
    ]
    pointer = current_run(store)
    assert pointer is not None
    assert (pointer.run, pointer.source, pointer.updated_at) == (published.run, "file", NOW)
    assert read_items(store, pointer.run).equals(items_to_table(items))
    manifest = read_manifest(store, pointer.run)
    assert (manifest.items, manifest.rejected, manifest.source) == (2, 1, "file")
    (line,) = store.get(layout.catalog_rejected(pointer.run)).data.decode().splitlines()
    assert json.loads(line) == {
        "position": "line 3",
        "reason": "title: missing",
        "entry": {"item_id": "3", "odd": "\udcff"},
    }


def test_nothing_is_written_when_nothing_changed(store: DirectoryStore) -> None:
    first = publish(store, "1", "2")
    before = list(store.list())
    again = publish(store, "2", "1", now=NOW + timedelta(days=1))
    assert again == Publication(Outcome.UNCHANGED, first.run)
    assert list(store.list()) == before


def test_a_change_is_a_new_run_and_the_old_one_stays(store: DirectoryStore) -> None:
    first = publish(store, "1", "2")
    second = publish(store, "1", "3", now=NOW + timedelta(minutes=2))
    assert second.outcome is Outcome.PUBLISHED
    assert first.run < second.run
    assert read_items(store, first.run)["item_id"].to_pylist() == ["1", "2"]
    assert read_items(store, second.run)["item_id"].to_pylist() == ["1", "3"]
    pointer = current_run(store)
    assert pointer is not None
    assert pointer.run == second.run


def test_the_same_items_from_a_person_become_an_ingested_catalogue(store: DirectoryStore) -> None:
    publish(store, "1")
    assert publish(store, "1", source=INGEST).outcome is Outcome.PUBLISHED
    pointer = current_run(store)
    assert pointer is not None
    assert pointer.source == INGEST


def test_a_protected_catalogue_is_kept(store: DirectoryStore) -> None:
    ingested = publish(store, "1", source=INGEST)
    before = list(store.list())
    kept = publish(store, "2", "3", source="synthetic", protected={INGEST})
    assert kept == Publication(Outcome.KEPT, ingested.run)
    assert list(store.list()) == before
    assert publish(store, "2", "3", source="file").outcome is Outcome.PUBLISHED


@pytest.mark.parametrize("rejected", [[], [Rejected("line 2", "title: is empty", {})]])
def test_an_empty_catalogue_is_not_published(store: DirectoryStore, rejected: list[Rejected]) -> None:
    publish(store, "1")
    before = list(store.list())
    with pytest.raises(CatalogError, match="'file' gave no valid item") as caught:
        publish_run(store, [], rejected, source="file", now=NOW)
    assert ("line 2: title: is empty" in str(caught.value)) == bool(rejected)
    assert list(store.list()) == before


def test_a_catalogue_does_not_shrink_by_accident(store: DirectoryStore) -> None:
    publish(store, *map(str, range(10)))
    before = list(store.list())
    with pytest.raises(CatalogError, match=r"from 10 items to 4, by more than 50%.*EXPORTER_ALLOW_SHRINK=true"):
        publish(store, *map(str, range(4)), max_shrink=0.5)
    assert list(store.list()) == before
    assert publish(store, *map(str, range(5)), max_shrink=0.5).outcome is Outcome.PUBLISHED
    assert publish(store, "1").outcome is Outcome.PUBLISHED


def test_a_damaged_run_can_be_replaced(store: DirectoryStore) -> None:
    store.delete(layout.catalog_manifest(publish(store, "1", "2", "3").run))
    assert publish(store, "1", max_shrink=0.5).outcome is Outcome.PUBLISHED


class OvertakenStore(DirectoryStore):
    """Another exporter publishes just before our pointer is moved."""

    def put(self, key: str, data: bytes | Path, *, if_match: str | None = None, if_absent: bool = False) -> str:
        if key == layout.CATALOG_CURRENT:
            publish(DirectoryStore(self._root), "other", now=NOW - timedelta(minutes=1))
        return super().put(key, data, if_match=if_match, if_absent=if_absent)


@pytest.mark.parametrize("earlier", [True, False])
def test_of_two_at_the_same_time_the_first_stays(tmp_path: Path, earlier: bool) -> None:
    store = OvertakenStore(tmp_path)
    if earlier:
        publish(DirectoryStore(tmp_path), "earlier", now=NOW - timedelta(minutes=5))
    with pytest.raises(CatalogError, match="at the same time"):
        publish(store, "ours")
    pointer = current_run(store)
    assert pointer is not None
    assert read_items(store, pointer.run)["item_id"].to_pylist() == ["other"]


class TestReading:
    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"run": "x"}', b"\xff"])
    def test_an_unreadable_pointer_is_named(self, store: DirectoryStore, data: bytes) -> None:
        store.put(layout.CATALOG_CURRENT, data)
        with pytest.raises(CatalogError, match=r"catalog/current.json: .*repair or delete it"):
            current_run(store)
        with pytest.raises(CatalogError, match=r"catalog/current.json"):
            publish(store, "1")

    def test_a_run_that_could_not_be_one_is_refused(self, store: DirectoryStore) -> None:
        with pytest.raises(CatalogError, match="cannot be the name of a run"):
            read_items(store, "../../etc")

    @pytest.mark.parametrize("name", ["items.parquet", "manifest.json"])
    def test_a_missing_object_is_named(self, store: DirectoryStore, name: str) -> None:
        run = publish(store, "1").run
        store.delete(f"catalog/{run}/{name}")
        with pytest.raises(CatalogError, match=f"{name} is missing"):
            read_items(store, run)

    @pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:0], lambda data: data[:-1] + b"x"])
    def test_altered_items_are_refused(self, store: DirectoryStore, damage: object) -> None:
        run = publish(store, "1").run
        key = layout.catalog_items(run)
        store.put(key, damage(store.get(key).data))  # type: ignore[operator]
        with pytest.raises(CatalogError, match="does not match its SHA-256"):
            read_items(store, run)

    def test_another_runs_manifest_is_refused(self, store: DirectoryStore) -> None:
        one, two = publish(store, "1").run, publish(store, "2").run
        store.put(layout.catalog_manifest(one), store.get(layout.catalog_manifest(two)).data)
        with pytest.raises(CatalogError, match="manifest of another run"):
            read_items(store, one)

    @pytest.mark.parametrize("data", [b"no parquet", None])
    def test_items_that_are_no_items_are_refused(self, store: DirectoryStore, tmp_path: Path, data: bytes) -> None:
        import hashlib

        import pyarrow.parquet as pq

        if data is None:
            pq.write_table(pa.table({"other": [1]}), tmp_path / "t")
            data = (tmp_path / "t").read_bytes()
        run = publish(store, "1").run
        digest = hashlib.sha256(data).hexdigest()
        manifest = read_manifest(store, run).model_copy(update={"files": {"items.parquet": digest}})
        store.put(layout.catalog_items(run), data)
        store.put(layout.catalog_manifest(run), manifest.model_dump_json().encode())
        with pytest.raises(CatalogError, match=r"unreadable|other columns"):
            read_items(store, run)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(ids=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), min_size=1, unique=True))
def test_any_ids_come_back(tmp_path_factory: pytest.TempPathFactory, ids: list[str]) -> None:
    store = DirectoryStore(tmp_path_factory.mktemp("store"))
    items = [Item.model_construct(**{**item("x").__dict__, "item_id": i}) for i in ids]
    table = read_items(store, publish_run(store, items, [], source="file", now=NOW).run)
    assert table.schema.equals(ITEM_SCHEMA)
    assert table["item_id"].to_pylist() == ids


@given(order=st.permutations([item("1"), item("2", "b"), item("10", "c")]))
def test_the_content_hash_does_not_depend_on_order(order: list[Item]) -> None:
    assert content_sha256(order) == content_sha256([item("10", "c"), item("2", "b"), item("1")])
    assert content_sha256(order) != content_sha256(order[1:])
