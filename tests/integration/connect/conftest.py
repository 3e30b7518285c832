"""One broker, S3 server and worker for all tests of the sink; a lake and empty topics for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.connect.lake import Database, Sink, Stack, new_sink, worker_secrets
from tests.integration.connect.servers import Broker, ConnectWorker, S3Server, started
from tests.real import require_env


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    require_env("REALSTACK_DIR", "SCHEMA_REGISTRY_URL", "APICURIO_URL", "ICEBERG_CATALOG_URI")
    folder = tmp_path_factory.mktemp("connect")
    with (
        Database.create() as database,
        started(S3Server(folder / "s3")) as s3,
        started(Broker(folder / "kafka")) as broker,
        started(ConnectWorker(folder / "worker", broker.bootstrap_servers, worker_secrets(s3, database))) as worker,
    ):
        yield Stack(broker, s3, worker, database)


@pytest.fixture
def sink(stack: Stack) -> Iterator[Sink]:
    """Prepared, not yet registered."""
    with new_sink(stack) as made:
        made.prepare()
        yield made
