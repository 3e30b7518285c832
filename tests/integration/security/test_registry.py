"""The schema registry behind TLS and a password. It is never the message's fault when it refuses us."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.event_stream import (
    EventDecoder,
    EventProducer,
    EventStreamError,
    UndecodableError,
    check_registry,
    registry_client,
)
from runtime.settings import KafkaSettings
from tests.integration.security.environment import Environment, is_one_line
from tests.integration.security.test_kafka import event
from tests.integration.servers import RegistryDoor

pytestmark = pytest.mark.real

WRONG = {
    "password": ("KAFKA_SCHEMA_REGISTRY_USERNAME", "KAFKA_SCHEMA_REGISTRY_PASSWORD", "401"),
    "no password": ("KAFKA_SCHEMA_REGISTRY_USERNAME", "KAFKA_SCHEMA_REGISTRY_PASSWORD", "401"),
    "authority": ("KAFKA_SCHEMA_REGISTRY_CA", "certificate"),
    "no authority": ("KAFKA_SCHEMA_REGISTRY_CA", "certificate"),
    "path": ("KAFKA_SCHEMA_REGISTRY_URL", "no schema registry"),
}


def wrong(registry: RegistryDoor, kafka: Environment, what: str, other_ca: Path) -> KafkaSettings:
    changes: dict[str, dict[str, object]] = {
        "password": {"KAFKA_SCHEMA_REGISTRY_PASSWORD": "hunter2"},
        "no password": {"KAFKA_SCHEMA_REGISTRY_PASSWORD": None, "KAFKA_SCHEMA_REGISTRY_USERNAME": None},
        "authority": {"KAFKA_SCHEMA_REGISTRY_CA": other_ca},
        "no authority": {"KAFKA_SCHEMA_REGISTRY_CA": None},
        "path": {"KAFKA_SCHEMA_REGISTRY_URL": f"{registry.url}/nowhere"},
    }
    return kafka.but(**changes[what]).settings(KafkaSettings)


@pytest.fixture
def other_ca(registry: RegistryDoor) -> Path:
    return registry.ca.with_name("other-ca.pem")


def test_the_right_password_and_authority_are_let_in(kafka: Environment) -> None:
    with registry_client(kafka.settings(KafkaSettings)) as client:
        check_registry(client)


@pytest.mark.parametrize("what", WRONG)
def test_a_refusal_says_what_to_check(
    registry: RegistryDoor, kafka: Environment, other_ca: Path, what: str, secrets: list[str]
) -> None:
    with registry_client(wrong(registry, kafka, what, other_ca)) as client:
        # the client itself tries a few times more where it cannot connect
        client._rest_client.max_retries = 0
        with pytest.raises(EventStreamError) as checked:
            check_registry(client)
        with pytest.raises(EventStreamError) as decoding:
            EventDecoder(client).decode(b"\x00\x00\x00\x00\x01abc")
        with pytest.raises(EventStreamError) as sending:
            EventProducer(kafka.settings(KafkaSettings), client).send(event())
    for raised in (checked, decoding, sending):
        assert is_one_line(str(raised.value), *WRONG[what])
        assert not [secret for secret in (*secrets, "hunter2") if secret in str(raised.value)]


def test_plain_http_is_told_from_a_refusal(registry: RegistryDoor, kafka: Environment) -> None:
    plain = kafka.but(KAFKA_SCHEMA_REGISTRY_URL=registry.url.replace("https", "http"))
    with registry_client(plain.settings(KafkaSettings)) as client, pytest.raises(EventStreamError) as raised:
        EventDecoder(client).decode(b"\x00\x00\x00\x00\x01abc")
    assert is_one_line(str(raised.value), "KAFKA_SCHEMA_REGISTRY_URL")


def test_a_file_without_a_certificate_is_named(kafka: Environment, no_pem: Path) -> None:
    with pytest.raises(EventStreamError, match=r"KAFKA_SCHEMA_REGISTRY_CA=.*no\.pem is no PEM file"):
        registry_client(kafka.but(KAFKA_SCHEMA_REGISTRY_CA=no_pem).settings(KafkaSettings))


def test_a_schema_that_is_not_there_is_the_messages_fault(kafka: Environment) -> None:
    with registry_client(kafka.settings(KafkaSettings)) as client, pytest.raises(UndecodableError):
        EventDecoder(client).decode(b"\x00\x7f\x00\x00\x01abc")
