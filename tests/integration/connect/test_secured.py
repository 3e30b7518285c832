"""The sink where every server wants TLS and a password, its secrets in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from connectors.sink_config import connector_name
from runtime.event_table import EventTable, open_catalog
from runtime.settings import KafkaSettings, LakeSettings, StoreSettings
from tests.integration.connect.lake import COMMIT_SECONDS
from tests.integration.connect.messages import assert_exactly_once, numbers, send
from tests.integration.connect.servers import ConnectWorker, started
from tests.integration.servers import Certificates, kafka_broker, postgres_server, registry_door, s3_server
from tests.processes import eventually, room
from tests.real import require_env

CLUSTER = "secured"


@dataclass(frozen=True)
class Secured:
    environment: dict[str, str]
    """Of `python -m connectors`."""
    secrets: dict[str, str]
    worker: ConnectWorker
    secrets_directory: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    certificates = Certificates.create(folder / "certificates")
    with (
        kafka_broker(folder / "kafka", certificates) as broker,
        postgres_server(certificates) as postgres,
        s3_server(folder / "s3", certificates) as s3,
        registry_door(certificates) as registry,
        registry_door(certificates) as native,
    ):
        # a second door, before the API that the converter speaks
        native._registry.base_url = httpx.URL(require_env("APICURIO_URL")["APICURIO_URL"]).join("/")
        secrets = {
            "KAFKA_SASL_PASSWORD": broker.password,
            "KAFKA_SCHEMA_REGISTRY_PASSWORD": native.password,
            "LAKE_CATALOG_PASSWORD": postgres.password,
            "STORE_ACCESS_KEY": s3.access_key,
            "STORE_SECRET_KEY": s3.secret_key,
        }
        directory = folder / "secrets"
        directory.mkdir()
        for name, value in secrets.items():
            (directory / name).write_text(value)
        given = {
            **broker.environment(),
            **registry.environment(),
            **s3.environment(),
            "CONNECT_SECRETS": f"dir:{directory}",
        }
        open_to_all = {name: value for name, value in given.items() if name not in secrets}
        with started(ConnectWorker(folder / "worker", broker.bootstrap_sasl_ssl, open_to_all)) as worker:
            yield Secured(
                {
                    **given,
                    "KAFKA_CLUSTER": CLUSTER,
                    "LAKE_CATALOG_URI": postgres.uri(),
                    "LAKE_CATALOG_PASSWORD": postgres.password,
                    "LAKE_WAREHOUSE": f"s3://{s3.bucket}/warehouse",
                    "CONNECT_URL": worker.url,
                    "CONNECT_REGISTRY_URL": f"{native.url}/apis/registry/v2",
                    "CONNECT_COMMIT_SECONDS": str(COMMIT_SECONDS),
                    "CONNECT_TIMEOUT_SECONDS": "60",
                },
                secrets,
                worker,
                directory,
            )


def settings(environment: dict[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix).lower(): value for name, value in environment.items() if name.startswith(prefix)}


def test_events_arrive_exactly_once_and_no_secret_is_seen(secured: Secured, tmp_path: Path) -> None:
    told = tmp_path / "register.log"
    with room("connectors", "register", environment=secured.environment, log=told) as process:
        assert process.wait(90) == 0, told.read_text()
    kafka = KafkaSettings.model_validate(settings(secured.environment, "KAFKA_"))
    lake = LakeSettings.model_validate(settings(secured.environment, "LAKE_"))
    store = StoreSettings.model_validate(settings(secured.environment, "STORE_"))
    assert kafka.security_protocol == "SASL_SSL"
    send(kafka, numbers(0, 1_000))
    with open_catalog(lake, store) as catalog:
        table = EventTable.open(catalog)
        eventually(lambda: table.statistics().rows >= 1_000, 60, "all rows")
        assert_exactly_once(table._load().scan().to_arrow(), 1_000)

    name = connector_name(CLUSTER)
    config = httpx.get(f"{secured.worker.url}/connectors/{name}/config").json()
    for prefix in ("iceberg.kafka.", "consumer.override.", "producer.override.", "admin.override."):
        assert config[f"{prefix}security.protocol"] == "SASL_SSL"
        assert f"${{dir:{secured.secrets_directory}:KAFKA_SASL_PASSWORD}}" in config[f"{prefix}sasl.jaas.config"]
    seen = {
        "Connect's answers": str(config) + httpx.get(f"{secured.worker.url}/connectors/{name}/tasks").text,
        "our log": told.read_text(),
        "the worker's log": secured.worker.log.read_text(),
        "the worker's properties": secured.worker.properties.read_text(),
    }
    for secret in (value for key, value in secured.secrets.items() if key != "STORE_ACCESS_KEY"):
        assert [where for where, text in seen.items() if secret in text] == []


def test_a_wrong_password_of_the_worker_is_told_by_register(secured: Secured, tmp_path: Path) -> None:
    password = secured.secrets_directory / "LAKE_CATALOG_PASSWORD"
    environment = {**secured.environment, "KAFKA_CLUSTER": "refused", "CONNECT_TIMEOUT_SECONDS": "6"}
    told = tmp_path / "register.log"
    password.write_text("another")
    try:
        with room("connectors", "register", environment=environment, log=told) as process:
            assert process.wait(60) == 1
    finally:
        password.write_text(secured.secrets["LAKE_CATALOG_PASSWORD"])
        httpx.delete(f"{secured.worker.url}/connectors/{connector_name('refused')}")
    last = told.read_text().splitlines()[-1]
    assert "does not run after 6 s" in last
    assert "password authentication failed" in last
