"""Settings of a sink, given by hand: no environment, no server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connectors.settings import ConnectSettings
from connectors.sink_config import sink_config
from runtime.settings import KafkaSettings, LakeSettings, StoreSettings, TopicSettings

SECRETS = {
    "KAFKA_SASL_PASSWORD": "hidden-kafka-password",
    "KAFKA_SCHEMA_REGISTRY_PASSWORD": "hidden-registry-password",
    "LAKE_CATALOG_PASSWORD": "hidden-catalog-password",
    "STORE_ACCESS_KEY": "hidden-access-key",
    "STORE_SECRET_KEY": "hidden-secret-key",
    "CONNECT_PASSWORD": "hidden-connect-password",
}


def kafka(**changes: Any) -> KafkaSettings:
    given = {
        "bootstrap_servers": "kafka:9092",
        "schema_registry_url": "http://registry/apis/ccompat/v7",
        "cluster": "c-1",
        **changes,
    }
    return KafkaSettings.model_validate(given)


def lake(**changes: Any) -> LakeSettings:
    uri = f"postgresql+psycopg2://iceberg:{SECRETS['LAKE_CATALOG_PASSWORD']}@db:5432/iceberg"
    return LakeSettings.model_validate({"catalog_uri": uri, "warehouse": "s3://lake/warehouse", **changes})


def store(**changes: Any) -> StoreSettings:
    given = {
        "url": "s3://lake",
        "endpoint": "http://minio:9000",
        "access_key": SECRETS["STORE_ACCESS_KEY"],
        "secret_key": SECRETS["STORE_SECRET_KEY"],
        **changes,
    }
    return StoreSettings.model_validate(given)


def connect(**changes: Any) -> ConnectSettings:
    return ConnectSettings.model_validate({"url": "http://connect:8083", **changes})


def rendered(**sections: Any) -> dict[str, str]:
    given = {"kafka": kafka(), "lake": lake(), "store": store(), "topics": TopicSettings(), "connect": connect()}
    return sink_config(**{**given, "cluster": "c-1", **sections})


def secured_kafka(ca: Path) -> KafkaSettings:
    return kafka(
        security_protocol="SASL_SSL",
        sasl_username="showrunner",
        sasl_password=SECRETS["KAFKA_SASL_PASSWORD"],
        ca=ca,
        schema_registry_username="reader",
        schema_registry_password=SECRETS["KAFKA_SCHEMA_REGISTRY_PASSWORD"],
        schema_registry_ca=ca,
    )
