"""What comes in over HTTP: JSON bodies and bounded numbers, validated by pydantic, refused in plain words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema
from starlette.requests import Request

from runtime.http_problems import invalid_input

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class WholeNumber:
    """Annotates an int: whatever is wrong with it, the error tells the allowed range.

    `strict` takes JSON integers alone (no `"10"`, `10.0` or `true`); query parameters are text and need it off.
    """

    minimum: int
    maximum: int
    strict: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            core_schema.int_schema(ge=self.minimum, le=self.maximum, strict=self.strict),
            custom_error_type="whole_number",
            custom_error_message="must be a whole number from {minimum} to {maximum}",
            custom_error_context={"minimum": self.minimum, "maximum": self.maximum},
        )


def json_body(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """A dependency that reads the body as `model`, whatever the content type says: `curl -d` sends another.

    pydantic parses and validates the bytes in one pass, without FastAPI's detour over `json.loads`. `body_docs`
    describes the same body in the OpenAPI document.
    """

    async def read(request: Request) -> Model:
        try:
            return model.model_validate_json(await request.body())
        except ValidationError as error:
            raise invalid_input(error, "body") from None

    return read


def body_docs(model: type[BaseModel]) -> dict[str, Any]:
    """For a route's `openapi_extra`."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}
