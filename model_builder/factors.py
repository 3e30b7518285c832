"""What a trainer gives: a vector for every viewer and item, whose inner product (plus bias) ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from contracts.preference import positive_weights
from model_builder.interactions import Interactions

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Factors:
    """score(u, i) = user_factors[u] · item_factors[i] + item_biases[i] (+ user_biases[u], which ranks nothing).

    Shapes: (m, d), (m,), (n, d), (n,), all float32; d is 0 where popularity alone ranks.
    """

    user_factors: Floats
    user_biases: Floats
    item_factors: Floats
    item_biases: Floats

    def scores(self, users: npt.NDArray[np.integer]) -> Floats:
        """(k, n) scores of every item for k viewers (rows)."""
        result: Floats = self.user_factors[users] @ self.item_factors.T + self.item_biases
        return result


class Progress(Protocol):
    """Told of a stage and how much of it is done, 0 to 1."""

    def __call__(self, stage: str, done: float) -> None: ...


class Trainer(Protocol):
    """Fits factors to interactions; the same input and seed give the same factors."""

    @property
    def name(self) -> str:
        """What the manifest calls it."""

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """What the manifest records of it."""

    def fit(self, interactions: Interactions, items: pa.Table, progress: Progress) -> Factors:
        """Factors for every viewer of `interactions` and every row of `items` (ITEM_SCHEMA)."""


def popularity(interactions: Interactions) -> Floats:
    """(n,) summed weights of each item's positive interactions."""
    weights = positive_weights(interactions.grades)
    return np.bincount(interactions.item_rows, weights, minlength=interactions.items).astype(np.float32)


@dataclass(frozen=True)
class PopularityTrainer:
    """The baseline: every viewer is shown what most viewers like."""

    name: str = "popularity"

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        return {}

    def fit(self, interactions: Interactions, items: pa.Table, progress: Progress) -> Factors:  # noqa: ARG002
        viewers = len(interactions.user_ids)
        return Factors(
            user_factors=np.zeros((viewers, 0), np.float32),
            user_biases=np.zeros(viewers, np.float32),
            item_factors=np.zeros((items.num_rows, 0), np.float32),
            item_biases=popularity(interactions),
        )
