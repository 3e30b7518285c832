"""LightFM with the WARP loss (Kula 2015, https://arxiv.org/abs/1507.08439; Weston, Bengio, Usunier 2011)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from lightfm import LightFM
from scipy import sparse

from contracts.preference import positive_weights
from model_builder.factors import Factors, Progress
from model_builder.features import item_features
from model_builder.interactions import Interactions
from model_builder.settings import ModelBuilderSettings


@dataclass(frozen=True)
class LightFMTrainer:
    """Positives weigh by their grade; an item is the sum of its own vector and those of its features."""

    settings: ModelBuilderSettings
    name: str = "lightfm"

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        named = ("seed", "threads", "components", "epochs", "learning_rate", "alpha", "max_sampled")
        return {"loss": "warp", **self.settings.model_dump(include=set(named))}

    def fit(self, interactions: Interactions, items: pa.Table, progress: Progress) -> Factors:
        """See Trainer. A viewer without a positive gets zeros, so that the items' biases alone rank for them."""
        settings, features = self.settings, item_features(items)
        weights = positive_weights(interactions.grades)
        positive = np.flatnonzero(weights)
        users, rows = interactions.users[positive], interactions.item_rows[positive]
        shape = (len(interactions.user_ids), items.num_rows)
        matrix = sparse.coo_matrix((np.ones(positive.size, np.float32), (users, rows)), shape=shape)
        # LightFM wants weights in the very same order as the matrix
        sample_weight = sparse.coo_matrix((weights[positive], (users, rows)), shape=shape)
        model = LightFM(
            no_components=settings.components,
            loss="warp",
            learning_rate=settings.learning_rate,
            item_alpha=settings.alpha,
            user_alpha=settings.alpha,
            max_sampled=settings.max_sampled,
            random_state=settings.seed,
        )
        for epoch in range(settings.epochs):
            model.fit_partial(
                matrix,
                item_features=features,
                sample_weight=sample_weight,
                num_threads=settings.threads,
            )
            progress("train", (epoch + 1) / settings.epochs)
        item_biases, item_factors = model.get_item_representations(features)
        user_biases, user_factors = model.get_user_representations()
        unknown = np.bincount(users, minlength=shape[0]) == 0
        user_factors[unknown] = 0
        return Factors(
            *(np.ascontiguousarray(a, np.float32) for a in (user_factors, user_biases, item_factors, item_biases)),
        )
