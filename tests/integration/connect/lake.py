"""A lake and a sink of one test's own: a new database, a new Kafka cluster name, empty topics."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from connectors.connect_api import ConnectApi
from connectors.prepare import prepare
from connectors.register import register
from connectors.settings import ConnectSettings
from connectors.sink_config import connector_name, sink_config
from connectors.topics import TopicAdmin, wanted_topics
from runtime.event_stream import registry_client
from runtime.event_table import EventTable, open_catalog
from runtime.process import Stop
from runtime.settings import KafkaSettings, LakeSettings, StoreSettings, TopicSettings
from tests.integration.connect.messages import empty_topics
from tests.integration.connect.servers import Broker, ConnectWorker, Registry, S3Server
from tests.processes import eventually
from tests.real import require_env

COMMIT_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Database:
    """A role of the tests' own, with a password that stands nowhere else, on realstack's PostgreSQL."""

    server: URL
    role: str
    password: str

    @classmethod
    @contextmanager
    def create(cls) -> Iterator[Database]:
        server = make_url(require_env("ICEBERG_CATALOG_URI")["ICEBERG_CATALOG_URI"])
        made = cls(server, f"sink_{uuid4().hex}", f"pg-secret-{secrets.token_hex(12)}")
        made._run(f"CREATE ROLE {made.role} LOGIN PASSWORD '{made.password}'")
        try:
            yield made
        finally:
            made._run(f"DROP ROLE {made.role}")

    @contextmanager
    def lake(self, warehouse: str) -> Iterator[LakeSettings]:
        name = f"sink_{uuid4().hex}"
        self._run(f"CREATE DATABASE {name} OWNER {self.role}")
        uri = self.server.set(username=self.role, password=self.password, database=name)
        try:
            yield LakeSettings(
                catalog_uri=SecretStr(uri.render_as_string(hide_password=False)), warehouse=f"{warehouse}/{name}"
            )
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        engine = create_engine(self.server, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()


@dataclass(frozen=True)
class Stack:
    """The servers that the tests share."""

    broker: Broker
    s3: S3Server
    worker: ConnectWorker
    database: Database

    @property
    def secrets(self) -> dict[str, str]:
        """What the worker is given by its environment and nobody may see."""
        return worker_secrets(self.s3, self.database)


def worker_secrets(s3: S3Server, database: Database) -> dict[str, str]:
    return {
        "STORE_ACCESS_KEY": s3.access_key,
        "STORE_SECRET_KEY": s3.secret_key,
        "LAKE_CATALOG_PASSWORD": database.password,
    }


@dataclass(frozen=True)
class Sink:
    """Settings of one sink, and what tests do with it."""

    stack: Stack
    kafka: KafkaSettings
    lake: LakeSettings
    store: StoreSettings
    connect: ConnectSettings
    topics: TopicSettings = field(default_factory=TopicSettings)

    @property
    def cluster(self) -> str:
        assert self.kafka.cluster is not None
        return self.kafka.cluster

    @property
    def name(self) -> str:
        return connector_name(self.cluster)

    def environment(self) -> dict[str, str]:
        """The same settings for `python -m connectors`."""
        given: dict[str, Any] = {}
        for section in (self.kafka, self.lake, self.store, self.connect, self.topics):
            prefix = section.model_config["env_prefix"]
            given |= {f"{prefix}{name}".upper(): value for name, value in section if value is not None}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in given.items()
        }

    def config(self) -> dict[str, str]:
        return sink_config(
            kafka=self.kafka,
            lake=self.lake,
            store=self.store,
            topics=self.topics,
            connect=self.connect,
            cluster=self.cluster,
        )

    def prepare(self) -> None:
        with open_catalog(self.lake, self.store) as catalog, registry_client(self.kafka) as registry:
            prepare(catalog, TopicAdmin(self.kafka), wanted_topics(self.topics, self.cluster), registry)

    def register(self, **changes: Any) -> bool:
        connect = self.connect.model_copy(update=changes)
        with closing(ConnectApi(self.connect)) as api:
            config = replace(self, connect=connect).config()
            return register(api, self.name, config, self.connect.timeout_seconds, Stop())

    @contextmanager
    def table(self) -> Iterator[EventTable]:
        with open_catalog(self.lake, self.store) as catalog:
            yield EventTable.open(catalog)

    def rows(self) -> pa.Table:
        """All rows as they stand in the table: raw, not deduplicated."""
        with self.table() as table:
            return table._load().scan().to_arrow()

    def count(self) -> int:
        with self.table() as table:
            return table.statistics().rows

    def wait_for(self, rows: int, seconds: float = 90.0) -> None:
        """Until the table has so many rows, or more."""
        with self.table() as table:
            eventually(lambda: table.statistics().rows >= rows, seconds, f"{rows} rows in the table")


@contextmanager
def new_sink(stack: Stack, registry: Registry | None = None) -> Iterator[Sink]:
    """A sink, not prepared; with realstack's registry, or one of the test's own."""
    env = require_env("SCHEMA_REGISTRY_URL", "APICURIO_URL")
    kafka = KafkaSettings(
        bootstrap_servers=stack.broker.bootstrap_servers,
        schema_registry_url=registry.url if registry else env["SCHEMA_REGISTRY_URL"],
        cluster=f"test-{uuid4().hex[:8]}",
    )
    warehouse = f"s3://{stack.s3.bucket}"
    store = StoreSettings(
        url=warehouse,
        endpoint=stack.s3.endpoint,
        access_key=SecretStr(stack.s3.access_key),
        secret_key=SecretStr(stack.s3.secret_key),
    )
    connect = ConnectSettings(
        url=stack.worker.url,
        registry_url=registry.native_url if registry else env["APICURIO_URL"],
        commit_seconds=COMMIT_SECONDS,
        timeout_seconds=60,
    )
    with stack.database.lake(warehouse) as lake:
        empty_topics(kafka)
        sink = Sink(stack, kafka, lake, store, connect)
        try:
            yield sink
        finally:
            with closing(ConnectApi(connect)) as api:
                api.delete(sink.name)
