from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from model_builder.holdout import hold_out
from model_builder.interactions import Interactions, interactions
from tests.model_builder.events import START, rows

ITEMS = pa.array(["a", "b", "c"])


def listed(data: Interactions) -> list[tuple[str, str, float]]:
    users = data.user_ids.to_pylist()
    items = ITEMS.to_pylist()
    triples = zip(data.users, data.item_rows, data.grades, strict=True)
    return [(users[u], items[i], float(g)) for u, i, g in triples]


def test_pairs_are_sorted_by_viewer_and_time() -> None:
    data = interactions(rows([("2", "a", 4.0), ("10", "c", 1.0), ("2", "b", 3.0)]), ITEMS)
    assert data.user_ids.to_pylist() == ["10", "2"]
    assert listed(data) == [("10", "c", 1.0), ("2", "a", 4.0), ("2", "b", 3.0)]
    assert data.items == 3


def test_the_latest_event_of_a_pair_counts() -> None:
    data = interactions(rows([("1", "a", 1.0), ("1", "a", 5.0)]), ITEMS)
    assert listed(data) == [("1", "a", 5.0)]


def test_late_by_occurrence_loses_whatever_its_arrival() -> None:
    early_last = rows([("1", "a", 5.0), ("1", "a", 1.0)], occurred_at=[START.replace(year=2027), START])
    assert listed(interactions(early_last, ITEMS)) == [("1", "a", 5.0)]


def test_of_equal_times_the_one_that_arrived_last_counts() -> None:
    assert listed(interactions(rows([("1", "a", 5.0), ("1", "a", 2.0)], occurred_at=[START, START]), ITEMS)) == [
        ("1", "a", 2.0)
    ]


def test_unknown_items_wait() -> None:
    data = interactions(rows([("1", "a", 4.0), ("1", "new", 4.0), ("2", "newer", 4.0)]), ITEMS)
    assert listed(data) == [("1", "a", 4.0)]
    assert data.waiting == 2


def test_rows_without_ids_are_passed_over() -> None:
    data = interactions(rows([("1", "a", 4.0), ("1", "b", 4.0)], user_id=["1", None]), ITEMS)
    assert listed(data) == [("1", "a", 4.0)]


def test_other_event_types_have_their_grades() -> None:
    table = rows(
        [("1", "a", 0.0), ("1", "b", 0.0), ("1", "c", 0.0)],
        event_type=["LIKE", "DISLIKE", "WATCH"],
        value=[None, None, 0.5],
    )
    assert listed(interactions(table, ITEMS)) == [("1", "a", 5.0), ("1", "b", 0.5), ("1", "c", 3.5)]


def test_no_events_are_no_interactions() -> None:
    data = interactions(rows([]), ITEMS)
    assert (len(data), len(data.user_ids), data.items) == (0, 0, 3)


triples = st.lists(
    st.tuples(st.sampled_from("12345"), st.sampled_from("abcx"), st.sampled_from([0.5, 2.0, 3.0, 4.5, 5.0])),
    max_size=40,
)


@given(triples)
def test_as_a_dictionary_would_keep_them(events: list[tuple[str, str, float]]) -> None:
    data = interactions(rows(events), ITEMS)
    assert sorted(listed(data)) == sorted(
        (user, item, stars) for (user, item), stars in {(u, i): s for u, i, s in events if i != "x"}.items()
    )


@given(triples, st.sampled_from([0.1, 0.2, 0.5]), st.integers(2, 6))
def test_the_hold_out_is_each_viewers_most_recent(
    events: list[tuple[str, str, float]], share: float, minimum: int
) -> None:
    data = interactions(rows(events), ITEMS)
    train, test = hold_out(data, share, minimum)
    assert len(train) + len(test) == len(data)
    for user in range(len(data.user_ids)):
        mine, held = (data.users == user).sum(), (test.users == user).sum()
        assert held == (max(int(mine * share), 1) if mine >= minimum else 0)
        if held:
            assert train.times[train.users == user].max(initial=-1) <= test.times[test.users == user].min()
    assert np.array_equal(np.sort(np.concatenate([train.times, test.times])), np.sort(data.times))
