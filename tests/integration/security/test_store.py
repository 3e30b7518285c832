"""The object store's laws over TLS with a private authority, and what is said where it is not trusted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from runtime.object_store import ObjectStore, ObjectStoreError, StoreRefusedError, StoreUnavailableError
from runtime.object_stores import open_store
from runtime.settings import StoreSettings
from tests.integration.security.environment import Environment, is_one_line
from tests.integration.servers import Certificates, S3Server
from tests.runtime import test_object_store as laws

pytestmark = pytest.mark.real

OPERATIONS: dict[str, Callable[[ObjectStore], object]] = {
    "get": lambda store: store.get("key"),
    "head": lambda store: store.head("key"),
    "put": lambda store: store.put("key", b"content"),
    "conditional put": lambda store: store.put("key", b"content", if_absent=True),
    "list": lambda store: store.list(),
}


@pytest.fixture
def store(s3: S3Server) -> ObjectStore:
    """An empty one; the laws' own classes take it from here."""
    environment = Environment(s3.environment()).but(STORE_URL=f"s3://{s3.bucket}/laws/{uuid4().hex}")
    return open_store(environment.settings(StoreSettings))


class TestPutAndGetOverTls(laws.TestPutAndGet):
    pass


class TestRangeOverTls(laws.TestRange):
    pass


class TestHeadListDeleteOverTls(laws.TestHeadListDelete):
    pass


class TestConditionsOverTls(laws.TestConditions):
    pass


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("what", ["secret key", "authority", "no authority"])
def test_a_refusal_says_what_to_check(
    s3: S3Server, certificates: Certificates, what: str, operation: str, secrets: list[str]
) -> None:
    changes: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
        "secret key": ({"STORE_SECRET_KEY": "hunter2"}, ("STORE_ACCESS_KEY", "STORE_SECRET_KEY")),
        "authority": ({"STORE_CA": certificates.other_ca}, ("STORE_CA", "certificate")),
        "no authority": ({"STORE_CA": None}, ("STORE_CA", "certificate")),
    }
    changed, words = changes[what]
    refused = open_store(Environment(s3.environment()).but(**changed).settings(StoreSettings))
    with pytest.raises(StoreRefusedError) as raised:
        OPERATIONS[operation](refused)
    assert is_one_line(str(raised.value), *words)
    assert not [secret for secret in (*secrets, "hunter2") if secret in str(raised.value)]


def test_plain_http_is_no_way_in(s3: S3Server) -> None:
    plain = Environment(s3.environment()).but(STORE_ENDPOINT=s3.endpoint.replace("https", "http"))
    with pytest.raises(StoreUnavailableError, match="check STORE_ENDPOINT"):
        open_store(plain.settings(StoreSettings)).get("key")


def test_a_file_without_a_certificate_is_named(s3: S3Server, no_pem: Path) -> None:
    with pytest.raises(ObjectStoreError, match=r"STORE_CA=.*no\.pem is no PEM file"):
        open_store(Environment(s3.environment()).but(STORE_CA=no_pem).settings(StoreSettings))
