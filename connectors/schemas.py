"""The events' Avro schemas in the registry, each new version readable by what reads the ones before."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from contracts.events import (
    ENGAGEMENT_EVENT_AVRO,
    ENGAGEMENT_EVENTS,
    RECOMMENDATION_SERVED_AVRO,
    RECOMMENDATIONS_SERVED,
)
from runtime.event_stream import EventStreamError
from runtime.schema_registry import registry_problem

log = logging.getLogger(__name__)

COMPATIBILITY: Final = "BACKWARD"
SUBJECTS: Final[Mapping[str, str]] = {
    f"{ENGAGEMENT_EVENTS}-value": ENGAGEMENT_EVENT_AVRO,
    f"{RECOMMENDATIONS_SERVED}-value": RECOMMENDATION_SERVED_AVRO,
}
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409


def register_schemas(registry: SchemaRegistryClient, subjects: Mapping[str, str] = SUBJECTS) -> dict[str, int]:
    """Register each subject's schema, compatible with those before, and return `{subject: schema id}`.

    Raises:
        EventStreamError: a schema is no compatible change, or the registry cannot be asked.
    """
    return {subject: _register(registry, subject, schema) for subject, schema in subjects.items()}


def _register(registry: SchemaRegistryClient, subject: str, schema: str) -> int:
    try:
        known = _is_known(registry, subject)
        if known:
            # before the schema, so that it is checked
            registry.set_compatibility(subject, COMPATIBILITY)
        number: int = registry.register_schema(subject, Schema(schema, "AVRO"))
        if not known:
            # some registries take a rule only for a subject that exists
            registry.set_compatibility(subject, COMPATIBILITY)
            log.info("registered schema %d as %s", number, subject)
    except Exception as error:
        if (problem := registry_problem(error)) is not None:
            raise EventStreamError(problem) from None
        if not isinstance(error, SchemaRegistryError):
            raise
        reason = " ".join(error.error_message.split())
        if error.http_status_code == _CONFLICT:
            raise EventStreamError(
                f"the registry refuses the schema of {subject} as no {COMPATIBILITY} compatible change "
                f"(new fields need a default): {reason}"
            ) from None
        raise EventStreamError(f"the registry refuses the schema of {subject}: {reason}") from None
    return number


def _is_known(registry: SchemaRegistryClient, subject: str) -> bool:
    try:
        registry.get_latest_version(subject)
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            return False
        raise
    return True
