"""ServedModel: a loaded artefact with what answering needs: ids to rows, display fields, scores. Immutable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Self

import numpy as np

from contracts.artifact import ArtifactError, Model
from recommender.ranking import NO_ROWS, Rows, Scores


class ItemFacts(NamedTuple):
    """What an answer shows of an item."""

    item_id: str
    title: str
    genres: list[str]
    media_type: str
    release_year: int | None


@dataclass(frozen=True)
class ServedModel:
    """Rows of items and viewers are those of the artefact. Nothing here changes after `build`."""

    artifact: Model
    loaded_at: datetime
    manifest_json: bytes
    items: list[ItemFacts]
    item_rows: dict[str, int]
    user_rows: dict[str, int]
    popular: Rows
    """(n,) all rows, most popular first."""
    genre_rows: dict[str, Rows]
    _unit_scale: Scores
    """(n,) 1 / length of each item's factors, 0 where they are all zero."""

    @classmethod
    def build(cls, model: Model) -> Self:
        """Raises ArtifactError where an id occurs twice."""
        columns = (model.items.column(name).to_pylist() for name in ItemFacts._fields)
        items = [ItemFacts(*fields) for fields in zip(*columns, strict=True)]
        user_ids: list[str] = model.users.column("user_id").to_pylist()
        genre_rows: dict[str, list[int]] = {}
        for row, item in enumerate(items):
            for genre in item.genres:
                genre_rows.setdefault(genre, []).append(row)
        factors = np.asarray(model.arrays.item_factors)
        with np.errstate(over="ignore"):  # a length beyond float32 compares with nothing, as a length of zero
            lengths = np.sqrt(np.einsum("ij,ij->i", factors, factors))
        return cls(
            artifact=model,
            loaded_at=datetime.now(UTC),
            manifest_json=model.manifest.to_json(),
            items=items,
            item_rows=_rows_by_id([item.item_id for item in items], "item_id"),
            user_rows=_rows_by_id(user_ids, "user_id"),
            popular=np.argsort(-model.arrays.item_popularity, kind="stable").astype(np.int32),
            genre_rows={genre: np.array(rows, np.int32) for genre, rows in genre_rows.items()},
            _unit_scale=np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0),
        )

    @property
    def version(self) -> str:
        return self.artifact.manifest.model_version

    @property
    def personal(self) -> bool:
        """Whether viewers differ to this model; a model of popularity alone has no dimensions."""
        return bool(self.artifact.arrays.item_factors.shape[1])

    def history(self, user_id: str) -> tuple[Rows, Scores]:
        """The viewer's items and their grades (0.5 to 5), both (s,); empty for a viewer the model does not know."""
        user_row = self.user_rows.get(user_id)
        if user_row is None:
            return NO_ROWS, np.empty(0, np.float32)
        arrays = self.artifact.arrays
        span = slice(arrays.seen_indptr[user_row], arrays.seen_indptr[user_row + 1])
        return arrays.seen_indices[span], arrays.seen_weights[span]

    def scores(self, user_id: str) -> Scores:
        """(n,) how well each item suits a viewer the model knows; a new array. Raises KeyError for others."""
        arrays, user_row = self.artifact.arrays, self.user_rows[user_id]
        scores: Scores = np.asarray(arrays.item_factors) @ np.asarray(arrays.user_factors[user_row])
        scores += arrays.item_biases
        scores += arrays.user_biases[user_row]
        return scores

    def similarities(self, item_row: int) -> Scores | None:
        """(n,) cosine of every item's factors with this one's; None where it has none to compare."""
        if not self._unit_scale[item_row]:
            return None
        factors = np.asarray(self.artifact.arrays.item_factors)
        cosines: Scores = (factors @ factors[item_row]) * self._unit_scale * self._unit_scale[item_row]
        return cosines


def _rows_by_id(ids: list[str], name: str) -> dict[str, int]:
    rows = {each: row for row, each in enumerate(ids)}
    if len(rows) != len(ids):
        raise ArtifactError(f"{name} is not unique: {len(ids)} rows, {len(rows)} ids")
    return rows
