"""Two builders at once on a real S3 server: one model is promoted, the other builder is told why its own is not."""

from __future__ import annotations

import threading

import pytest

from contracts import layout
from contracts.pointers import ModelPointer
from model_builder.build import Outcome, build
from model_builder.inputs import Served
from model_builder.publish import PublishError, promote
from model_builder.settings import ModelBuilderSettings
from runtime.event_table import EventTable
from runtime.object_store import ObjectStore
from showrunner.models import versions
from tests.integration.stores import s3_store
from tests.items import publish_items, some_items
from tests.model_builder.events import append, simulated


@pytest.fixture
def store() -> ObjectStore:
    return s3_store()


@pytest.mark.parametrize("first_model", [True, False], ids=["the first model", "a later one"])
def test_one_of_two_builders_wins(store: ObjectStore, table: EventTable, first_model: bool) -> None:
    settings = ModelBuilderSettings(epochs=10)
    publish_items(store, some_items(60))
    events = simulated(viewers=100, items=60, events=3_600)
    append(table, events[:3_000])
    if not first_model:
        build(store, table, settings)
        append(table, events[3_000:], first=3_000)
    before = versions(store)
    both_trained = threading.Barrier(2, timeout=60)
    outcomes: list[Outcome] = []
    errors: list[PublishError] = []

    def wait_for_the_other(stage: str, done: float) -> None:
        if (stage, done) == ("publish", 0.0):
            both_trained.wait()

    def one(seed: int) -> None:
        try:
            own = settings.model_copy(update={"seed": seed})
            outcomes.append(build(store, table, own, wait_for_the_other))
        except PublishError as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [outcome.status for outcome in outcomes] == ["promoted"]
    assert len(errors) == 1
    assert "models/current.json was moved by another builder while" in str(errors[0])
    winner = outcomes[0].manifest
    assert winner is not None
    pointer = ModelPointer.model_validate_json(store.get(layout.MODELS_CURRENT).data)
    assert pointer.champion == winner.model_version
    assert pointer.previous == (before[0] if before else None)
    # the loser's model is whole, and nobody is served it
    assert len(versions(store)) == len(before) + 2


def test_many_that_race_for_the_pointer_leave_one(store: ObjectStore) -> None:
    start, wins = threading.Barrier(8, timeout=30), []

    def one(number: int) -> None:
        start.wait()
        try:
            promote(store, f"20260101T00000{number}Z-aaaaaaaa", Served())
        except PublishError:
            return
        wins.append(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(wins) == 1
    pointer = ModelPointer.model_validate_json(store.get(layout.MODELS_CURRENT).data)
    assert pointer.champion == f"20260101T00000{wins[0]}Z-aaaaaaaa"
