"""One of each server for all the tests of security: starting a broker takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.events import ENGAGEMENT_EVENTS, ENGAGEMENT_EVENTS_DLQ, ENGAGEMENT_PARTITIONS
from tests.integration.security.environment import Environment
from tests.integration.servers import (
    Certificates,
    KafkaBroker,
    PostgresServer,
    RegistryDoor,
    S3Server,
    kafka_broker,
    postgres_server,
    registry_door,
    s3_server,
)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.create(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[KafkaBroker]:
    with kafka_broker(tmp_path_factory.mktemp("kafka"), certificates) as running:
        running.create_topic(ENGAGEMENT_EVENTS, ENGAGEMENT_PARTITIONS)
        running.create_topic(ENGAGEMENT_EVENTS_DLQ)
        yield running


@pytest.fixture(scope="session")
def registry(certificates: Certificates) -> Iterator[RegistryDoor]:
    with registry_door(certificates) as running:
        yield running


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3"), certificates) as running:
        yield running


@pytest.fixture(scope="session")
def postgres(certificates: Certificates) -> Iterator[PostgresServer]:
    with postgres_server(certificates) as running:
        yield running


@pytest.fixture
def kafka(broker: KafkaBroker, registry: RegistryDoor) -> Environment:
    """KAFKA_* of the broker and the registry, over SASL_SSL and https."""
    return Environment(broker.environment() | registry.environment())


@pytest.fixture
def store(s3: S3Server) -> Environment:
    """STORE_* of the bucket, over https."""
    return Environment(s3.environment())


@pytest.fixture
def lake(postgres: PostgresServer, s3: S3Server) -> Environment:
    """LAKE_* of the catalog over TLS, its password apart."""
    return Environment({
        "LAKE_CATALOG_URI": postgres.uri(),
        "LAKE_CATALOG_PASSWORD": postgres.password,
        "LAKE_WAREHOUSE": f"s3://{s3.bucket}/warehouse",
    })  # fmt: skip


@pytest.fixture
def secrets(broker: KafkaBroker, registry: RegistryDoor, s3: S3Server, postgres: PostgresServer) -> list[str]:
    """What must not be in any output."""
    return [broker.password, registry.password, s3.secret_key, postgres.password]


@pytest.fixture
def no_pem(tmp_path: Path) -> Path:
    """A file that exists and has no certificate."""
    file = tmp_path / "no.pem"
    file.write_text("no certificate\n")
    return file
