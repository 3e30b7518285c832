"""Identifiers: strings everywhere inside; JSON input may give integers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

MAX_ID_LENGTH = 256


def _text(value: Any) -> Any:
    # bool is an int to Python and would become "True"; floats lose digits of large ids
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH), BeforeValidator(_text)]
"""A `user_id` or `item_id`: 1 to 256 characters, taken verbatim; an integer becomes its decimal text."""
