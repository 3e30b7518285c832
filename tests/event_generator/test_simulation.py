from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.world import GENRES, World
from event_generator.simulation import Rated, Simulation


def simulation(viewers: int = 20, items: int = 30, arrivals: float = 0.0, sequence_seed: int = 1) -> Simulation:
    one = Simulation(World(7), viewers, arrivals, sequence_seed)
    one.set_items(*catalogue(items))
    return one


def catalogue(items: int, first: int = 1) -> tuple[list[str], list[list[str]]]:
    numbers = range(first, first + items)
    return [str(n) for n in numbers], [[GENRES[n % len(GENRES)], GENRES[n * 7 % len(GENRES)]] for n in numbers]


def pairs(rated: Rated) -> list[tuple[str, str]]:
    return list(zip(rated.user_ids, rated.item_ids, strict=True))


def test_the_same_seeds_give_the_same_sequence() -> None:
    one, two = simulation().rate(200), simulation().rate(200)
    assert pairs(one) == pairs(two)
    assert (one.stars == two.stars).all()
    assert pairs(simulation(sequence_seed=2).rate(200)) != pairs(one)


@given(batches=st.lists(st.integers(0, 40), max_size=8), items=st.integers(1, 12), viewers=st.integers(1, 6))
def test_nobody_watches_twice_before_having_seen_everything(batches: list[int], items: int, viewers: int) -> None:
    one = simulation(viewers, items)
    watched = [pair for size in batches for pair in pairs(one.rate(size))]
    assert len(watched) == sum(batches)
    for user_id in {user for user, _ in watched}:
        theirs = [item for user, item in watched if user == user_id]
        if len(theirs) <= items:
            # a batch in which a viewer has too few items left starts them again, never earlier
            repeats = len(theirs) - len(set(theirs))
            assert repeats == 0 or len(theirs) + max(batches) > items


def test_every_pair_once_over_a_whole_catalogue() -> None:
    one = simulation(viewers=1, items=25)
    assert sorted(pairs(one.rate(25)), key=lambda p: int(p[1])) == [("1", str(n)) for n in range(1, 26)]
    assert len(pairs(one.rate(10))) == 10


def test_ratings_are_half_stars_in_range() -> None:
    stars = simulation().rate(400).stars
    assert ((stars * 2) % 1 == 0).all()
    assert stars.min() >= 0.5
    assert stars.max() <= 5.0


def test_new_viewers_arrive_with_a_first_rating() -> None:
    one = simulation(viewers=5, arrivals=0.1)
    rated = one.rate(400)
    assert one.viewers > 20
    assert {str(n) for n in range(6, one.viewers + 1)} <= set(rated.user_ids)


def test_activity_differs_between_viewers() -> None:
    rated = simulation(viewers=50, items=2_000).rate(2_000)
    counts = np.unique(rated.user_ids, return_counts=True)[1]
    assert counts.max() > 4 * np.median(counts)


def test_a_new_catalogue_keeps_what_was_seen_of_the_old() -> None:
    one = simulation(viewers=1, items=10)
    seen = {item for _, item in pairs(one.rate(6))}
    one.set_items(*catalogue(10, first=3))
    unseen = 10 - len(seen & {str(n) for n in range(3, 13)})
    rest = [item for _, item in pairs(one.rate(unseen))]
    assert len(rest) == len(set(rest))
    assert not seen & set(rest)


def test_a_resumed_simulation_knows_who_came_and_what_they_saw() -> None:
    first = simulation(viewers=3, items=40, arrivals=0.1)
    before = first.rate(60)
    second = simulation(viewers=3, items=40, sequence_seed=9)
    second.resume(pa.chunked_array([before.user_ids]), pa.chunked_array([[*before.item_ids[:-1], "gone"]]))
    assert second.viewers == max(int(user) for user in before.user_ids)
    known = set(pairs(before)[:-1])
    seen_by_one = len({pair for pair in known if pair[0] == "1"})
    assert 0 < seen_by_one < 20
    after = pairs(second.rate(30))
    repeated = {pair for pair in after if pair in known}
    exhausted = {user for user, _ in after if sum(pair[0] == user for pair in [*known, *after]) > 40}
    assert {user for user, _ in repeated} <= exhausted


def test_resuming_on_nothing_changes_nothing() -> None:
    one = simulation(viewers=3)
    one.resume(pa.chunked_array([[]], pa.string()), pa.chunked_array([[]], pa.string()))
    assert one.viewers == 3


@pytest.mark.parametrize("user_id", ["0", "someone"])
def test_viewers_of_another_world_are_refused(user_id: str) -> None:
    with pytest.raises(ValueError, match=r"not of this world|Failed to parse"):
        simulation().resume(pa.chunked_array([[user_id]]), pa.chunked_array([["1"]]))


def test_without_items_there_is_nothing_to_rate() -> None:
    one = Simulation(World(7), 3, 0.0)
    with pytest.raises(ValueError, match="no items"):
        one.rate(1)
