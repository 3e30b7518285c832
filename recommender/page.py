"""The page at `/` and what it asks for: for a person who wants to see what the model makes of a viewer."""

# annotations are evaluated: FastAPI could not find the functions' own names in text
from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response

from recommender.current_model import CurrentModel
from recommender.recommendations import best_of_history, some_viewers
from recommender.schemas import DEFAULT_NUM_ITEMS, History, PathId, Viewers, json_response, watched_items
from runtime.http_input import WholeNumber
from runtime.http_problems import problems

_PROBLEMS: Final = problems(_422="A parameter is wrong; `errors` names it.", _503="No model is served yet.")
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_routes(current: CurrentModel, max_num_items: int) -> APIRouter:
    router = APIRouter(tags=["viewers"])
    default = min(DEFAULT_NUM_ITEMS, max_num_items)
    html = files("recommender").joinpath("page.html").read_text("utf-8")

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"})

    @router.get(
        "/users",
        summary="A few viewers the model knows",
        description="Spread evenly over the viewers with a history; the same ones as long as the model is.",
        response_model=Viewers,
        responses=_PROBLEMS,
    )
    async def viewers(num_users: Annotated[int, Query(), WholeNumber(1, max_num_items)] = default) -> Response:
        model = current.take()
        return json_response(Viewers(model.version, len(model.user_rows), some_viewers(model, num_users)))

    @router.get(
        "/users/{user_id:path}/history",
        summary="What the model knows of a viewer",
        description="The viewer's items, highest grade first; none where the model does not know the viewer.",
        response_model=History,
        responses=_PROBLEMS,
    )
    async def history(
        user_id: PathId,
        num_items: Annotated[int, Query(), WholeNumber(1, max_num_items)] = default,
    ) -> Response:
        model = current.take()
        rows, grades = best_of_history(model, user_id, num_items)
        items = watched_items(model, rows, grades)
        return json_response(History(user_id, model.version, user_id in model.user_rows, items))

    return router
