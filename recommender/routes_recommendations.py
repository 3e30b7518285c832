"""Lists for a viewer."""

# annotations are evaluated: FastAPI could not find the functions' own names in text
from collections.abc import Sequence
from time import perf_counter
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from recommender.current_model import CurrentModel
from recommender.metrics import Metrics
from recommender.recommendations import recommend
from recommender.schemas import (
    DEFAULT_NUM_ITEMS,
    PathId,
    Recommendations,
    RecommendRequest,
    json_response,
    ranked_items,
    recommend_request,
)
from runtime.http_input import WholeNumber, body_docs, json_body
from runtime.http_problems import problems

_DESCRIPTION = """Up to `num_items` items, best first: fewer where fewer are left, the whole catalogue where `num_items`
is larger, and an empty list for a viewer who has seen everything. Viewers without a history get what is popular."""
_PROBLEMS = problems(_422="A field is missing or wrong; `errors` names it.", _503="No model is served yet.")


def recommendation_routes(current: CurrentModel, metrics: Metrics, max_num_items: int) -> APIRouter:
    router = APIRouter(tags=["recommendations"])
    body = recommend_request(max_num_items)

    def answer(
        request: Request, user_id: str, num_items: int, exclude_items: Sequence[str], include_seen: bool
    ) -> Response:
        model = current.take()
        started = perf_counter()
        ranking = recommend(model, user_id, num_items, exclude_items=exclude_items, include_seen=include_seen)
        metrics.ranked(ranking.strategy, perf_counter() - started)
        items = ranked_items(model, ranking)
        request_id = request.state.request_id
        return json_response(Recommendations(request_id, user_id, model.version, ranking.strategy, items))

    @router.post(
        "/recommend",
        summary="What to watch next",
        description=_DESCRIPTION,
        response_model=Recommendations,
        responses=_PROBLEMS | problems(_400="The body is not JSON.", _413="The body is too large."),
        openapi_extra=body_docs(body),
    )
    async def recommend_(
        request: Request,
        wanted: Annotated[RecommendRequest, Depends(json_body(body))],
    ) -> Response:
        return answer(request, wanted.user_id, wanted.num_items, wanted.exclude_items, wanted.include_seen)

    @router.get(
        "/api/recommendations/{user_id:path}",
        summary="What to watch next, as a plain GET",
        description=_DESCRIPTION.replace("num_items", "limit"),
        response_model=Recommendations,
        responses=_PROBLEMS,
    )
    async def recommendations(
        request: Request,
        user_id: PathId,
        limit: Annotated[int, Query(), WholeNumber(1, max_num_items)] = min(DEFAULT_NUM_ITEMS, max_num_items),
    ) -> Response:
        return answer(request, user_id, limit, (), False)

    return router
