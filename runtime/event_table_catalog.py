"""Opening the Iceberg catalog: SQLite for one machine, PostgreSQL for a cluster; tables in a folder or in S3."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pyiceberg.catalog.sql import SqlCatalog
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from runtime.event_table_errors import EventTableError, database_problem, is_refusal
from runtime.event_table_io import S3_CA, PrivateCaFileIO
from runtime.settings import LakeSettings, StoreSettings

__all__ = ["CATALOG_NAME", "EventTableError", "open_catalog"]

CATALOG_NAME: Final = "lake"
"""The Connect sink's `iceberg.catalog` must be the same: rows of the catalog's tables carry it."""

_SQLITE_BUSY_SECONDS: Final = 60
_ATTEMPTS: Final = 10


def open_catalog(lake: LakeSettings, store: StoreSettings | None) -> SqlCatalog:
    """The catalog, its own tables created where they are missing. Safe for several processes at once.

    Args:
        lake: where the catalog and the warehouse are; missing folders are made.
        store: the S3 endpoint, credentials and authority, for an `s3://` warehouse.

    Raises:
        EventTableError: the catalog cannot be opened, its database refuses us or is not to be trusted, or an `s3://`
            warehouse comes without `store`.
    """
    try:
        url = make_url(lake.catalog_uri.get_secret_value())
    except ArgumentError:
        raise EventTableError(
            "LAKE_CATALOG_URI is no database URL (sqlite:////path or postgresql+psycopg2://…)"
        ) from None
    if url.get_backend_name() == "sqlite":
        url = _prepare_sqlite(url)
    elif lake.catalog_password is not None:
        url = url.set(password=lake.catalog_password.get_secret_value())
    properties = {
        "uri": url.render_as_string(hide_password=False),
        "warehouse": lake.warehouse,
        # a connection that the server closed while the room was idle is replaced, not an error
        "pool_pre_ping": "true",
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        **_warehouse_properties(lake.warehouse, store),
    }
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return SqlCatalog(CATALOG_NAME, **properties)
        except (ArgumentError, ImportError) as error:
            raise EventTableError(f"LAKE_CATALOG_URI names a database that cannot be spoken to: {error}") from None
        except DBAPIError as error:
            # another process may be creating the same tables at this moment
            if is_refusal(error) or attempt == _ATTEMPTS:
                raise EventTableError(database_problem(error)) from None
            time.sleep(0.05 * attempt)
    raise AssertionError


def _warehouse_properties(warehouse: str, store: StoreSettings | None) -> dict[str, str]:
    if not warehouse.startswith("s3://"):
        Path(url2pathname(urlsplit(warehouse).path)).mkdir(parents=True, exist_ok=True)
        return {}
    if store is None:
        raise EventTableError(f"LAKE_WAREHOUSE={warehouse} needs the STORE_* settings (endpoint, region, keys)")
    properties = {"s3.region": store.region, "s3.force-virtual-addressing": "false"}
    # the SDK finds a region's own endpoint at AWS; the global one would only redirect
    if store.endpoint != StoreSettings.model_fields["endpoint"].default:
        properties["s3.endpoint"] = store.endpoint
    if store.ca is not None:
        properties["py-io-impl"] = f"{PrivateCaFileIO.__module__}.{PrivateCaFileIO.__qualname__}"
        properties[S3_CA] = str(store.ca)
    if store.access_key is None or store.secret_key is None:
        return {**properties, "s3.anonymous": "true"}
    return {
        **properties,
        "s3.access-key-id": store.access_key.get_secret_value(),
        "s3.secret-access-key": store.secret_key.get_secret_value(),
    }


def _prepare_sqlite(url: URL) -> URL:
    """Make the database's folder and switch it to write-ahead logging, so that readers and a writer never wait."""
    if url.database in (None, "", ":memory:"):
        raise EventTableError("LAKE_CATALOG_URI must name a SQLite file: other processes cannot see one in memory")
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    url = url.update_query_dict({"timeout": str(_SQLITE_BUSY_SECONDS)})
    engine = create_engine(url)
    try:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with engine.connect() as connection:
                    if connection.execute(text("PRAGMA journal_mode")).scalar() != "wal":
                        connection.execute(text("PRAGMA journal_mode=WAL"))
                return url
            except OperationalError as error:
                # SQLite's busy timeout does not cover this switch when another process makes it too
                if attempt == _ATTEMPTS:
                    raise EventTableError(database_problem(error)) from None
                time.sleep(0.05 * attempt)
    finally:
        engine.dispose()
    raise AssertionError
