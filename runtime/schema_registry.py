"""The schema registry's client, from the settings, and what stands in its way told in one line."""

from __future__ import annotations

import ssl
from typing import Any, Final

from confluent_kafka.schema_registry import SchemaRegistryClient

from runtime.kafka_connection import EventStreamError
from runtime.settings import KafkaSettings

REGISTRY_TIMEOUT_SECONDS: Final = 10

_CREDENTIALS: Final = "check KAFKA_SCHEMA_REGISTRY_USERNAME and KAFKA_SCHEMA_REGISTRY_PASSWORD, and what they may do"
_REFUSALS: Final = {401: _CREDENTIALS, 403: _CREDENTIALS}
_NOT_FOUND: Final = 404
_CONFLUENT_CODES: Final = 40_000
"""The API's own codes have five digits; a 404 with another is some other server's."""


def registry_client(settings: KafkaSettings) -> SchemaRegistryClient:
    """A client of `settings.schema_registry_url`; nothing is connected to yet.

    Raises:
        EventStreamError: the CA file has no certificate.
    """
    config: dict[str, Any] = {"url": settings.schema_registry_url, "timeout": REGISTRY_TIMEOUT_SECONDS}
    if settings.schema_registry_ca is not None:
        config["ssl.ca.location"] = str(settings.schema_registry_ca)
    if settings.schema_registry_username is not None:
        assert settings.schema_registry_password is not None
        password = settings.schema_registry_password.get_secret_value()
        config["basic.auth.user.info"] = f"{settings.schema_registry_username}:{password}"
    try:
        return SchemaRegistryClient(config)
    except ssl.SSLError as error:
        raise EventStreamError(
            f"KAFKA_SCHEMA_REGISTRY_CA={settings.schema_registry_ca} is no PEM file of certificates: {error.reason}"
        ) from None


def check_registry(client: SchemaRegistryClient) -> None:
    """Raises EventStreamError where the registry refuses this client, or cannot be trusted.

    One that is merely away raises nothing: it may be back when a schema is needed.
    """
    try:
        client.get_subjects()
    except Exception as error:  # noqa: BLE001 - the client raises what its HTTP library does
        if refusal := _refusal(error):
            raise EventStreamError(refusal) from None


def registry_problem(error: BaseException) -> str | None:
    """One line where the registry is at fault, or our access to it; None where the message or the schema is."""
    if refusal := _refusal(error):
        return refusal
    for cause in _causes(error):
        status = getattr(cause, "http_status_code", 0)
        if isinstance(cause, OSError) or type(cause).__module__.startswith("httpx") or status >= 500 or status == 429:
            return f"the schema registry cannot be reached: {_one_line(cause)}: check KAFKA_SCHEMA_REGISTRY_URL"
    return None


def _refusal(error: BaseException) -> str | None:
    """What waiting does not mend."""
    for cause in _causes(error):
        status = getattr(cause, "http_status_code", 0)
        if status in _REFUSALS:
            return f"the schema registry refuses this client (status {status}): {_REFUSALS[status]}"
        if status == _NOT_FOUND and (getattr(cause, "error_code", 0) or 0) < _CONFLUENT_CODES:
            return f"there is no schema registry: check KAFKA_SCHEMA_REGISTRY_URL ({_one_line(cause)})"
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return (
                f"the schema registry's certificate is not trusted: check KAFKA_SCHEMA_REGISTRY_CA ({_one_line(cause)})"
            )
        if "[SSL" in str(cause):
            return f"the schema registry speaks no TLS: check KAFKA_SCHEMA_REGISTRY_URL ({_one_line(cause)})"
    return None


def _causes(error: BaseException | None) -> list[BaseException]:
    causes = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
