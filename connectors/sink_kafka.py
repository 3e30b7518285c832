"""How the sink's own Kafka clients authenticate, and how its converter reads the registry."""

from __future__ import annotations

import re
from typing import Final

from connectors.secrets import Placeholder
from connectors.settings import ConnectSettings
from connectors.sink_catalog import SinkConfigError
from runtime.settings import KafkaSettings

_LOGIN_MODULES: Final = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
_CLIENTS: Final = ("iceberg.kafka.", "consumer.override.", "producer.override.", "admin.override.")
"""The sink's control clients, its data consumer, and the dead letters' producer and admin."""
_CONFLUENT_PATH: Final = re.compile(r"/apis/ccompat/v[67]/?$")


def security_config(kafka: KafkaSettings, secret: Placeholder) -> dict[str, str]:
    """SASL and TLS of every client that the connector has. Raises SinkConfigError."""
    shared = _client_security(kafka, secret)
    return {f"{prefix}{name}": value for prefix in _CLIENTS for name, value in shared.items()}


def _client_security(kafka: KafkaSettings, secret: Placeholder) -> dict[str, str]:
    if kafka.security_protocol == "PLAINTEXT":
        return {}
    config: dict[str, str] = {"security.protocol": kafka.security_protocol}
    if kafka.security_protocol.startswith("SASL"):
        assert kafka.sasl_username is not None
        assert kafka.sasl_password is not None
        _check_jaas("KAFKA_SASL_USERNAME", kafka.sasl_username)
        # the worker puts the password between the same quotes, where it could not be escaped
        _check_jaas("KAFKA_SASL_PASSWORD", kafka.sasl_password.get_secret_value())
        config["sasl.mechanism"] = kafka.sasl_mechanism
        config["sasl.jaas.config"] = (
            f"{_LOGIN_MODULES[kafka.sasl_mechanism]} required "
            f'username="{kafka.sasl_username}" password="{secret("KAFKA_SASL_PASSWORD")}";'
        )
    if kafka.ca is not None and kafka.security_protocol.endswith("SSL"):
        config["ssl.truststore.type"] = "PEM"
        config["ssl.truststore.location"] = str(kafka.ca)
    return config


def _check_jaas(name: str, value: str) -> None:
    if set(value) & set('"\\\n'):
        raise SinkConfigError(f"{name} has a quote, a backslash or a line break, which Java's login cannot take")


def converter_config(kafka: KafkaSettings, connect: ConnectSettings, secret: Placeholder) -> dict[str, str]:
    """The `value.converter*` settings. Raises SinkConfigError."""
    made = _apicurio if connect.converter == "apicurio" else _confluent
    return {f"value.converter{name}": value for name, value in made(kafka, connect, secret).items()}


def _apicurio(kafka: KafkaSettings, connect: ConnectSettings, secret: Placeholder) -> dict[str, str]:
    url = connect.registry_url
    if url is None:
        url, made = _CONFLUENT_PATH.subn("/apis/registry/v2", kafka.schema_registry_url)
        if not made:
            raise SinkConfigError(
                "CONNECT_REGISTRY_URL is not set: Apicurio's converter wants the registry's native API "
                "(http://…/apis/registry/v2); for Confluent's registry set CONNECT_CONVERTER=confluent"
            )
    config = {
        # Apicurio's own with one difference: while the registry is away it waits. Theirs would have Connect move every
        # event to the dead letters
        "": "showrunner.connect.RegistryAvroConverter",
        ".apicurio.registry.url": url,
        # the producers' framing: a zero byte and a 32-bit id, not Apicurio's own 64 bits or headers
        ".apicurio.registry.as-confluent": "true",
        ".apicurio.registry.headers.enabled": "false",
        # the ids of Confluent's API are Apicurio's content ids
        ".apicurio.registry.use-id": "contentId",
        # an id's schema never changes: no need to ask again every 30 s, nor to do without while the registry is away
        ".apicurio.registry.check-period-ms": "86400000",
        ".apicurio.registry.fault-tolerant-refresh": "true",
    }
    if kafka.schema_registry_username is not None:
        config[".apicurio.auth.username"] = kafka.schema_registry_username
        config[".apicurio.auth.password"] = secret("KAFKA_SCHEMA_REGISTRY_PASSWORD")
    # its authority (KAFKA_SCHEMA_REGISTRY_CA) is among those that the image's entrypoint gives to the JVM
    return config


def _confluent(kafka: KafkaSettings, connect: ConnectSettings, secret: Placeholder) -> dict[str, str]:
    config = {
        "": "io.confluent.connect.avro.AvroConverter",
        ".schema.registry.url": connect.registry_url or kafka.schema_registry_url,
        ".connect.meta.data": "false",
    }
    if kafka.schema_registry_username is not None:
        config[".basic.auth.credentials.source"] = "USER_INFO"
        config[".basic.auth.user.info"] = f"{kafka.schema_registry_username}:{secret('KAFKA_SCHEMA_REGISTRY_PASSWORD')}"
    if kafka.schema_registry_ca is not None:
        config[".schema.registry.ssl.truststore.type"] = "PEM"
        config[".schema.registry.ssl.truststore.location"] = str(kafka.schema_registry_ca)
    return config
