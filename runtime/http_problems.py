"""Errors over HTTP, the same from every service: problem details of RFC 9457
(https://www.rfc-editor.org/rfc/rfc9457)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

PROBLEM_JSON: Final = "application/problem+json"
MAX_ERRORS: Final = 20
MAX_ECHO: Final = 128
"""Characters of a client's own words (a path, an unknown field's name) that an answer may repeat."""

# RFC 9110's names; Python's own table changed them in 3.13
_TITLES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}
_DETAILS: Final = {404: "There is nothing at this path; /docs lists what there is."}


class FieldError(NamedTuple):
    """What is wrong with one field of the request: `num_items` `must be a whole number from 1 to 1000`."""

    field: str
    message: str


class ProblemError(HTTPException):
    """Raise it to answer with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.errors = tuple(errors)


def problem_response(
    scope: Scope,
    status: int,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer itself, for code below the application (middleware)."""
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": quote(scope["path"])[:MAX_ECHO],
        "request_id": scope.get("state", {}).get("request_id"),
    }
    if errors:
        problem["errors"] = [error._asdict() for error in errors]
    return Response(json.dumps(problem), status, dict(headers or {}), PROBLEM_JSON)


def invalid_input(error: ValidationError | RequestValidationError, location: str = "") -> ProblemError:
    """The problem for what pydantic found: 400 where the body is no JSON, else 422 naming each field at fault.

    Args:
        error: from pydantic, or from FastAPI, whose locations begin with `body`, `query` or `path`.
        location: what FastAPI would have put in front.
    """
    found = (
        error.errors(include_input=False, include_url=False) if isinstance(error, ValidationError) else error.errors()
    )
    if found[0]["type"] == "json_invalid":
        return ProblemError(
            400, f"The body is not valid JSON: {found[0].get('ctx', {}).get('error', 'cannot be parsed')}."
        )
    prefix = (location,) if location else ()
    errors = [FieldError(_field((*prefix, *each["loc"])), _message(each)) for each in found[:MAX_ERRORS]]
    more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
    return ProblemError(422, f"{errors[0].field} {errors[0].message}{more}", errors=errors)


def _field(location: Sequence[str | int]) -> str:
    """`("body", "exclude_items", 3)` -> `exclude_items[3]`"""
    first, *rest = location[1:] or location
    name = str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
    return name if len(name) <= MAX_ECHO else name[:MAX_ECHO] + "…"


def _message(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of this request"
        case "string_type":
            return "must be text"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be a JSON object"
    message = re.sub(r"^(\w+) should ", "must ", str(error["msg"]))
    return message[:MAX_ECHO]


async def answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"This path takes {(error.headers or {}).get('Allow', 'another method')}."
    elif detail == HTTPStatus(error.status_code).phrase:
        detail = _DETAILS.get(error.status_code, detail)
    errors = error.errors if isinstance(error, ProblemError) else ()
    return problem_response(request.scope, error.status_code, detail, errors=errors, headers=error.headers)


async def answer_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await answer_http_exception(request, invalid_input(error))


_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def problems(**descriptions: str) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: `problems(_404="no such item")` documents that answer in the OpenAPI document."""
    return {
        int(status.lstrip("_")): {"description": text, "content": {PROBLEM_JSON: {"schema": _SCHEMA}}}
        for status, text in descriptions.items()
    }
