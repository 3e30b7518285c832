"""What is recommended, and by which strategy: pure functions of one model and one question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from contracts.artifact import ArtifactError
from recommender.ranking import NO_ROWS, Rows, Scores, first_rows, top_rows
from recommender.served_model import ServedModel


class Strategy(StrEnum):
    PERSONALIZED = "personalized"
    """By what the model learned about this viewer."""
    SIMILAR = "similar"
    """By closeness to an item."""
    POPULAR = "popular"
    """By how many viewers liked it: for viewers without a history, and models of popularity alone."""


@dataclass(frozen=True)
class Ranking:
    """Rows of items, best first, and the score of each, both (k,)."""

    strategy: Strategy
    rows: Rows
    scores: Scores


def recommend(
    model: ServedModel,
    user_id: str,
    num_items: int,
    *,
    exclude_items: Sequence[str] = (),
    include_seen: bool = False,
) -> Ranking:
    """Up to `num_items` items for a viewer: fewer where fewer are left, none where everything has been seen."""
    seen, _ = model.history(user_id)
    excluded = _known_rows(model, exclude_items)
    if not include_seen and seen.size:
        excluded = np.concatenate([excluded, seen])
    if not (model.personal and seen.size):
        return popular(model, num_items, excluded=excluded)
    scores = model.scores(user_id)
    rows = top_rows(scores, num_items, excluded)
    return Ranking(Strategy.PERSONALIZED, rows, scores[rows])


def similar(model: ServedModel, item_row: int, num_items: int) -> Ranking:
    """Items closest to one, itself left out; where the model cannot compare it, popular ones that share a genre."""
    itself = np.array([item_row], np.int32)
    closeness = model.similarities(item_row)
    if closeness is None:
        genres = model.items[item_row].genres
        return popular(model, num_items, excluded=itself, among=_rows_of_genres(model, genres) if genres else None)
    rows = top_rows(closeness, num_items, itself)
    return Ranking(Strategy.SIMILAR, rows, closeness[rows])


def popular(model: ServedModel, num_items: int, *, excluded: Rows = NO_ROWS, among: Rows | None = None) -> Ranking:
    """The most popular items; `among` leaves only these rows."""
    order = model.popular if among is None else model.popular[np.isin(model.popular, among)]
    rows = first_rows(order, num_items, excluded)
    return Ranking(Strategy.POPULAR, rows, model.artifact.arrays.item_popularity[rows])


def best_of_history(model: ServedModel, user_id: str, num_items: int) -> tuple[Rows, Scores]:
    """A viewer's highest graded items and their grades (0.5 to 5)."""
    rows, grades = model.history(user_id)
    order = np.argsort(-grades, kind="stable")[:num_items]
    return rows[order], grades[order]


def some_viewers(model: ServedModel, count: int) -> list[str]:
    """Ids of up to `count` viewers with a history, evenly spread over the model's rows: always the same ones."""
    with_history = np.flatnonzero(np.diff(model.artifact.arrays.seen_indptr))
    chosen = with_history[np.linspace(0, with_history.size - 1, min(count, with_history.size)).astype(int)]
    return [str(user_id) for user_id in model.artifact.users.column("user_id").take(chosen).to_pylist()]


def warm(model: ServedModel) -> None:
    """Ask each kind of question once, so that no viewer waits while the model's pages are read from disk.

    Raises:
        ArtifactError: its scores are not finite (each factor is, yet their products overflow).
    """
    for user_id in some_viewers(model, 3):
        with np.errstate(over="ignore", invalid="ignore"):
            scores = model.scores(user_id)
        if not np.isfinite(scores).all():
            raise ArtifactError(f"scores of viewer {user_id!r} are not finite")
        recommend(model, user_id, 10)
    popular(model, 10)
    if model.items:
        similar(model, 0, 10)


def _known_rows(model: ServedModel, item_ids: Iterable[str]) -> Rows:
    return np.array([row for item_id in item_ids if (row := model.item_rows.get(item_id)) is not None], np.int32)


def _rows_of_genres(model: ServedModel, genres: Sequence[str]) -> Rows:
    return np.unique(np.concatenate([model.genre_rows[genre] for genre in genres]))
