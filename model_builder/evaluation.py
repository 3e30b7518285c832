"""How good a ranking is on held-out events: precision, recall and NDCG at 10, AUC, coverage.

Every item that a viewer has not seen in training is ranked; relevant are the held-out items of LIKED_GRADE or more.
NDCG is that of Järvelin and Kekäläinen (2002) with binary gains; AUC the share of (relevant, other) pairs in order.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from contracts.preference import LIKED_GRADE
from model_builder.factors import Factors
from model_builder.interactions import Interactions

K: Final = 10
CHUNK: Final = 256

Bools = npt.NDArray[np.bool_]


def evaluable(test: Interactions, most: int, seed: int) -> npt.NDArray[np.intp]:
    """Viewers with something relevant in the test, ascending; at most `most`, drawn by the seed."""
    viewers = np.unique(test.users[test.grades >= LIKED_GRADE]).astype(np.intp)
    if viewers.size > most:
        viewers = np.sort(np.random.default_rng(seed).choice(viewers, most, replace=False))
    return viewers


def evaluate(
    factors: Factors, train: Interactions, test: Interactions, viewers: npt.NDArray[np.intp]
) -> dict[str, float]:
    """Means over `viewers`, each of whom has something relevant in `test`; no metrics where there are none.

    Returns:
        `precision@10`, `recall@10`, `ndcg@10`, `auc`, `coverage@10` (share of the catalogue that is in somebody's
        top 10), and `viewers`, on how many they were measured.
    """
    if not viewers.size:
        return {}
    sums = np.zeros(4)
    shown = np.zeros(train.items, dtype=bool)
    liked = test.only(test.grades >= LIKED_GRADE)
    for start in range(0, viewers.size, CHUNK):
        rows = viewers[start : start + CHUNK]
        seen, relevant = _mask(train, rows), _mask(liked, rows)
        relevant &= ~seen
        scores = np.where(seen, -np.inf, factors.scores(rows))
        # ties by row, as the recommender breaks them
        order = np.argsort(-scores, axis=1, kind="stable")
        candidates = np.take_along_axis(~seen, order, axis=1)
        hits = np.take_along_axis(relevant, order, axis=1)
        top = order[:, :K]
        shown[top[candidates[:, :K]]] = True
        sums += _sums(hits, candidates)
    precision, recall, ndcg, auc = (sums / viewers.size).tolist()
    return {
        "precision@10": precision,
        "recall@10": recall,
        "ndcg@10": ndcg,
        "auc": auc,
        "coverage@10": float(shown.mean()),
        "viewers": float(viewers.size),
    }


def _sums(hits: Bools, candidates: Bools) -> npt.NDArray[np.float64]:
    """Sums over viewers of precision, recall, NDCG at 10 and AUC; columns are items in ranked order."""
    total = hits.sum(axis=1)
    top = hits[:, :K]
    width = top.shape[1]
    discounts = 1 / np.log2(np.arange(2, width + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(total, width)]
    # of each relevant item, the candidates below it that are not relevant
    others = candidates & ~hits
    below = others.sum(axis=1, keepdims=True) - np.cumsum(others, axis=1)
    pairs = total * others.sum(axis=1)
    counted = top.sum(axis=1)
    return np.array(
        [
            (counted / K).sum(),
            np.divide(counted, total, out=np.zeros(total.size), where=total > 0).sum(),
            np.divide(top @ discounts, ideal, out=np.zeros(total.size), where=ideal > 0).sum(),
            np.divide((below * hits).sum(axis=1), pairs, out=np.full(total.size, 0.5), where=pairs > 0).sum(),
        ],
    )


def _mask(interactions: Interactions, rows: npt.NDArray[np.intp]) -> Bools:
    """(k, n) which items the viewers `rows` (ascending) have in `interactions` (sorted by viewer)."""
    starts = np.searchsorted(interactions.users, rows, side="left")
    ends = np.searchsorted(interactions.users, rows, side="right")
    lengths = ends - starts
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    mask = np.zeros((rows.size, interactions.items), dtype=bool)
    mask[np.repeat(np.arange(rows.size), lengths), interactions.item_rows[np.repeat(starts, lengths) + within]] = True
    return mask
