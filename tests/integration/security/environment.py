"""The settings of a room as its environment variables, with some of them wrong."""

from __future__ import annotations

from typing import TypeVar

from pydantic_settings import BaseSettings

Settings = TypeVar("Settings", bound=BaseSettings)


class Environment(dict[str, str]):
    """`{NAME: value}`"""

    def but(self, **changed: object) -> Environment:
        """With these instead; None for not set."""
        merged = {**self, **{name: None if value is None else str(value) for name, value in changed.items()}}
        return Environment({name: value for name, value in merged.items() if value is not None})

    def settings(self, kind: type[Settings]) -> Settings:
        """What a room would read from them."""
        prefix = kind.model_config.get("env_prefix") or ""
        given = {name.removeprefix(prefix).lower(): value for name, value in self.items() if name.startswith(prefix)}
        return kind.model_validate(given)


def is_one_line(message: str, *words: str) -> bool:
    """Whether it is one line of moderate length with all these words."""
    return "\n" not in message and len(message) < 600 and all(word in message for word in words)
