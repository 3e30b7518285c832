from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL, make_url

from connectors.sink_catalog import SinkConfigError, jdbc_url

hosts = st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,5})?", fullmatch=True)
ports = st.none() | st.integers(1, 65535)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
modes = st.sampled_from(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])


logins = st.tuples(texts, st.none() | texts)


@given(hosts, ports, texts, logins, st.none() | modes)
def test_the_same_server_and_database_without_user_and_password(
    host: str, port: int | None, database: str, login: tuple[str, str | None], mode: str | None
) -> None:
    query = {} if mode is None else {"sslmode": mode}
    uri = URL.create("postgresql+psycopg2", *login, host, port, database, query)
    made = jdbc_url(uri)
    assert re.fullmatch(r"jdbc:postgresql://[\x21-\x7e]+", made)
    parts = urlsplit(made.removeprefix("jdbc:"))
    assert (parts.hostname, parts.port, parts.username) == (host, port or 5432, None)
    assert unquote(parts.path[1:]) == database
    assert {name: values[0] for name, values in parse_qs(parts.query).items()} == query


@given(texts, modes)
def test_the_authority_and_how_strictly_it_is_asked(path: str, mode: str) -> None:
    uri = URL.create("postgresql", "u", None, "db", None, "d", {"sslmode": mode, "sslrootcert": path})
    query = parse_qs(urlsplit(jdbc_url(uri).removeprefix("jdbc:")).query, keep_blank_values=True)
    if path != "system":
        assert query["sslrootcert"] == [path]
    # libpq verifies with an authority at hand
    assert query["sslmode"] == ["verify-ca" if mode == "require" and path != "system" else mode]


def test_forms_of_hosts() -> None:
    assert jdbc_url(make_url("postgresql://u@[::1]:5433/d")) == "jdbc:postgresql://[::1]:5433/d"
    several = make_url("postgresql+psycopg2://u@/d?host=a:5433&host=b")
    assert jdbc_url(several) == "jdbc:postgresql://a:5433,b:5432/d"
    assert (
        jdbc_url(make_url("postgresql://u@db/d?application_name=x&connect_timeout=3")) == "jdbc:postgresql://db:5432/d"
    )
    system = make_url("postgresql://u@db/d?sslmode=verify-full&sslrootcert=system")
    assert jdbc_url(system) == (
        "jdbc:postgresql://db:5432/d?sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory"
    )


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sqlite:////lake/catalog.db", "must be PostgreSQL"),
        ("mysql://u@db/d", "must be PostgreSQL"),
        ("postgresql://u@db", "names no database"),
        ("postgresql://u@/d?host=/var/run/postgresql", "names no host"),
        ("postgresql://u@/d", "names no host"),
        ("postgresql://u:hidden@db/d?sslkey=/k.pem", "sslkey cannot be carried over"),
        ("postgresql://u:hidden@db/d?channel_binding=require", "channel_binding cannot be carried over"),
    ],
)
def test_what_has_no_counterpart_is_refused(uri: str, message: str) -> None:
    with pytest.raises(SinkConfigError, match=rf"^LAKE_CATALOG_URI.*{message}") as error:
        jdbc_url(make_url(uri))
    assert "hidden" not in str(error.value)
