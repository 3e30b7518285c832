"""Grades: what an event says about taste."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import VALUE_RANGE, EventType
from contracts.preference import EVENT_TYPES, LIKED_GRADE, MAX_GRADE, POSITIVE_GRADE, grades, positive_weights


def grade(event_type: EventType, value: float | None = None) -> float:
    codes = np.array([EVENT_TYPES.index(event_type)], dtype=np.int8)
    return float(grades(codes, np.array([np.nan if value is None else value]))[0])


@pytest.mark.parametrize(
    ("event_type", "value", "expected"),
    [
        (EventType.RATING, 0.5, 0.5),
        (EventType.RATING, 3.5, 3.5),
        (EventType.RATING, 5.0, 5.0),
        (EventType.LIKE, None, 5.0),
        (EventType.DISLIKE, None, 0.5),
        (EventType.CLICK, None, 3.5),
        (EventType.WATCH, 0.0, 2.0),
        (EventType.WATCH, 0.5, 3.5),
        (EventType.WATCH, 1.0, 5.0),
    ],
)
def test_each_type_has_its_grade(event_type: EventType, value: float | None, expected: float) -> None:
    assert grade(event_type, value) == expected


def test_a_low_rating_is_not_a_positive() -> None:
    assert (
        grade(EventType.RATING, 1.0) < POSITIVE_GRADE <= grade(EventType.CLICK) < LIKED_GRADE <= grade(EventType.LIKE)
    )


@given(st.lists(st.tuples(st.sampled_from(EventType), st.floats(0, 1)), max_size=20))
def test_grades_are_ratings_and_one_event_does_not_touch_another(events: list[tuple[EventType, float]]) -> None:
    values = []
    for event_type, share in events:
        low, high = VALUE_RANGE.get(event_type, (np.nan, np.nan))
        values.append(low + share * (high - low))
    codes = np.array([EVENT_TYPES.index(event_type) for event_type, _ in events], dtype=np.int64)
    together = grades(codes, np.array(values, dtype=np.float64))
    assert together.dtype == np.float32
    assert together.shape == (len(events),)
    assert ((together >= 0.5) & (together <= MAX_GRADE)).all()
    alone = [grade(event_type, value) for (event_type, _), value in zip(events, values, strict=True)]
    assert together.tolist() == alone


def test_weights_grow_from_the_first_positive_grade() -> None:
    scale = np.arange(0.5, 5.5, 0.5, dtype=np.float32)
    weights = positive_weights(scale)
    assert weights.dtype == np.float32
    assert (weights[scale < POSITIVE_GRADE] == 0).all()
    np.testing.assert_allclose(weights[scale >= POSITIVE_GRADE], [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-6)
