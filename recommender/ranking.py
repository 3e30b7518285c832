"""The best rows, exactly: by score descending, then by row, so that equal scores always come in the same order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]

NO_ROWS: Rows = np.empty(0, np.int32)


def top_rows(scores: Scores, count: int, excluded: Rows = NO_ROWS) -> Rows:
    """Rows of the `count` best scores, best first; fewer where not so many are left.

    Args:
        scores: (n,) finite; set to -inf in place where excluded.
        count: 0 or more.
        excluded: rows that must not appear; duplicates do no harm.
    """
    scores[excluded] = -np.inf
    count = min(count, scores.size)
    if count == 0:
        return NO_ROWS
    # by value, not argpartition: of equal scores at the cut that would keep arbitrary ones
    cut = np.partition(scores, scores.size - count)[scores.size - count]
    candidates = np.flatnonzero((scores >= cut) & (scores > -np.inf))
    best = candidates[np.argsort(-scores[candidates], kind="stable")[:count]]
    return best.astype(np.int32)


def first_rows(order: Rows, count: int, excluded: Rows = NO_ROWS) -> Rows:
    """The first `count` rows of `order` that are not excluded."""
    candidates = order[: count + excluded.size]
    return candidates[~np.isin(candidates, excluded)][:count]
