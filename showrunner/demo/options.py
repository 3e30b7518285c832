"""What the demo can be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoOptions:
    """Defaults are those of `showrunner demo`."""

    host: str = "127.0.0.1"
    port: int = 8000
    build_every: float = 120.0
    """Seconds between the starts of two builds."""
    rate: float = 50.0
    """Events per second."""
    viewers: int = 1_000
    items: int = 2_000
    history: int = 40_000
    """Events that an empty lake begins with, as if they had happened over the last month."""
    seed: int = 7
