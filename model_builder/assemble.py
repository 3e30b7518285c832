"""From factors to the artefact that is published."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from contracts.artifact import USER_SCHEMA, Arrays, Manifest, Model, Verdict
from contracts.items import ITEM_SCHEMA
from contracts.preference import positive_weights
from model_builder.factors import Factors, Trainer, popularity
from model_builder.inputs import Inputs
from model_builder.interactions import Interactions

LIBRARIES: Final = ("rectools-lightfm", "numpy", "scipy", "pyarrow", "pyiceberg")
DAY_MS: Final = 86_400_000


def assemble(
    inputs: Inputs,
    interactions: Interactions,
    factors: Factors,
    trainer: Trainer,
    *,
    metrics: dict[str, dict[str, float]],
    verdict: Verdict,
    timings: dict[str, float],
    half_life_days: float,
    created_at: datetime,
) -> Model:
    """The model with its manifest, not yet sealed."""
    newest = int(interactions.times.max()) if len(interactions) else None
    manifest = Manifest(
        created_at=created_at,
        trainer=trainer.name,
        hyper_parameters=trainer.hyper_parameters,
        libraries={name: version(name) for name in LIBRARIES},
        snapshot_id=inputs.snapshot_id,
        watermark=tuple(inputs.watermark.entries()),
        catalog_run=inputs.catalog_run,
        newest_event_at=None if newest is None else datetime.fromtimestamp(newest / 1000, UTC),
        counts=counts(inputs, interactions),
        metrics=metrics,
        verdict=verdict,
        replaces=inputs.served.pointer.champion if inputs.served.pointer else None,
        timings={stage: round(seconds, 3) for stage, seconds in timings.items()},
    )
    return Model(
        manifest=manifest,
        items=inputs.items.select(ITEM_SCHEMA.names).cast(ITEM_SCHEMA),
        users=pa.table([interactions.user_ids], schema=USER_SCHEMA),
        arrays=Arrays(
            item_factors=factors.item_factors,
            item_biases=factors.item_biases,
            user_factors=factors.user_factors,
            user_biases=factors.user_biases,
            **histories(interactions),
            item_popularity=popularity(interactions),
            item_trending=trending(interactions, half_life_days),
        ),
    )


def counts(inputs: Inputs, interactions: Interactions) -> dict[str, int]:
    return {
        "events": inputs.events.num_rows,
        "interactions": len(interactions),
        "waiting_events": interactions.waiting,
        "users": len(interactions.user_ids),
        "items": interactions.items,
    }


def histories(interactions: Interactions) -> dict[str, npt.NDArray[Any]]:
    """The viewers' histories as CSR, items ascending within a viewer."""
    order = np.lexsort((interactions.item_rows, interactions.users))
    lengths = np.bincount(interactions.users, minlength=len(interactions.user_ids))
    return {
        "seen_indptr": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "seen_indices": interactions.item_rows[order].astype(np.int32),
        "seen_weights": interactions.grades[order].astype(np.float32),
    }


def trending(interactions: Interactions, half_life_days: float) -> npt.NDArray[np.float32]:
    """(n,) popularity in which an event counts half for every half life it is older than the newest."""
    if not len(interactions):
        return np.zeros(interactions.items, np.float32)
    age_days = (interactions.times.max() - interactions.times) / DAY_MS
    weights = positive_weights(interactions.grades) * 0.5 ** (age_days / half_life_days)
    return np.bincount(interactions.item_rows, weights, minlength=interactions.items).astype(np.float32)
