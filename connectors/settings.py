"""Settings of the archiver."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConnectorsSettings(BaseSettings):
    """`CONNECTORS_*`."""

    model_config = SettingsConfigDict(env_prefix="CONNECTORS_")

    flush_events: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Append to the table when so many events wait."""
    flush_seconds: Annotated[float, Field(gt=0)] = 2.0
    """Append at least this often while events wait."""
    maintain_commits: Annotated[int, Field(ge=1)] = 20
    """Compact the table and expire snapshots after so many appends."""
    maintain_seconds: Annotated[float, Field(gt=0)] = 2.0
    """How long one such maintenance may take."""
    on_lost: Literal["fail", "skip"] = "fail"
    """What to do when the broker has forgotten events that were not archived: stop with an error, or go on with what
    is left."""
