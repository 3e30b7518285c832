from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from contracts import layout
from contracts.artifact import ARRAY_NAMES, Manifest, Model, load
from contracts.pointers import ModelPointer
from model_builder.build import Outcome, build
from model_builder.gate import decide
from model_builder.inputs import Served, read_served
from model_builder.publish import PublishError, promote
from model_builder.settings import ModelBuilderSettings
from runtime.event_table import EventTable
from runtime.object_store import ObjectStore, StoreUnavailableError
from runtime.object_stores import open_store
from showrunner.data_dir import DataDir
from tests.conftest import event_table
from tests.items import publish_items, some_items
from tests.model_builder.events import append, simulated

QUICK = ModelBuilderSettings(epochs=5, components=8, max_sampled=10)


@pytest.fixture
def store(data_dir: DataDir) -> ObjectStore:
    return open_store(data_dir.settings()[0])


def published(store: ObjectStore, tmp_path: Path) -> Model:
    """The served model, downloaded and verified."""
    pointer = ModelPointer.model_validate_json(store.get(layout.MODELS_CURRENT).data)
    manifest = Manifest.from_json(store.get(layout.model_manifest(pointer.champion)).data)
    folder = tmp_path / pointer.champion
    for name in (*manifest.files, layout.MANIFEST):
        store.download(layout.model_file(pointer.champion, name), folder / name)
    return load(folder)


def test_events_become_a_served_model(store: ObjectStore, table: EventTable, tmp_path: Path) -> None:
    run = publish_items(store, some_items(120))
    events = simulated(viewers=150, items=120, events=6_000)
    append(table, events)
    outcome = build(store, table, ModelBuilderSettings(epochs=10))
    assert outcome.status == "promoted"
    model = published(store, tmp_path)
    manifest = model.manifest
    assert manifest.model_version == outcome.manifest.model_version if outcome.manifest else False
    assert (manifest.trainer, manifest.catalog_run, manifest.replaces) == ("lightfm", run, None)
    assert manifest.metrics["candidate"]["ndcg@10"] > manifest.metrics["popularity"]["ndcg@10"]
    assert set(manifest.metrics["candidate"]) >= {"precision@10", "recall@10", "ndcg@10", "auc", "coverage@10"}
    assert manifest.counts["events"] == 6_000
    assert [entry.next_offset for entry in manifest.watermark] == [6_000]
    assert manifest.snapshot_id is not None
    # the histories are the viewers' own
    users = model.users["user_id"].to_pylist()
    row = users.index("7")
    seen = model.arrays.seen_indices[model.arrays.seen_indptr[row] : model.arrays.seen_indptr[row + 1]]
    assert {model.items["item_id"][int(item)].as_py() for item in seen} == {
        item for user, item, _ in events if user == "7"
    }


def test_the_same_data_and_seed_give_the_same_model(data_dir: DataDir, tmp_path: Path) -> None:
    models = []
    events = simulated(viewers=40, items=50, events=1_000)
    for name in ("one", "two"):
        own = DataDir.create(tmp_path / name)
        store = open_store(own.settings()[0])
        publish_items(store, some_items(50))
        with event_table(own) as table:
            append(table, events)
            build(store, table, QUICK)
        models.append(published(store, tmp_path / "download" / name))
    for name in ARRAY_NAMES:
        assert np.array_equal(getattr(models[0].arrays, name), getattr(models[1].arrays, name)), name


def test_nothing_new_publishes_nothing(store: ObjectStore, table: EventTable) -> None:
    publish_items(store, some_items(30))
    append(table, simulated(viewers=20, items=30, events=400))
    build(store, table, QUICK)
    before = [info.key for info in store.list()]
    assert build(store, table, QUICK).status == "nothing_new"
    assert [info.key for info in store.list()] == before


def test_new_events_and_new_items_make_a_new_model(store: ObjectStore, table: EventTable, tmp_path: Path) -> None:
    publish_items(store, some_items(30))
    events = simulated(viewers=20, items=30, events=400)
    append(table, events)
    first = build(store, table, QUICK)
    append(table, [("new viewer", "1", 5.0), ("1", "31", 5.0)], first=400)
    second = build(store, table, QUICK)
    assert second.manifest is not None
    assert first.manifest is not None
    assert second.manifest.counts["waiting_events"] == 1
    if second.status == "promoted":
        assert second.manifest.replaces == first.manifest.model_version
    # the event of an item that was unknown has waited for it
    publish_items(store, some_items(31))
    third = build(store, table, QUICK)
    assert third.manifest is not None
    assert third.manifest.counts["waiting_events"] == 0


@pytest.mark.parametrize(
    ("items", "events", "reason"),
    [
        (0, [("1", "1", 4.0)], "no catalogue"),
        (3, [], "no events"),
        (3, [("1", "unknown", 4.0)], "none of the 1 events is of an item in the catalogue"),
    ],
)
def test_with_nothing_to_learn_it_waits(
    store: ObjectStore, table: EventTable, items: int, events: list[tuple[str, str, float]], reason: str
) -> None:
    if items:
        publish_items(store, some_items(items))
    if events:
        append(table, events)
    outcome = build(store, table, QUICK)
    assert outcome.status == "waiting"
    assert reason in outcome.reason
    assert store.head(layout.MODELS_CURRENT) is None


@pytest.mark.parametrize(
    ("items", "events"),
    [
        (1, [("1", "1", 5.0)]),
        (1, [("1", "1", 0.5)]),
        (20, [("1", str(n), 4.0) for n in range(1, 21)]),
        (1, [(str(n), "1", 4.0) for n in range(30)]),
    ],
    ids=["one viewer, one item", "one dislike", "one viewer has seen everything", "one item"],
)
def test_the_smallest_worlds_are_served_by_popularity(
    store: ObjectStore, table: EventTable, tmp_path: Path, items: int, events: list[tuple[str, str, float]]
) -> None:
    publish_items(store, some_items(items))
    append(table, events)
    outcome = build(store, table, QUICK)
    assert outcome.status == "promoted"
    model = published(store, tmp_path)
    assert model.manifest.trainer == "popularity"
    assert model.arrays.item_factors.shape == (items, 0)


class Broken:
    """A store that fails at the n-th put."""

    def __init__(self, store: ObjectStore, puts: int) -> None:
        self._store, self._puts = store, puts

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def put(self, key: str, data: bytes | Path, **conditions: object) -> str:
        if self._puts == 0:
            raise StoreUnavailableError("the store went away")
        self._puts -= 1
        return self._store.put(key, data, **conditions)  # type: ignore[arg-type]


@pytest.mark.parametrize("puts", [0, 1, 6, 11, 12])
def test_a_store_that_fails_leaves_the_old_model(store: ObjectStore, table: EventTable, puts: int) -> None:
    publish_items(store, some_items(30))
    events = simulated(viewers=20, items=30, events=400)
    append(table, events)
    build(store, table, QUICK)
    before = store.get(layout.MODELS_CURRENT)
    # enough good events for the next candidate to be promoted as well
    append(table, simulated(viewers=20, items=30, events=200, seed=5), first=400)
    with pytest.raises(StoreUnavailableError):
        build(Broken(store, puts), table, QUICK)  # type: ignore[arg-type]
    assert store.get(layout.MODELS_CURRENT) == before
    assert build(store, table, QUICK).status in ("promoted", "refused")


def test_a_pointer_that_moved_meanwhile_is_left_alone(store: ObjectStore, table: EventTable) -> None:
    publish_items(store, some_items(30))
    append(table, simulated(viewers=20, items=30, events=400))
    build(store, table, QUICK)
    stale = read_served(store)
    promote(store, layout.version(datetime.now(UTC), "aaaaaaaa"), stale)
    with pytest.raises(PublishError, match="moved by another builder"):
        promote(store, layout.version(datetime.now(UTC), "bbbbbbbb"), stale)
    with pytest.raises(PublishError, match="moved by another builder"):
        promote(store, layout.version(datetime.now(UTC), "cccccccc"), Served())


@pytest.mark.parametrize(
    "pointer",
    [
        b"no json",
        b"{}",
        b'{"champion": "zzz", "updated_at": "2026-01-01T00:00:00Z"}',
        b'{"champion": "20260101T000000Z-00000000", "updated_at": "2026-01-01T00:00:00Z"}',
    ],
    ids=["no JSON", "no fields", "no version", "a version that is not there"],
)
def test_a_damaged_pointer_is_repaired_by_the_next_model(
    store: ObjectStore, table: EventTable, tmp_path: Path, pointer: bytes
) -> None:
    publish_items(store, some_items(30))
    append(table, simulated(viewers=20, items=30, events=400))
    store.put(layout.MODELS_CURRENT, pointer)
    outcome = build(store, table, QUICK)
    assert outcome.status == "promoted"
    assert published(store, tmp_path).manifest == outcome.manifest


def manifest_of(outcome: Outcome, trainer: str) -> Manifest:
    assert outcome.manifest is not None
    return outcome.manifest.model_copy(update={"trainer": trainer})


def test_the_gate(store: ObjectStore, table: EventTable) -> None:
    publish_items(store, some_items(5))
    append(table, [("1", "1", 5.0)])
    some = build(store, table, QUICK)
    good, bad = {"ndcg@10": 0.3}, {"ndcg@10": 0.1}
    assert decide(good, bad, None).winner == "candidate"
    assert decide(bad, good, None).winner == "popularity"
    assert decide(bad, bad, None).winner == "popularity"
    assert decide({}, {}, None).winner == "popularity"
    assert decide(bad, good, manifest_of(some, "popularity")).winner == "popularity"
    refused = decide(bad, good, manifest_of(some, "lightfm"))
    assert refused.winner == "champion"
    assert refused.reason == "ndcg@10 0.1000 does not beat popularity's 0.3000"
