"""Settings of the event generator."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EventGeneratorSettings(BaseSettings):
    """`EVENT_GENERATOR_*`."""

    model_config = SettingsConfigDict(env_prefix="EVENT_GENERATOR_")

    seed: int = 7
    """Seed of the world: what viewers and items are like."""
    sequence_seed: int | None = None
    """Seed of what happens in it; drawn anew at each start by default, so that a restarted generator does not
    repeat itself. Set it to repeat a run."""
    resume: bool = False
    """Begin with the viewers that the lake knows of this generator, and with what they have seen; needs LAKE_*."""
    viewers: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000
    """Viewers at the start, "1" to "N"."""
    arrivals: Annotated[float, Field(ge=0, le=1)] = 0.002
    """New viewers per event: N+1, N+2, …"""
    rate: Annotated[float, Field(ge=0)] = 50.0
    """Events per second; 0 for as fast as can be."""
    limit: Annotated[int, Field(ge=0)] = 0
    """Stop after so many events; 0 for never."""
    backfill: Annotated[int, Field(ge=0)] = 0
    """So many events come first, unpaced, as if they had happened over the days before the start."""
    backfill_days: Annotated[float, Field(gt=0)] = 30.0
    """How far back the first of them lies."""
