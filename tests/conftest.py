"""What many tests share: an in-process Kafka and registry, and a lake in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from runtime.event_table import EventTable, open_catalog
from runtime.settings import KafkaSettings
from showrunner.data_dir import DataDir
from showrunner.embedded.broker import Broker
from showrunner.embedded.registry import Registry
from tests.real import forget_own_settings

# how fast an example runs says more about the machine than about the code
settings.register_profile("showrunner", deadline=None)
settings.load_profile("showrunner")
forget_own_settings()


@pytest.fixture
def kafka() -> Iterator[KafkaSettings]:
    """A fresh broker and registry, their topics empty."""
    with Broker() as broker, Registry() as registry:
        yield KafkaSettings(
            bootstrap_servers=broker.bootstrap_servers, schema_registry_url=registry.url, cluster="test-cluster"
        )


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    return DataDir.create(tmp_path / "data")


@contextmanager
def event_table(data_dir: DataDir) -> Iterator[EventTable]:
    """The table of a lake in a folder."""
    store, lake = data_dir.settings()
    with open_catalog(lake, store) as catalog:
        yield EventTable.open(catalog)


@pytest.fixture
def table(data_dir: DataDir) -> Iterator[EventTable]:
    with event_table(data_dir) as opened:
        yield opened
