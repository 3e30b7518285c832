"""`EXPORTER_*`: which catalogue is exported, and how often."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict


class ExporterSettings(BaseSettings):
    """The source, what that source needs, and when a run is refused."""

    model_config = SettingsConfigDict(env_prefix="EXPORTER_")

    source: Literal["synthetic", "file", "http"] = "synthetic"
    every: Annotated[float, Field(ge=0)] = 0
    """Seconds between runs; 0 runs once and exits."""

    seed: int = 7
    """`synthetic`: the world's seed; the event generator needs the same."""
    items: Annotated[int, Field(ge=1, le=10_000_000)] = 5_000
    """`synthetic`: how many; more of them extend what was there."""

    path: Annotated[Path | None, Field(validate_default=True)] = None
    """`file`: a `.csv`, `.jsonl` or `.parquet` file."""

    url: Annotated[str | None, Field(pattern=r"^https?://", validate_default=True)] = None
    """`http`: address of the pages, without the page's number: `https://api.tvmaze.com/shows`."""
    rate: Annotated[float, Field(gt=0)] = 2.0
    """`http`: requests a second at most."""
    timeout: Annotated[float, Field(gt=0)] = 10.0
    """`http`: seconds to connect, and seconds that the API may be silent."""
    tries: Annotated[int, Field(ge=1)] = 5
    """`http`: how often a page is asked for before the run fails."""
    max_pages: Annotated[int, Field(ge=1)] = 2_000
    """`http`: an API that has not ended by then never will."""

    max_shrink: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The greatest share of the current items that a run may lose."""
    allow_shrink: bool = False
    """Let a run lose any share of them."""

    @field_validator("path", "url")
    @classmethod
    def _needed_by_source(cls, value: Path | str | None, info: ValidationInfo) -> Path | str | None:
        needs = {"file": "path", "http": "url"}
        source = info.data.get("source", "")
        if value is None and needs.get(source) == info.field_name:
            raise PydanticCustomError("needed", "is needed with EXPORTER_SOURCE={source}", {"source": source})
        return value
