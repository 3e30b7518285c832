"""The recommender's application: routes over the current model."""

from __future__ import annotations

from importlib.metadata import version
from math import ceil

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from recommender.current_model import CurrentModel, NoModelError
from recommender.metrics import Metrics
from recommender.page import page_routes
from recommender.routes_items import item_routes
from recommender.routes_model import model_routes
from recommender.routes_recommendations import recommendation_routes
from recommender.settings import RecommenderSettings
from runtime import http
from runtime.http_problems import problem_response

_DESCRIPTION = """What each viewer should watch next. Every list names the `model_version` and the `strategy` that made
it. Errors are problem details (RFC 9457) that name the field."""


def create_app(
    current: CurrentModel, metrics: Metrics, registry: CollectorRegistry, settings: RecommenderSettings
) -> FastAPI:
    """The service over `current`, which something else (the reloader) keeps up to date.

    Before the first model every answer that needs one is 503 with Retry-After.
    """
    app = http.create_app(
        title="Showrunner recommender",
        version=version("showrunner"),
        description=_DESCRIPTION,
        registry=registry,
        max_body_bytes=settings.max_body_bytes,
    )
    retry_after = {"Retry-After": str(ceil(settings.poll_seconds))}

    async def answer_no_model(request: Request, error: Exception) -> Response:
        return problem_response(request.scope, 503, str(error), headers=retry_after)

    app.add_exception_handler(NoModelError, answer_no_model)
    app.include_router(recommendation_routes(current, metrics, settings.max_num_items))
    app.include_router(item_routes(current, metrics, settings.max_num_items))
    app.include_router(model_routes(current))
    app.include_router(page_routes(current, settings.max_num_items))
    return app
