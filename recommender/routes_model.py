"""About the model that is served."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from recommender.current_model import CurrentModel
from recommender.schemas import Readiness, json_response
from runtime.http_problems import problems

_NO_MODEL = problems(_503="No model is served yet.")


def model_routes(current: CurrentModel) -> APIRouter:
    router = APIRouter(tags=["model"])

    @router.get(
        "/model",
        summary="The manifest of the served model",
        description="Which data and code it was made from, and how good it was found.",
        response_model=dict[str, Any],
        responses=_NO_MODEL,
    )
    async def manifest() -> Response:
        return Response(current.take().manifest_json, media_type="application/json")

    @router.get(
        "/ready",
        summary="Is there a model to answer with?",
        description="200 also while the object store is away: `status` is then `stale`, and `trouble` says why.",
        response_model=Readiness,
        responses=_NO_MODEL,
    )
    async def ready() -> Response:
        model = current.take()
        created_at = model.artifact.manifest.created_at
        return json_response(
            Readiness(
                status="stale" if current.trouble else "ready",
                trouble=current.trouble,
                checked_at=current.checked_at,
                model_version=model.version,
                model_created_at=created_at,
                model_age_seconds=round((datetime.now(UTC) - created_at).total_seconds(), 3),
                loaded_at=model.loaded_at,
                items=len(model.items),
                viewers=len(model.user_rows),
            )
        )

    return router
