"""Lists that need no viewer."""

# annotations are evaluated: FastAPI could not find the functions' own names in text
from collections.abc import Callable
from time import perf_counter
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from recommender.current_model import CurrentModel
from recommender.metrics import Metrics
from recommender.recommendations import Ranking, popular, similar
from recommender.schemas import DEFAULT_NUM_ITEMS, PathId, PopularItems, SimilarItems, json_response, ranked_items
from runtime.http_input import WholeNumber
from runtime.http_problems import ProblemError, problems

_PROBLEMS = problems(_422="A parameter is wrong; `errors` names it.", _503="No model is served yet.")


def item_routes(current: CurrentModel, metrics: Metrics, max_num_items: int) -> APIRouter:
    router = APIRouter(tags=["items"])
    default = min(DEFAULT_NUM_ITEMS, max_num_items)

    def measured(rank: Callable[[], Ranking]) -> Ranking:
        started = perf_counter()
        ranking = rank()
        metrics.ranked(ranking.strategy, perf_counter() - started)
        return ranking

    @router.get(
        "/items/{item_id:path}/similar",
        summary="What is like this",
        description="The closest items to one; where the model cannot tell, popular ones that share a genre with it.",
        response_model=SimilarItems,
        responses=_PROBLEMS | problems(_404="The model does not know the item."),
    )
    async def similar_(
        request: Request,
        item_id: PathId,
        num_items: Annotated[int, Query(), WholeNumber(1, max_num_items)] = default,
    ) -> Response:
        model = current.take()
        row = model.item_rows.get(item_id)
        if row is None:
            raise ProblemError(404, f"Model {model.version} knows no item with this item_id.")
        ranking = measured(lambda: similar(model, row, num_items))
        items = ranked_items(model, ranking)
        return json_response(SimilarItems(request.state.request_id, item_id, model.version, ranking.strategy, items))

    @router.get(
        "/popular",
        summary="What most viewers liked",
        response_model=PopularItems,
        responses=_PROBLEMS,
    )
    async def popular_(
        request: Request,
        num_items: Annotated[int, Query(), WholeNumber(1, max_num_items)] = default,
    ) -> Response:
        model = current.take()
        ranking = measured(lambda: popular(model, num_items))
        items = ranked_items(model, ranking)
        return json_response(PopularItems(request.state.request_id, model.version, ranking.strategy, items))

    return router
