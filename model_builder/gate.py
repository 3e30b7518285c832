"""Which model viewers get: the candidate only where it earned it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from contracts.artifact import Manifest

METRIC: Final = "ndcg@10"
Winner = Literal["candidate", "popularity", "champion"]


@dataclass(frozen=True)
class Decision:
    """Who is to be served from now on, and why."""

    winner: Winner
    reason: str


def decide(candidate: dict[str, float], popularity: dict[str, float], champion: Manifest | None) -> Decision:
    """Compare on the same held-out events.

    The candidate must beat popularity. Where it does not, a personalised champion stays, and without one the
    popularity model is published: a viewer is never left without a list, nor given a worse one.
    """
    measured = bool(candidate) and bool(popularity)
    if measured and candidate[METRIC] > popularity[METRIC]:
        return Decision("candidate", f"{METRIC} {candidate[METRIC]:.4f} beats popularity's {popularity[METRIC]:.4f}")
    why = (
        f"{METRIC} {candidate[METRIC]:.4f} does not beat popularity's {popularity[METRIC]:.4f}"
        if measured
        else "too few events to evaluate on"
    )
    if champion is not None and champion.trainer != "popularity":
        return Decision("champion", why)
    return Decision("popularity", f"{why}: popularity until there are more events")
