"""What the synthetic viewers do: who is active, what they choose next, and how they rate it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contracts import world
from contracts.world import Items, Viewers, World


class Rated(NamedTuple):
    """Ratings in the order they happen: n user_ids, n item_ids, and (n,) stars."""

    user_ids: list[str]
    item_ids: list[str]
    stars: npt.NDArray[np.float64]


class Simulation:
    """Viewers of one world over one catalogue.

    A viewer's next item is drawn among those not yet seen, with the probabilities of a multinomial logit over
    `world.choice_utility`, by adding Gumbel noise and taking the largest: the k largest are k draws without
    replacement (Kool, van Hoof, Welling 2019). A viewer who has seen everything starts again.
    """

    def __init__(self, truth: World, viewers: int, arrivals: float, sequence_seed: int | None = None) -> None:
        """`viewers` at the start; `arrivals` is how many more come per event."""
        self._truth = truth
        self._arrivals = arrivals
        self._draws = np.random.default_rng(sequence_seed)
        self._viewers = Viewers(np.empty((0, world.TASTE_DIMENSIONS)), np.empty(0), np.empty(0))
        self._activity_ends = np.empty(0)
        self._item_ids: list[str] = []
        self._items = Items(np.empty((0, world.TASTE_DIMENSIONS)), np.empty(0), np.empty(0))
        self._seen = np.zeros((0, 0), dtype=np.uint8)
        self._join(viewers)

    @property
    def viewers(self) -> int:
        """How many viewers there are by now."""
        return self._viewers.activity.size

    def set_items(self, item_ids: Sequence[str], genres: Sequence[Sequence[str]]) -> None:
        """The catalogue from now on; viewers remember what they have seen of what stays."""
        old = {item_id: row for row, item_id in enumerate(self._item_ids)}
        seen = np.zeros((self.viewers, len(item_ids)), dtype=bool)
        kept = [(new, old[item_id]) for new, item_id in enumerate(item_ids) if item_id in old]
        if kept:
            new_rows, old_rows = np.array(kept).T
            seen[:, new_rows] = self._unpacked(np.arange(self.viewers))[:, old_rows]
        self._item_ids = list(item_ids)
        self._items = self._truth.items(item_ids, genres)
        self._seen = np.packbits(seen, axis=1)

    def resume(self, user_ids: pa.ChunkedArray, item_ids: pa.ChunkedArray) -> None:
        """Take over what earlier viewers of this world have seen, pair by pair; unknown items are passed over.

        Raises:
            ValueError: a viewer's id is not one of this world's, "1" and so on.
        """
        rows = pc.subtract(pc.cast(user_ids, pa.int64()), 1).to_numpy()
        if rows.size and rows.min() < 0:
            raise ValueError(f"viewer {rows.min() + 1} is not of this world: its viewers are 1 and up")
        self._join(max(0, int(rows.max(initial=-1)) + 1 - self.viewers))
        items = pc.index_in(item_ids, value_set=pa.array(self._item_ids, pa.string()))
        known = items.is_valid().to_numpy()
        seen = self._unpacked(np.arange(self.viewers))
        seen[rows[known], items.drop_null().to_numpy()] = True
        self._seen = np.packbits(seen, axis=1)

    def rate(self, events: int) -> Rated:
        """The next `events` ratings. Raises ValueError where there are no items."""
        if not self._item_ids:
            raise ValueError("the catalogue has no items to watch")
        if not events:
            return Rated([], [], np.empty(0))
        arrived = min(int(self._draws.binomial(events, self._arrivals)), events)
        self._join(arrived)
        # who arrives does so with a first rating; the others by how active they are
        newcomers = np.arange(self.viewers - arrived, self.viewers)
        points = self._draws.random(events - arrived) * self._activity_ends[-1]
        active = np.concatenate([newcomers, np.searchsorted(self._activity_ends, points, side="right")])
        self._draws.shuffle(active)
        chosen = self._choose(active)
        pairs_taste = np.einsum("ij,ij->i", self._viewers.tastes[active], self._items.tastes[chosen])
        stars = world.ratings(
            world.stars(self._viewers.bias[active], self._items.quality[chosen], pairs_taste),
            self._draws,
        )
        return Rated([str(row + 1) for row in active], [self._item_ids[row] for row in chosen], stars)

    def _choose(self, active: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """(n,) item row that each of the active viewers takes, in their order; marks them as seen."""
        rows, place, counts = np.unique(active, return_inverse=True, return_counts=True)
        viewers = Viewers(self._viewers.tastes[rows], self._viewers.bias[rows], self._viewers.activity[rows])
        utility = world.choice_utility(viewers, self._items)
        utility += self._draws.gumbel(size=utility.shape)
        seen = self._unpacked(rows)
        most = min(int(counts.max()), len(self._item_ids))
        seen[seen.shape[1] - seen.sum(axis=1) < np.minimum(counts, most)] = False
        utility[seen] = -np.inf
        best = np.argpartition(-utility, most - 1, axis=1)[:, :most]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(utility, best, axis=1), axis=1), axis=1)
        # the k-th time a viewer is active in this batch takes the k-th best; beyond the catalogue, from the start
        order = np.argsort(place, kind="stable")
        turn = np.empty(active.size, dtype=np.intp)
        turn[order] = np.arange(active.size) - np.repeat(np.cumsum(counts) - counts, counts)
        chosen: npt.NDArray[np.intp] = best[place, turn % most]
        seen[place, chosen] = True
        self._seen[rows] = np.packbits(seen, axis=1)
        return chosen

    def _unpacked(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        return np.unpackbits(self._seen[rows], axis=1, count=len(self._item_ids)).astype(bool)

    def _join(self, arriving: int) -> None:
        if not arriving:
            return
        first = self.viewers + 1
        new = self._truth.viewers([str(number) for number in range(first, first + arriving)])
        merged = (np.concatenate(pair) for pair in zip(_columns(self._viewers), _columns(new), strict=True))
        self._viewers = Viewers(*merged)
        self._activity_ends = np.cumsum(self._viewers.activity)
        self._seen = np.concatenate([self._seen, np.zeros((arriving, self._seen.shape[1]), dtype=np.uint8)])


def _columns(viewers: Viewers) -> tuple[world.Floats, world.Floats, world.Floats]:
    return viewers.tastes, viewers.bias, viewers.activity
