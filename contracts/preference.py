"""What an event says about taste, as one number: the builder trains on it, the recommender folds it in."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from contracts.events import EventType

EVENT_TYPES: Final = tuple(EventType)
"""Order of the codes that `grades` takes: `EVENT_TYPES.index(t)`."""

POSITIVE_GRADE: Final = 3.0
"""From this grade on an event speaks for the item; what is below speaks against it."""

LIKED_GRADE: Final = 4.0
"""From this grade on the item is what a viewer would thank us for: what evaluation counts as relevant."""

MAX_GRADE: Final = 5.0

_CODE: Final = {event_type: code for code, event_type in enumerate(EVENT_TYPES)}


def grades(codes: npt.NDArray[np.integer], values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Grade of each event on the scale of ratings, 0.5 (rejected) to 5 (loved).

    A RATING is its own grade. LIKE counts as 5, DISLIKE as 0.5, a CLICK as 3.5 (interest, not yet taste), and a
    WATCH grows from 2 (left at once) to 5 (watched to its end).

    Args:
        codes: (n,) positions in EVENT_TYPES.
        values: (n,) the events' values, NaN where they carry none.

    Returns:
        (n,) float32.
    """
    grade = np.select(
        [codes == _CODE[t] for t in (EventType.RATING, EventType.WATCH, EventType.LIKE, EventType.DISLIKE)],
        [values, 2.0 + 3.0 * values, np.float64(5.0), np.float64(0.5)],
        default=3.5,
    )
    return grade.astype(np.float32)


def positive_weights(grade: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Weight of each grade as a positive, 0 to 1: 0 below POSITIVE_GRADE, 0.2 at it, 1 at MAX_GRADE; same shape."""
    weight = 0.2 + 0.8 * (grade - POSITIVE_GRADE) / (MAX_GRADE - POSITIVE_GRADE)
    return np.where(grade >= POSITIVE_GRADE, weight, 0.0).astype(np.float32)
