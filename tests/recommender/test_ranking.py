from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recommender.ranking import Scores, first_rows, top_rows

few_values = st.sampled_from([-1.5, 0.0, 0.25, 3.0])  # so that equal scores are common


@given(
    scores=arrays(np.float32, st.integers(0, 40), elements=few_values | st.floats(-(2.0**99), 2.0**99, width=32)),
    count=st.integers(0, 50),
    data=st.data(),
)
def test_top_rows_are_those_of_a_full_stable_sort(scores: Scores, count: int, data: st.DataObject) -> None:
    excluded = data.draw(st.lists(st.integers(0, scores.size - 1)) if scores.size else st.just([]))
    expected = [row for row in np.argsort(-scores, kind="stable") if row not in excluded][:count]
    found = top_rows(scores.copy(), count, np.array(excluded, np.int32))
    assert found.tolist() == expected
    assert found.dtype == np.int32


@given(order=st.permutations(range(12)), count=st.integers(0, 15), excluded=st.lists(st.integers(0, 11)))
def test_first_rows_keep_the_order(order: list[int], count: int, excluded: list[int]) -> None:
    found = first_rows(np.array(order, np.int32), count, np.array(excluded, np.int32))
    assert found.tolist() == [row for row in order if row not in excluded][:count]
