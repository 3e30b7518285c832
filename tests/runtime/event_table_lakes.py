"""Empty lakes for the tests of the event table: SQLite and a folder, or PostgreSQL and S3 where the servers are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from pyarrow.fs import FileSelector, S3FileSystem
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from runtime.event_table import EVENT_ROW_SCHEMA, EventTable, open_catalog
from runtime.settings import LakeSettings, StoreSettings
from tests.real import require_env

KINDS = ("sqlite and folder", "postgresql and s3")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

Lake = tuple[LakeSettings, StoreSettings | None]


@contextmanager
def empty_lake(kind: str, folder: Path) -> Iterator[Lake]:
    """Settings of a lake that nobody else uses; everything is removed afterwards."""
    if kind == KINDS[0]:
        catalog = SecretStr(f"sqlite:///{folder}/catalog/catalog.db")
        yield LakeSettings(catalog_uri=catalog, warehouse=f"file://{folder}/warehouse"), None
        return
    env = require_env(
        "ICEBERG_CATALOG_URI", "ICEBERG_WAREHOUSE", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_REGION"
    )
    name = f"event_table_{uuid4().hex}"
    url = make_url(env["ICEBERG_CATALOG_URI"])
    prefix = f"{env['ICEBERG_WAREHOUSE'].removeprefix('s3://')}/{name}"
    access_key, secret_key = env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"]
    store = StoreSettings(
        url=f"s3://{prefix}",
        endpoint=env["S3_ENDPOINT"],
        region=env["S3_REGION"],
        access_key=SecretStr(access_key),
        secret_key=SecretStr(secret_key),
    )
    uri = url.set(database=name).render_as_string(hide_password=False)
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield LakeSettings(catalog_uri=SecretStr(uri), warehouse=f"s3://{prefix}"), store
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()
        s3 = S3FileSystem(
            access_key=access_key, secret_key=secret_key, endpoint_override=store.endpoint, region=store.region
        )
        for info in s3.get_file_info(FileSelector(prefix, recursive=True, allow_not_found=True)):
            if info.is_file:
                s3.delete_file(info.path)


@contextmanager
def opened(lake: Lake) -> Iterator[EventTable]:
    """The lake's table; its database connections are closed afterwards."""
    with open_catalog(*lake) as catalog:
        yield EventTable.open(catalog)


def event(partition: int | None, offset: int | None, **others: Any) -> dict[str, Any]:
    """A row as Kafka would bring it: cluster "c", a second of arrival per offset, an id made of the coordinates."""
    cluster = others.get("kafka_cluster", "c")
    row = {
        "event_id": f"{cluster}/{partition}/{offset}",
        "user_id": str((offset or 0) % 7),
        "item_id": str((offset or 0) % 11),
        "event_type": "RATING",
        "value": 3.5,
        "occurred_at": NOON,
        "source": "generator",
        "request_id": None,
        "kafka_cluster": cluster,
        "kafka_topic": "engagement-events",
        "kafka_partition": partition,
        "kafka_offset": offset,
        "kafka_timestamp": NOON + timedelta(seconds=offset or 0),
    }
    return row | others


def rows(*events: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(events), schema=EVENT_ROW_SCHEMA)


def run(partition: int, start: int, stop: int, **others: Any) -> pa.Table:
    """Rows of one partition with the offsets [start, stop)."""
    return rows(*(event(partition, offset, **others) for offset in range(start, stop)))


def coordinates(table: pa.Table) -> list[tuple[Any, ...]]:
    names = ("kafka_cluster", "kafka_topic", "kafka_partition", "kafka_offset")
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))
