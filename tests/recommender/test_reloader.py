from __future__ import annotations

import logging
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from contracts import layout
from recommender.current_model import CurrentModel
from recommender.metrics import Metrics
from recommender.model_cache import ModelCache
from recommender.reloader import Outcome, Reloader
from runtime.object_store import ObjectInfo, StoreUnavailableError
from runtime.object_store_directory import DirectoryStore
from runtime.process import Stop
from tests.recommender.models import point_at, publish, small_model

NOWHERE = layout.version(small_model().manifest.created_at, "f" * 8)


class FlakyStore(DirectoryStore):
    available = True
    bug: Exception | None = None

    def head(self, key: str) -> ObjectInfo | None:
        if self.bug:
            raise self.bug
        if not self.available:
            raise StoreUnavailableError("the store is away")
        return super().head(key)


class House:
    """A reloader with everything around it, and a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.registry = CollectorRegistry()
        self.store = FlakyStore(folder / "store")
        self.current = CurrentModel()
        self.cache_folder = folder / "cache"
        cache = ModelCache(self.store, self.cache_folder)
        metrics = Metrics(self.registry)
        self.reloader = Reloader(self.store, cache, self.current, metrics, poll_seconds=2, clock=lambda: self.now)

    def poll(self) -> Outcome:
        return self.reloader.poll()

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"recommender_{name}", labels)

    @property
    def failures(self) -> float | None:
        return self.metric("model_reload_failures_total")

    @property
    def version(self) -> str | None:
        return self.current.model.version if self.current.model else None


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_without_a_pointer_it_waits(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert [house.poll(), house.poll()] == [Outcome.NOT_PUBLISHED] * 2
    assert house.current.why_none == "No model has been published yet."
    assert house.failures == 0
    assert [record.getMessage() for record in caplog.records] == ["waiting for the first model"]


def test_the_published_model_is_loaded_once(house: House) -> None:
    version = publish(house.store, small_model())
    assert [house.poll(), house.poll()] == [Outcome.LOADED, Outcome.UNCHANGED]
    assert house.version == version
    assert house.metric("model_info", model_version=version) == 1
    assert house.metric("reloads_total") == 1
    assert house.metric("model_loaded_timestamp_seconds")
    assert (house.metric("model_age_seconds") or 0) > 0


def test_a_new_model_replaces_it_and_a_rollback_brings_it_back(house: House) -> None:
    first = publish(house.store, small_model(seed=1))
    house.poll()
    taken = house.current.take()
    second = publish(house.store, small_model(seed=2))
    assert house.poll() == Outcome.LOADED
    assert (house.version, taken.version) == (second, first)
    assert house.metric("model_info", model_version=first) is None
    point_at(house.store, first)
    assert house.poll() == Outcome.LOADED
    assert house.version == first


def test_only_the_current_and_the_previous_model_are_kept(house: House) -> None:
    versions = []
    for seed in range(4):
        versions.append(publish(house.store, small_model(seed=seed)))
        house.poll()
    assert sorted(path.name for path in house.cache_folder.iterdir()) == sorted(versions[-2:])


def test_a_pointer_that_moves_for_other_reasons_loads_nothing(house: House) -> None:
    version = publish(house.store, small_model())
    house.poll()
    point_at(house.store, version)
    assert house.poll() == Outcome.UNCHANGED
    assert house.metric("reloads_total") == 1


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize(
    ("pointer", "message"),
    [
        (b"", "models/current.json: document: Invalid JSON"),
        (b"{", "models/current.json: document: Invalid JSON"),
        (b"[]", "models/current.json: document: "),
        (b"{}", "models/current.json: champion: Field required"),
        (b'{"champion": 7, "updated_at": "2025-06-01T00:00:00Z"}', "models/current.json: champion: "),
        (
            b'{"champion": "../x", "updated_at": "2025-06-01T00:00:00Z"}',
            "models/current.json: champion is not a model_",
        ),
        (
            f'{{"champion": "{NOWHERE}", "updated_at": "2025-06-01T00:00:00Z"}}'.encode(),
            f"model {NOWHERE}: the store does not have all of it",
        ),
    ],
)
def test_a_bad_pointer_keeps_the_old_model(
    house: House, caplog: pytest.LogCaptureFixture, pointer: bytes, message: str, served: bool
) -> None:
    old = publish(house.store, small_model()) if served else None
    house.poll()
    house.store.put(layout.MODELS_CURRENT, pointer)
    assert house.poll() == Outcome.FAILED
    assert house.version == old
    assert house.failures == 1
    assert len(errors(caplog)) == 1
    assert message in errors(caplog)[0]
    assert not any(record.exc_info for record in caplog.records)
    if not served:
        assert house.current.why_none.startswith("The published model could not be loaded")
    new = publish(house.store, small_model(seed=1))
    assert house.poll() == Outcome.LOADED
    assert house.version == new


@pytest.mark.parametrize("name", ["item_factors.npy", "seen_indptr.npy", "items.parquet", "manifest.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
def test_a_damaged_model_keeps_the_old_one(
    house: House, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    old = publish(house.store, small_model())
    house.poll()
    bad = publish(house.store, small_model(seed=1), without=name if damage == "missing" else None)
    key = layout.model_file(bad, name)
    if damage != "missing":
        content = house.store.get(key).data
        middle = len(content) // 2
        altered = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        house.store.put(key, altered if damage == "altered" else content[:middle])
    assert house.poll() == Outcome.FAILED
    assert house.version == old
    assert name in errors(caplog)[0]
    assert bad in errors(caplog)[0]


def test_a_pointer_that_is_gone_keeps_the_model_and_is_a_failure(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    old = publish(house.store, small_model())
    house.poll()
    house.store.delete(layout.MODELS_CURRENT)
    assert [house.poll(), house.poll()] == [Outcome.FAILED] * 2
    assert house.version == old
    assert house.failures == 2
    assert errors(caplog) == ["reload failed: models/current.json is gone"]


def test_it_retries_ever_less_often_and_logs_once_per_pointer(house: House, caplog: pytest.LogCaptureFixture) -> None:
    point_at(house.store, NOWHERE)
    outcomes = []
    for second in range(0, 40, 2):
        house.now = second
        outcomes.append(house.poll())
    tried_at = [2 * n for n, outcome in enumerate(outcomes) if outcome == Outcome.FAILED]
    assert tried_at == [0, 4, 12, 28]
    assert set(outcomes) == {Outcome.FAILED, Outcome.BACKING_OFF}
    assert house.failures == 4
    assert len(errors(caplog)) == 1
    # a pointer put anew is tried at once, and its failure told
    point_at(house.store, NOWHERE)
    assert house.poll() == Outcome.FAILED
    assert len(errors(caplog)) == 2


def test_a_model_that_becomes_whole_is_served_without_a_new_pointer(house: House) -> None:
    version = publish(house.store, small_model(), without="users.parquet")
    assert house.poll() == Outcome.FAILED
    publish_rest = House(house.cache_folder.parent / "other")
    assert publish(publish_rest.store, small_model()) == version
    key = layout.model_file(version, "users.parquet")
    house.store.put(key, publish_rest.store.get(key).data)
    house.now = 100
    assert house.poll() == Outcome.LOADED


def test_a_store_that_is_away_is_logged_once_and_comes_back(house: House, caplog: pytest.LogCaptureFixture) -> None:
    old = publish(house.store, small_model())
    house.poll()
    house.store.available = False
    assert [house.poll(), house.poll()] == [Outcome.FAILED] * 2
    assert errors(caplog) == ["reload failed: the store is away"]
    assert house.current.trouble == "the store is away"
    assert house.metric("stale") == 1
    checked = house.current.checked_at
    house.store.available = True
    assert house.poll() == Outcome.UNCHANGED
    assert house.version == old
    assert house.current.trouble is None
    assert house.metric("stale") == 0
    assert checked is not None
    assert house.current.checked_at is not None
    assert house.current.checked_at > checked
    house.store.available = False
    house.poll()
    assert len(errors(caplog)) == 2


def test_a_bug_does_not_end_it_and_shows_its_traceback(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.store.bug = RuntimeError("a bug")
    assert house.poll() == Outcome.FAILED
    assert caplog.records[-1].exc_info
    house.store.bug = None
    publish(house.store, small_model())
    assert house.poll() == Outcome.LOADED


def test_the_thread_follows_and_stops(tmp_path: Path) -> None:
    house = House(tmp_path)
    metrics = Metrics(CollectorRegistry())
    reloader = Reloader(house.store, ModelCache(house.store, tmp_path / "c"), house.current, metrics, poll_seconds=0.05)
    stop = Stop()
    thread = reloader.start(stop)
    version = publish(house.store, small_model())
    for _ in range(100):
        if house.version:
            break
        stop.wait(0.05)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert house.version == version
