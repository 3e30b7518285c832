from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.sink_config import SinkConfigError, connector_name, control_topic
from runtime.settings import TopicSettings
from tests.connectors.sink_settings import SECRETS, connect, kafka, lake, rendered, secured_kafka, store


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text("a certificate")
    return path


def test_what_exactly_once_stands_on() -> None:
    config = rendered()
    # ICEBERG: without these events are lost or wait
    assert config["iceberg.kafka.auto.offset.reset"] == "earliest"
    assert config["iceberg.kafka.session.timeout.ms"] == "10000"
    assert config["iceberg.control.topic"] == "control-iceberg-c-1"
    assert config["iceberg.tables"] == "lake.engagement_events"
    assert config["iceberg.tables.auto-create-enabled"] == "false"
    assert config["iceberg.catalog"] == "lake"
    assert config["iceberg.catalog.jdbc.schema-version"] == "V1"
    assert config["topics"] == "engagement-events"
    assert config["transforms.coordinates.static.value"] == "c-1"
    assert config["errors.deadletterqueue.topic.name"] == "engagement-events-dlq"
    assert config["errors.deadletterqueue.context.headers.enable"] == "true"


def test_settings_are_taken_over() -> None:
    config = rendered(
        connect=connect(commit_seconds=2.5, tasks=3),
        topics=TopicSettings(replication=3),
        store=store(region="eu-west-1"),
        cluster="other",
    )
    assert config["iceberg.control.commit.interval-ms"] == "2500"
    assert config["tasks.max"] == "3"
    assert config["errors.deadletterqueue.topic.replication.factor"] == "3"
    assert config["iceberg.catalog.client.region"] == "eu-west-1"
    assert config["iceberg.catalog.s3.endpoint"] == "http://minio:9000"
    assert config["iceberg.catalog.s3.path-style-access"] == "true"
    assert config["iceberg.control.topic"] == "control-iceberg-other"


@pytest.mark.parametrize("converter", ["apicurio", "confluent"])
@pytest.mark.parametrize("source", ["env", "dir:/run/secrets"])
def test_secrets_are_placeholders_only(ca: Path, converter: str, source: str) -> None:
    config = rendered(
        kafka=secured_kafka(ca),
        connect=connect(converter=converter, secrets=source, username="operator", password=SECRETS["CONNECT_PASSWORD"]),
    )
    text = repr(config)
    assert [name for name, value in SECRETS.items() if value in text] == []
    named = set(re.findall(rf"\$\{{{source}:(\w+)\}}", text))
    assert named == SECRETS.keys() - {"CONNECT_PASSWORD"}
    assert set(re.findall(r"\$\{([^}]*)\}", text)) == {f"{source}:{name}" for name in named}


def test_every_client_of_the_sink_is_secured(ca: Path) -> None:
    config = rendered(kafka=secured_kafka(ca))
    for prefix in ("iceberg.kafka.", "consumer.override.", "producer.override.", "admin.override."):
        assert config[f"{prefix}security.protocol"] == "SASL_SSL"
        assert config[f"{prefix}sasl.mechanism"] == "SCRAM-SHA-512"
        assert config[f"{prefix}ssl.truststore.type"] == "PEM"
        assert config[f"{prefix}ssl.truststore.location"] == str(ca)
        assert config[f"{prefix}sasl.jaas.config"] == (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            'username="showrunner" password="${env:KAFKA_SASL_PASSWORD}";'
        )
    assert config["value.converter.apicurio.auth.username"] == "reader"
    plain = rendered(kafka=kafka(security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", sasl_username="u",
                                 sasl_password="p", ca=ca))  # fmt: skip
    assert "plain.PlainLoginModule" in plain["iceberg.kafka.sasl.jaas.config"]
    assert "iceberg.kafka.ssl.truststore.location" not in plain
    assert [name for name in rendered() if "security" in name or "sasl" in name] == []


def test_converters() -> None:
    apicurio = rendered()
    assert apicurio["value.converter"] == "showrunner.connect.RegistryAvroConverter"
    assert apicurio["value.converter.apicurio.registry.url"] == "http://registry/apis/registry/v2"
    assert apicurio["value.converter.apicurio.registry.as-confluent"] == "true"
    assert apicurio["value.converter.apicurio.registry.use-id"] == "contentId"
    confluent = rendered(connect=connect(converter="confluent"), kafka=kafka(schema_registry_url="https://sr:8081"))
    assert confluent["value.converter"] == "io.confluent.connect.avro.AvroConverter"
    assert confluent["value.converter.schema.registry.url"] == "https://sr:8081"
    own = rendered(connect=connect(registry_url="http://inside/v2"))
    assert own["value.converter.apicurio.registry.url"] == "http://inside/v2"


def test_the_worker_may_reach_the_servers_under_other_names() -> None:
    config = rendered(
        connect=connect(
            store_endpoint="http://minio.inside:9000",
            lake_catalog_uri="postgresql+psycopg2://iceberg@postgres.inside/iceberg",
        )
    )
    assert config["iceberg.catalog.s3.endpoint"] == "http://minio.inside:9000"
    assert config["iceberg.catalog.uri"] == "jdbc:postgresql://postgres.inside:5432/iceberg"
    assert config["iceberg.catalog.jdbc.password"] == "${env:LAKE_CATALOG_PASSWORD}"


def test_amazons_own_s3_and_the_workers_own_identity() -> None:
    config = rendered(store=store(endpoint="https://s3.amazonaws.com", access_key=None, secret_key=None))
    assert [name for name in config if name.startswith("iceberg.catalog.s3.") and "retry" not in name] == []


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"lake": lake(catalog_uri="sqlite:////lake/catalog.db")}, r"LAKE_CATALOG_URI must be PostgreSQL.*archive"),
        ({"lake": lake(catalog_uri="nonsense")}, "LAKE_CATALOG_URI is no database URL"),
        ({"lake": lake(warehouse="file:///lake")}, r"LAKE_WAREHOUSE must be s3://.*archive"),
        ({"cluster": "no/slash"}, "KAFKA_CLUSTER='no/slash' cannot be part of a topic's name"),
        ({"kafka": kafka(schema_registry_url="http://sr:8081")}, "CONNECT_REGISTRY_URL is not set"),
        (
            {"kafka": kafka(security_protocol="SASL_PLAINTEXT", sasl_username="u", sasl_password='a"b')},
            r"^KAFKA_SASL_PASSWORD has a quote",
        ),
    ],
)
def test_what_the_sink_cannot_work_with_is_named(sections: dict[str, object], message: str) -> None:
    with pytest.raises(SinkConfigError, match=message) as error:
        rendered(**sections)
    assert "\n" not in str(error.value)
    assert 'a"b' not in str(error.value)


def test_names() -> None:
    assert connector_name("4L6g3nShT-eMCtK--X86sw") == "engagement-sink-4L6g3nShT-eMCtK--X86sw"
    assert control_topic("a.b_c") == "control-iceberg-a.b_c"
