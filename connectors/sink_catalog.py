"""The sink's Iceberg catalog and warehouse: the same catalog that runtime.event_table_catalog opens, for Java."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from connectors.secrets import Placeholder
from runtime.event_table_catalog import CATALOG_NAME
from runtime.settings import LakeSettings, StoreSettings

_DEFAULT_PORT: Final = 5432
_HARMLESS: Final = frozenset({"host", "application_name", "connect_timeout", "fallback_application_name"})
_REFUSED_PREFIXES: Final = ("ssl", "gss", "krb", "channel_binding", "require_auth", "service", "passfile")


class SinkConfigError(ValueError):
    """A setting that the sink cannot work with; the message names it and the remedy."""


def jdbc_url(uri: URL) -> str:
    """`jdbc:postgresql://host:port/database` with the same TLS as the SQLAlchemy URL, without user and password.

    Raises:
        SinkConfigError: no PostgreSQL, no host, or TLS parameters that the JDBC driver does not share.
    """
    if uri.get_backend_name() != "postgresql":
        raise SinkConfigError(
            "LAKE_CATALOG_URI must be PostgreSQL (postgresql+psycopg2://…) for the sink on Kafka Connect; "
            "with SQLite run `python -m connectors archive` instead"
        )
    if not uri.database:
        raise SinkConfigError("LAKE_CATALOG_URI names no database")
    tls = _tls(uri)
    query = f"?{urlencode(tls, quote_via=quote)}" if tls else ""
    return f"jdbc:postgresql://{_hosts(uri)}/{quote(uri.database, safe='')}{query}"


def _hosts(uri: URL) -> str:
    if uri.host:
        named = [(uri.host, uri.port)]
    else:
        # SQLAlchemy's form for several: ?host=a:5432&host=b:5432
        named = []
        for each in uri.normalized_query.get("host", ()):
            host, _, port = each.rpartition(":") if ":" in each else (each, "", "")
            named.append((host, int(port) if port.isdigit() else None))
    if not named or any(host.startswith("/") for host, _ in named):
        raise SinkConfigError("LAKE_CATALOG_URI names no host that Kafka Connect could reach over TCP")
    return ",".join(f"[{host}]:{port or _DEFAULT_PORT}" if ":" in host else f"{host}:{port or _DEFAULT_PORT}"
                    for host, port in named)  # fmt: skip


def _tls(uri: URL) -> dict[str, str]:
    given = {name: values[-1] for name, values in uri.normalized_query.items()}
    mode, root = given.pop("sslmode", None), given.pop("sslrootcert", None)
    for name in given:
        if name not in _HARMLESS and name.startswith(_REFUSED_PREFIXES):
            raise SinkConfigError(
                f"LAKE_CATALOG_URI: {name} cannot be carried over to the sink's JDBC driver; "
                "use sslmode and sslrootcert with a user and a password"
            )
    tls = {} if mode is None else {"sslmode": mode}
    if root == "system":
        # libpq's word for the system's authorities
        tls["sslfactory"] = "org.postgresql.ssl.DefaultJavaSSLFactory"
    elif root is not None:
        tls["sslrootcert"] = root
        # libpq verifies as soon as it is given an authority; the JDBC driver would not
        if mode == "require":
            tls["sslmode"] = "verify-ca"
    return tls


def catalog_config(lake: LakeSettings, store: StoreSettings, secret: Placeholder) -> dict[str, str]:
    """The `iceberg.catalog*` settings. Raises SinkConfigError."""
    try:
        uri = make_url(lake.catalog_uri.get_secret_value())
    except ArgumentError:
        raise SinkConfigError("LAKE_CATALOG_URI is no database URL (postgresql+psycopg2://…)") from None
    if not lake.warehouse.startswith("s3://"):
        raise SinkConfigError(
            "LAKE_WAREHOUSE must be s3://… for the sink on Kafka Connect; "
            "with a folder run `python -m connectors archive` instead"
        )
    config = {
        # rows of the catalog's tables carry this name: pyiceberg's and the sink's must be equal
        "iceberg.catalog": CATALOG_NAME,
        "iceberg.catalog.catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
        "iceberg.catalog.uri": jdbc_url(uri),
        # the layout of the catalog's tables that pyiceberg makes
        "iceberg.catalog.jdbc.schema-version": "V1",
        # a database that went away without a word is noticed, instead of holding a commit for ever
        "iceberg.catalog.jdbc.connectTimeout": "10",
        "iceberg.catalog.jdbc.socketTimeout": "60",
        "iceberg.catalog.warehouse": lake.warehouse,
        **_s3(store, secret),
    }
    if uri.username is not None:
        config["iceberg.catalog.jdbc.user"] = uri.username
        # wherever the password stands here, the worker is given it apart
        config["iceberg.catalog.jdbc.password"] = secret("LAKE_CATALOG_PASSWORD")
    return config


def _s3(store: StoreSettings, secret: Placeholder) -> dict[str, str]:
    config = {
        # without it Iceberg would want Hadoop's S3A, which is not in the image
        "iceberg.catalog.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "iceberg.catalog.client.region": store.region,
        # rides out an outage of about two minutes: a failed write ends the task. Longer would take put() near
        # max.poll.interval.ms (5 minutes)
        "iceberg.catalog.s3.retry.num-retries": "12",
        "iceberg.catalog.s3.retry.min-wait-ms": "500",
        "iceberg.catalog.s3.retry.max-wait-ms": "15000",
    }
    # the SDK finds a region's own endpoint at AWS; elsewhere buckets have no host names of their own
    if store.endpoint != StoreSettings.model_fields["endpoint"].default:
        config["iceberg.catalog.s3.endpoint"] = store.endpoint
        config["iceberg.catalog.s3.path-style-access"] = "true"
    # without keys the AWS SDK looks for the worker's own identity
    if store.access_key is not None and store.secret_key is not None:
        config["iceberg.catalog.s3.access-key-id"] = secret("STORE_ACCESS_KEY")
        config["iceberg.catalog.s3.secret-access-key"] = secret("STORE_SECRET_KEY")
    return config
