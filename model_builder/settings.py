"""Settings of the model builder."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ModelBuilderSettings(BaseSettings):
    """`MODEL_BUILDER_*`. The defaults were chosen on a synthetic world of another seed than the benchmark's."""

    model_config = SettingsConfigDict(env_prefix="MODEL_BUILDER_")

    seed: int = 1
    """The same data, seed and one thread give the same model, bit for bit."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Training threads; more than one is faster and not repeatable (Hogwild)."""
    components: Annotated[int, Field(ge=1, le=1024)] = 32
    """Dimensions d of the factors."""
    epochs: Annotated[int, Field(ge=1)] = 20
    learning_rate: Annotated[float, Field(gt=0)] = 0.05
    alpha: Annotated[float, Field(ge=0)] = 3e-4
    """L2 penalty on viewers' and items' factors."""
    max_sampled: Annotated[int, Field(ge=1)] = 30
    """Negatives that WARP tries per positive."""
    holdout_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of each viewer's events, the most recent, that the evaluation is held on."""
    holdout_minimum: Annotated[int, Field(ge=2)] = 5
    """Viewers with fewer events are not evaluated on."""
    evaluation_viewers: Annotated[int, Field(ge=1)] = 5_000
    """Evaluate on at most so many viewers, drawn by the seed."""
    trending_half_life_days: Annotated[float, Field(gt=0)] = 7.0
    """An event counts half for trending after so many days."""
