"""What comes in and goes out over HTTP. Answers are plain dataclasses: msgspec encodes them, FastAPI documents them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model
from starlette.responses import Response

from contracts.ids import MAX_ID_LENGTH, Id
from recommender.ranking import Rows, Scores
from recommender.recommendations import Ranking, Strategy
from recommender.served_model import ItemFacts, ServedModel
from runtime.http_input import WholeNumber

DEFAULT_NUM_ITEMS: Final = 10
MAX_EXCLUDED: Final = 1000

_ID_SCHEMA: Final = {
    "anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH}, {"type": "integer"}],
    "description": "Text of 1 to 256 characters, or a whole number, which stands for its decimal text.",
}
PathId = Annotated[str, Path(min_length=1, max_length=MAX_ID_LENGTH)]
BodyId = Annotated[Id, WithJsonSchema(_ID_SCHEMA)]


class RecommendRequest(BaseModel):
    """Body of `POST /recommend`. An unknown field is an error: a misspelt one would be silently without effect."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"user_id": 1, "num_items": 10}]},
    )

    user_id: BodyId
    num_items: int = DEFAULT_NUM_ITEMS
    exclude_items: Annotated[
        tuple[BodyId, ...],
        Field(max_length=MAX_EXCLUDED, description="Items that must not appear; unknown ones do no harm."),
    ] = ()
    include_seen: Annotated[
        bool, Field(strict=True, description="Whether what the viewer has seen may appear again.")
    ] = False


def recommend_request(max_num_items: int) -> type[RecommendRequest]:
    """RecommendRequest with the service's limit of `num_items`."""
    num_items = Annotated[int, WholeNumber(1, max_num_items, strict=True), Field(description="How many, at most.")]
    return create_model(
        "RecommendRequest",
        __base__=RecommendRequest,
        __doc__=RecommendRequest.__doc__,
        num_items=(num_items, min(DEFAULT_NUM_ITEMS, max_num_items)),
    )


@dataclass(frozen=True, slots=True)
class RankedItem:
    """`score` orders the list and means something only within it: of the strategy that made it."""

    item_id: str
    title: str
    genres: list[str]
    media_type: str
    release_year: int | None
    score: float


@dataclass(frozen=True, slots=True)
class WatchedItem:
    """`grade`: 0.5 (rejected) to 5 (loved), from the viewer's latest event with the item."""

    item_id: str
    title: str
    genres: list[str]
    media_type: str
    release_year: int | None
    grade: float


@dataclass(frozen=True, slots=True)
class Recommendations:
    """A viewer's list. `request_id` is also in the header X-Request-ID; send it with the events that follow."""

    request_id: str
    user_id: str
    model_version: str
    strategy: Strategy
    items: list[RankedItem]


@dataclass(frozen=True, slots=True)
class SimilarItems:
    """What is close to an item."""

    request_id: str
    item_id: str
    model_version: str
    strategy: Strategy
    items: list[RankedItem]


@dataclass(frozen=True, slots=True)
class PopularItems:
    """What most viewers liked."""

    request_id: str
    model_version: str
    strategy: Strategy
    items: list[RankedItem]


@dataclass(frozen=True, slots=True)
class History:
    """What the model knows of a viewer, best first; `known` is whether it knows the viewer at all."""

    user_id: str
    model_version: str
    known: bool
    items: list[WatchedItem]


@dataclass(frozen=True, slots=True)
class Viewers:
    """`known`: how many viewers the model knows; `user_ids`: a few of those with a history."""

    model_version: str
    known: int
    user_ids: list[str]


@dataclass(frozen=True, slots=True)
class Readiness:
    """The model that is served. `status` is `ready`, or `stale` where it is not certain that a newer one is not
    published: `trouble` says why, `checked_at` when it last was. Ages in seconds."""

    status: str
    trouble: str | None
    checked_at: datetime | None
    model_version: str
    model_created_at: datetime
    model_age_seconds: float
    loaded_at: datetime
    items: int
    viewers: int


def ranked_items(model: ServedModel, ranking: Ranking) -> list[RankedItem]:
    # six digits: what float32 carries, without the noise behind them
    return [RankedItem(*facts, round(score, 6)) for facts, score in _with(ranking.scores, model, ranking.rows)]


def watched_items(model: ServedModel, rows: Rows, grades: Scores) -> list[WatchedItem]:
    return [WatchedItem(*facts, round(grade, 2)) for facts, grade in _with(grades, model, rows)]


def _with(values: Scores, model: ServedModel, rows: Rows) -> Iterator[tuple[ItemFacts, float]]:
    pairs: Iterator[tuple[int, float]] = zip(rows.tolist(), values.tolist(), strict=True)
    return ((model.items[row], value) for row, value in pairs)


def json_response(answer: Any) -> Response:
    """The answer as JSON, past FastAPI's own slower encoding."""
    return Response(msgspec.json.encode(answer), media_type="application/json")
