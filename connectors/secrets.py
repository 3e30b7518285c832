"""Secrets of the connector's configuration: placeholders that only the worker resolves (Kafka's ConfigProvider)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Placeholder = Callable[[str], str]
"""Name of a setting -> what stands for its value."""

ENVIRONMENT: Final = "env"


def placeholders(source: str) -> Placeholder:
    """How CONNECT_SECRETS names a secret: `env` -> `${env:NAME}`, `dir:/run/secrets` -> `${dir:/run/secrets:NAME}`.

    The worker must have the providers `env` and `dir`, as our image has. Connect keeps the placeholders in its topic
    and shows them in its REST API; the values exist in the worker's memory only.
    """
    provider = ENVIRONMENT if source == ENVIRONMENT else source.rstrip("/")

    def placeholder(name: str) -> str:
        return f"${{{provider}:{name}}}"

    return placeholder
