from __future__ import annotations

import ssl

import httpx
import pytest
from confluent_kafka.schema_registry.error import SchemaRegistryError

from runtime.schema_registry import check_registry, registry_client, registry_problem
from runtime.settings import KafkaSettings

UNTRUSTED = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SchemaRegistryError(401, -1, "Unauthorized"), "KAFKA_SCHEMA_REGISTRY_PASSWORD"),
        (SchemaRegistryError(403, 40301, "Forbidden"), "what they may do"),
        (SchemaRegistryError(404, -1, "<html>\nno such page"), "no schema registry: check KAFKA_SCHEMA_REGISTRY_URL"),
        (SchemaRegistryError(429, -1, "Slow down"), "cannot be reached"),
        (SchemaRegistryError(503, 50301, "Starting"), "cannot be reached"),
        (httpx.ConnectError("[Errno 111] Connection refused"), "check KAFKA_SCHEMA_REGISTRY_URL"),
        (httpx.ConnectError(UNTRUSTED), "check KAFKA_SCHEMA_REGISTRY_CA"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "speaks no TLS"),
        (ConnectionResetError(104, "reset"), "cannot be reached"),
    ],
)
def test_the_registrys_fault_is_told_in_one_line(error: Exception, words: str) -> None:
    problem = registry_problem(error)
    assert problem is not None
    assert words in problem
    assert "\n" not in problem


def test_the_cause_counts() -> None:
    error = ValueError("cannot decode")
    error.__cause__ = SchemaRegistryError(401, -1, "Unauthorized")
    assert "KAFKA_SCHEMA_REGISTRY_PASSWORD" in str(registry_problem(error))


@pytest.mark.parametrize(
    "error",
    [
        SchemaRegistryError(404, 40403, "Schema not found"),
        SchemaRegistryError(409, 409, "incompatible"),
        ValueError("x"),
    ],
)
def test_the_messages_fault_is_not(error: Exception) -> None:
    assert registry_problem(error) is None


def test_a_registry_that_is_away_may_come_back(kafka: KafkaSettings) -> None:
    away = kafka.model_copy(update={"schema_registry_url": "http://127.0.0.1:9"})
    with registry_client(away) as client:
        client._rest_client.max_retries = 0
        check_registry(client)


def test_the_embedded_registry_is_one(kafka: KafkaSettings) -> None:
    with registry_client(kafka) as client:
        check_registry(client)
