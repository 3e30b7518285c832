"""The event table on every kind of lake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog import Catalog

from runtime.event_table import EventTable, open_catalog
from tests.runtime.event_table_lakes import KINDS, Lake, empty_lake


@pytest.fixture(params=KINDS)
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    with empty_lake(request.param, tmp_path) as lake:
        yield lake


@pytest.fixture
def catalog(lake: Lake) -> Iterator[Catalog]:
    with open_catalog(*lake) as catalog:
        yield catalog


@pytest.fixture
def table(catalog: Catalog) -> EventTable:
    return EventTable.open(catalog)
