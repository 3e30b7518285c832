"""Sections of the environment that several rooms share. Classes only: a room's `__main__.py` makes the instances."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, Self, TypeVar

from pydantic import Field, FilePath, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from contracts.events import ENGAGEMENT_PARTITIONS

Settings = TypeVar("Settings", bound=BaseSettings)

SECRETS_DIR: Final = "SETTINGS_SECRETS_DIR"
"""Names the directory with a file for each setting that is not in the environment."""


class StoreSettings(BaseSettings):
    """`STORE_*`: where the catalogue and the models are."""

    model_config = SettingsConfigDict(env_prefix="STORE_")

    url: Annotated[str, Field(pattern=r"^(s3://[^/]+.*|file://.+)$")]
    """`s3://bucket[/prefix]` or `file:///path`."""
    endpoint: Annotated[str, Field(pattern=r"^https?://[^/]+$")] = "https://s3.amazonaws.com"
    """Where the S3 API is, for `s3://` URLs."""
    region: str = "us-east-1"
    access_key: SecretStr | None = None
    """For `s3://` URLs; without it the requests are anonymous."""
    secret_key: SecretStr | None = None
    ca: FilePath | None = None
    """PEM file of the authority that signed the endpoint's certificate; by default those that the system trusts."""


class KafkaSettings(BaseSettings):
    """`KAFKA_*`: the brokers and the schema registry."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_")

    bootstrap_servers: Annotated[str, Field(min_length=1)]
    """`host:port[,host:port]`"""
    schema_registry_url: Annotated[str, Field(pattern=r"^https?://[^@]+$")]
    """Base URL of a registry that speaks Confluent's API; without a password, which would be in messages."""
    cluster: str | None = None
    """Name of the Kafka cluster in the lake's rows; by default the id that the broker tells."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the brokers are spoken to."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """For the SASL protocols."""
    sasl_username: str | None = None
    """For the SASL protocols."""
    sasl_password: SecretStr | None = None
    """For the SASL protocols."""
    ca: FilePath | None = None
    """PEM file of the authority that signed the brokers' certificates; by default those that the system trusts."""
    schema_registry_username: str | None = None
    """For a registry that wants basic authentication."""
    schema_registry_password: SecretStr | None = None
    """For a registry that wants basic authentication."""
    schema_registry_ca: FilePath | None = None
    """PEM file of the authority that signed the registry's certificate."""

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> Self:
        if self.security_protocol.startswith("SASL") and (self.sasl_username is None or self.sasl_password is None):
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL={self.security_protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD",
            )
        if (self.schema_registry_username is None) != (self.schema_registry_password is None):
            raise ValueError("KAFKA_SCHEMA_REGISTRY_USERNAME and KAFKA_SCHEMA_REGISTRY_PASSWORD belong together")
        return self


class TopicSettings(BaseSettings):
    """`TOPIC_*`: how the topics are created. Existing ones are left as they are."""

    model_config = SettingsConfigDict(env_prefix="TOPIC_")

    partitions: Annotated[int, Field(ge=1, le=10_000)] = ENGAGEMENT_PARTITIONS
    """Of `engagement-events`."""
    replication: Annotated[int, Field(ge=1, le=32_767)] = 1
    """Copies of every topic; 3 in production."""
    retention_hours: Annotated[float, Field(gt=0)] = 168.0
    """How long events stay in Kafka; longer than any outage of the lake."""


class LakeSettings(BaseSettings):
    """`LAKE_*`: the Iceberg catalog and where its tables are."""

    model_config = SettingsConfigDict(env_prefix="LAKE_")

    catalog_uri: Annotated[SecretStr, Field(min_length=1)]
    """SQLAlchemy URL of the Iceberg catalog: `sqlite:////path/catalog.db` or `postgresql+psycopg2://…`; it may
    carry a password, so it is never printed. TLS as the driver has it: `?sslmode=verify-full&sslrootcert=/ca.pem`."""
    warehouse: Annotated[str, Field(pattern=r"^(s3://[^/]+.*|file://.+)$")]
    """`s3://bucket/prefix` or `file:///path`."""
    catalog_password: SecretStr | None = None
    """The database's password, so that it need not stand in the URL."""


class ProcessSettings(BaseSettings):
    """`PROCESS_*`: how a room runs as a process."""

    model_config = SettingsConfigDict(env_prefix="PROCESS_")

    log_level: Annotated[str, Field(pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    log_format: Annotated[str, Field(pattern=r"^(text|json)$")] = "text"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Where a room without HTTP of its own serves `/metrics`; none by default."""
    metrics_host: str = "0.0.0.0"  # noqa: S104 - Prometheus scrapes from outside the pod
    parent_pid: int | None = None
    """Stop when this process is gone (set by the demo's supervisor, so that nothing outlives it)."""


def load(settings: type[Settings], **overrides: Any) -> Settings:
    """The settings from the environment and from files; `overrides` (a command line's) win, None is no override.

    A setting that the environment has not is read from the file of its name in the directory that
    SETTINGS_SECRETS_DIR names, as Docker and Kubernetes mount secrets. Where a setting is missing or wrong, the
    process ends with a line that names it.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    prefix = settings.model_config.get("env_prefix") or ""
    try:
        return settings(_secrets_dir=_secrets_dir(), **given)
    except ValidationError as error:
        stop(problem(error, prefix))
    except SettingsError as error:
        # of its causes only this one says nothing of the value
        why = f": {error.__cause__}" if isinstance(error.__cause__, OSError) else ""
        stop(f"{prefix}*: {error}{why}")


def _secrets_dir() -> str | None:
    directory = os.environ.get(SECRETS_DIR) or None
    if directory is not None and not Path(directory).is_dir():
        stop(f"{SECRETS_DIR}: {directory} is no directory")
    return directory


def problem(error: ValidationError, prefix: str = "") -> str:
    """One line for people: the environment variables at fault and what is wrong with each. Never their values."""
    lines = []
    for detail in error.errors(include_input=False, include_url=False):
        what = "is not set" if detail["type"] == "missing" else detail["msg"].removeprefix("Value error, ")
        name = "_".join(str(part) for part in detail["loc"]).upper()
        # what is wrong with several together names them itself
        lines.append(f"{prefix}{name}: {what}" if name else what)
    return "; ".join(lines)


def stop(message: str, code: int = 2) -> NoReturn:
    """End the process with one line on standard error."""
    sys.stderr.write(f"error: {message}\n")
    raise SystemExit(code)
