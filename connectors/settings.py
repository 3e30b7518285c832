"""Settings of the archiver and of the connector on Kafka Connect."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, FilePath, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConnectorsSettings(BaseSettings):
    """`CONNECTORS_*`."""

    model_config = SettingsConfigDict(env_prefix="CONNECTORS_")

    flush_events: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Append to the table when so many events wait."""
    flush_seconds: Annotated[float, Field(gt=0)] = 2.0
    """Append at least this often while events wait."""
    maintain_commits: Annotated[int, Field(ge=1)] = 20
    """Compact the table and expire snapshots after so many appends."""
    maintain_seconds: Annotated[float, Field(gt=0)] = 2.0
    """How long one such maintenance may take."""
    on_lost: Literal["fail", "skip"] = "fail"
    """What to do when the broker has forgotten events that were not archived: stop with an error, or go on with what
    is left."""


class ConnectSettings(BaseSettings):
    """`CONNECT_*`: Kafka Connect, and the sink that runs there."""

    model_config = SettingsConfigDict(env_prefix="CONNECT_")

    url: Annotated[str, Field(pattern=r"^https?://[^/]+/?$")]
    """Connect's REST API."""
    username: str | None = None
    """For a REST API that wants basic authentication."""
    password: SecretStr | None = None
    """For a REST API that wants basic authentication."""
    ca: FilePath | None = None
    """PEM file of the authority that signed the REST API's certificate; by default those that the system trusts."""
    converter: Literal["apicurio", "confluent"] = "apicurio"
    """Who decodes Avro in the worker: Apicurio's converter (in our image) or Confluent's. Both read Confluent's wire
    format; each speaks its own registry's API."""
    registry_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """The registry as the converter wants it; by default made of KAFKA_SCHEMA_REGISTRY_URL."""
    store_endpoint: Annotated[str, Field(pattern=r"^https?://[^/]+$")] | None = None
    """The S3 API as the worker reaches it, where that is not STORE_ENDPOINT."""
    lake_catalog_uri: SecretStr | None = None
    """The Iceberg catalog as the worker reaches it, where that is not LAKE_CATALOG_URI."""
    secrets: Annotated[str, Field(pattern=r"^(env|dir:/.+)$")] = "env"
    """Where the worker finds the secrets: its environment, or files of the same names in a directory."""
    commit_seconds: Annotated[float, Field(ge=1)] = 10.0
    """Time between the sink's commits to the table."""
    tasks: Annotated[int, Field(ge=1)] = 1
    """Tasks of the sink; no more than the topic has partitions."""
    timeout_seconds: Annotated[float, Field(gt=0)] = 180.0
    """How long to wait until Connect answers and the connector runs."""
    watch_seconds: Annotated[float, Field(gt=0)] = 15.0
    """How often `watch` looks at the connector."""

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("CONNECT_USERNAME and CONNECT_PASSWORD belong together")
        return self
