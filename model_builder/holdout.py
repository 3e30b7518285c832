"""Which events a model is tested on: each viewer's most recent ones, never seen in training."""

from __future__ import annotations

import numpy as np

from model_builder.interactions import Interactions


def hold_out(interactions: Interactions, share: float, minimum: int) -> tuple[Interactions, Interactions]:
    """(train, test): the last `share` of each viewer's interactions by time goes to the test, at least one.

    Viewers with fewer than `minimum` interactions train only.
    """
    counts = np.bincount(interactions.users, minlength=len(interactions.user_ids))
    starts = np.cumsum(counts) - counts
    position = np.arange(len(interactions)) - starts[interactions.users]
    held = np.where(counts >= minimum, np.maximum(np.floor(counts * share), 1), 0)
    test = position >= (counts - held)[interactions.users]
    return interactions.only(~test), interactions.only(test)
