"""`RECOMMENDER_*`: what this room takes from the environment beside STORE_* and PROCESS_*."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RecommenderSettings(BaseSettings):
    """`RECOMMENDER_*`: where it listens, how it follows the models, and what it allows."""

    model_config = SettingsConfigDict(env_prefix="RECOMMENDER_")

    host: str = "0.0.0.0"  # noqa: S104 - a pod is called from outside
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""
    poll_seconds: Annotated[float, Field(ge=0.05, le=3600)] = 2.0
    """How often `models/current.json` is looked at, give or take a fifth."""
    cache_dir: Path | None = None
    """Where downloaded models are kept; by default a temporary directory that goes with the process."""
    max_num_items: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """The largest `num_items` of a request."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024
    """A larger request body is answered 413."""
