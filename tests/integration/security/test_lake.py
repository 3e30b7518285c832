"""The event table with its catalog in a PostgreSQL that takes TLS only and its files in an S3 that speaks TLS only."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from sqlalchemy import text

from contracts.watermark import Watermark
from runtime.event_table import EventTable, EventTableError, open_catalog
from runtime.settings import LakeSettings, StoreSettings
from tests.integration.security.environment import Environment, is_one_line
from tests.integration.servers import Certificates, PostgresServer, S3Server
from tests.runtime.event_table_lakes import coordinates, run

pytestmark = pytest.mark.real

PASSWORD = ("LAKE_CATALOG_PASSWORD", "LAKE_CATALOG_URI")
TRUST = ("sslrootcert", "LAKE_CATALOG_URI")


def open_table(environment: Environment) -> None:
    lake, store = environment.settings(LakeSettings), environment.settings(StoreSettings)
    with open_catalog(lake, store) as catalog:
        EventTable.open(catalog)


@pytest.fixture
def environment(lake: Environment, store: Environment) -> Environment:
    return Environment(lake | store)


def test_rows_go_there_and_back(environment: Environment) -> None:
    lake, store = environment.settings(LakeSettings), environment.settings(StoreSettings)
    with open_catalog(lake, store) as catalog:
        assert isinstance(catalog, SqlCatalog)
        with catalog.engine.connect() as connection:
            assert connection.execute(text("select ssl from pg_stat_ssl where pid = pg_backend_pid()")).scalar() is True
        table = EventTable.open(catalog)
        cluster = uuid4().hex
        table.append(run(0, 0, 10, kafka_cluster=cluster), {})
        table.append(run(0, 10, 20, kafka_cluster=cluster), {})
        found = table.read_new(Watermark()).rows
        table.maintain(20)
    assert [row for row in coordinates(found) if row[0] == cluster] == [
        (cluster, "engagement-events", 0, offset) for offset in range(20)
    ]


def test_the_password_may_stand_in_the_url_too(environment: Environment, postgres: PostgresServer) -> None:
    open_table(environment.but(LAKE_CATALOG_URI=postgres.uri(password=postgres.password), LAKE_CATALOG_PASSWORD=None))


def test_the_password_of_the_setting_wins(environment: Environment, postgres: PostgresServer) -> None:
    open_table(environment.but(LAKE_CATALOG_URI=postgres.uri(password="hunter2")))


def changes(what: str, postgres: PostgresServer, certificates: Certificates, no_pem: Path) -> dict[str, object]:
    """The setting that is wrong."""
    every: dict[str, dict[str, object]] = {
        "password": {"LAKE_CATALOG_PASSWORD": "hunter2"},
        "no password": {"LAKE_CATALOG_PASSWORD": None},
        "password in the URL": {
            "LAKE_CATALOG_PASSWORD": None,
            "LAKE_CATALOG_URI": postgres.uri(password="hunter2"),
        },
        "authority": {"LAKE_CATALOG_URI": postgres.uri(ca=certificates.other_ca)},
        "authority's file": {"LAKE_CATALOG_URI": postgres.uri(ca=Path("/nowhere.pem"))},
        "no TLS": {"LAKE_CATALOG_URI": postgres.uri(sslmode="disable")},
        "database": {"LAKE_CATALOG_URI": postgres.uri().replace(f"/{postgres.database}?", "/nowhere?")},
        "S3 secret key": {"STORE_SECRET_KEY": "hunter2"},
        "S3 access key": {"STORE_ACCESS_KEY": "nobody"},
        "S3 authority": {"STORE_CA": certificates.other_ca},
        "no S3 authority": {"STORE_CA": None},
        "no certificate": {"STORE_CA": no_pem},
    }
    return every[what]


@pytest.fixture
def wrong(
    request: pytest.FixtureRequest,
    environment: Environment,
    postgres: PostgresServer,
    certificates: Certificates,
    no_pem: Path,
) -> Environment:
    open_table(environment)
    return environment.but(**changes(request.param, postgres, certificates, no_pem))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("password", PASSWORD),
        ("no password", PASSWORD),
        ("password in the URL", PASSWORD),
        ("authority", TRUST),
        ("authority's file", TRUST),
        ("no TLS", (*TRUST, "no encryption")),
        ("database", ("LAKE_CATALOG_URI", "nowhere")),
        ("S3 secret key", ("STORE_ACCESS_KEY", "STORE_SECRET_KEY")),
        ("S3 access key", ("STORE_ACCESS_KEY",)),
        ("S3 authority", ("STORE_CA", "certificate")),
        ("no S3 authority", ("STORE_CA", "certificate")),
        ("no certificate", ("STORE_CA", "certificate")),
    ],
    indirect=["wrong"],
)
def test_a_refusal_says_what_to_check(wrong: Environment, words: tuple[str, ...], secrets: list[str]) -> None:
    with pytest.raises(EventTableError) as raised:
        open_table(wrong)
    assert is_one_line(str(raised.value), *words)
    assert not [secret for secret in (*secrets, "hunter2") if secret in str(raised.value)]


def test_an_empty_warehouse_that_refuses_us_says_so_too(environment: Environment, s3: S3Server) -> None:
    """The table is not there yet: it is made, not read."""
    elsewhere = environment.but(LAKE_WAREHOUSE=f"s3://{s3.bucket}/{uuid4().hex}", STORE_SECRET_KEY="hunter2")
    lake, store = elsewhere.settings(LakeSettings), elsewhere.settings(StoreSettings)
    with open_catalog(lake, store) as catalog, pytest.raises(EventTableError) as raised:
        EventTable.open(catalog)
    assert is_one_line(str(raised.value), "STORE_SECRET_KEY")
