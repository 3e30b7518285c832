"""A history in the lake: every row exactly once, however often it is imported and wherever that is cut off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid5

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.catalog import Catalog

from contracts.watermark import Source, Watermark
from runtime.event_table import EventTable, open_catalog
from showrunner.data_dir import DataDir
from showrunner.ingesting.event_ids import NAMESPACE, event_ids
from showrunner.ingesting.file import IngestError, opened
from showrunner.ingesting.ratings import RatingsCounts, Table, last_loaded_line, load_ratings
from showrunner.ingesting.rejected import RejectedRows
from tests.processes import eventually
from tests.showrunner.ingesting.files import HEADER, written


@pytest.fixture
def catalog(data_dir: DataDir) -> Iterator[Catalog]:
    store, lake = data_dir.settings()
    with open_catalog(lake, store) as catalog:
        EventTable.open(catalog)
        yield catalog


def load(catalog: Catalog, path: Path, table: Table | None = None, **options: Any) -> RatingsCounts:
    table = table or EventTable(catalog)
    with opened(path) as file, RejectedRows() as rejected:
        return load_ratings(
            file,
            table,
            loaded_until=last_loaded_line(table, file),
            rejected=rejected,
            **{"catalogue": None, "progress": lambda _: None, **options},
        )


def stored(catalog: Catalog) -> list[dict[str, Any]]:
    """Every row of the table, repetitions too."""
    rows: list[dict[str, Any]] = catalog.load_table("lake.engagement_events").scan().to_arrow().to_pylist()
    return sorted(rows, key=lambda row: (row["kafka_cluster"], row["kafka_offset"]))


def history(path: Path, rows: int) -> Path:
    """Line n has the viewer n; every seventh is bad."""
    lines = (f"{n},{n % 5},{9 if n % 7 == 0 else 4},{n}" for n in range(2, rows + 2))
    return written(path, HEADER + "\n".join(lines) + "\n")


def good_lines(rows: int) -> list[int]:
    return [n for n in range(2, rows + 2) if n % 7]


def test_rows_are_as_the_contract_says(catalog: Catalog, tmp_path: Path) -> None:
    content = f"{HEADER}007,x,4.5,1147880044\n"
    before = datetime.now(UTC)
    assert load(catalog, written(tmp_path / "r.csv", content)) == RatingsCounts(loaded=1)
    (row,) = stored(catalog)
    cluster = f"import:{sha256(content.encode()).hexdigest()}"
    arrived = row.pop("kafka_timestamp")
    assert row == {
        "event_id": str(uuid5(NAMESPACE, f"{cluster}/import/0/2")),
        "user_id": "007",
        "item_id": "x",
        "event_type": "RATING",
        "value": 4.5,
        "occurred_at": datetime(2006, 5, 17, 15, 34, 4, tzinfo=UTC),
        "source": "import",
        "request_id": None,
        "kafka_cluster": cluster,
        "kafka_topic": "import",
        "kafka_partition": 0,
        "kafka_offset": 2,
    }
    assert timedelta() <= datetime.now(UTC) - arrived <= datetime.now(UTC) - before + timedelta(milliseconds=1)


def test_repeating_an_import_adds_nothing(catalog: Catalog, tmp_path: Path) -> None:
    path = history(tmp_path / "r.csv", 100)
    lines = good_lines(100)
    assert load(catalog, path, rows_per_append=30) == RatingsCounts(loaded=len(lines))
    assert load(catalog, path, rows_per_append=30) == RatingsCounts(present=len(lines))
    assert [row["kafka_offset"] for row in stored(catalog)] == lines


def test_another_file_is_another_import(catalog: Catalog, tmp_path: Path) -> None:
    load(catalog, history(tmp_path / "r.csv", 10))
    assert load(catalog, history(tmp_path / "r.csv", 12)) == RatingsCounts(loaded=len(good_lines(12)))
    watermark = EventTable(catalog).read_new(Watermark()).watermark
    assert sorted(watermark.values()) == [12, 14]
    assert {(source.topic, source.partition) for source in watermark} == {("import", 0)}
    assert all(isinstance(source, Source) and source.cluster.startswith("import:") for source in watermark)


class FailingTable:
    """Fails at the append of this number, before or after it was committed."""

    def __init__(self, catalog: Catalog, number: int, *, committed: bool) -> None:
        self._table = EventTable(catalog)
        self._left = number
        self._committed = committed

    def next_offsets(self, cluster: str, topic: str) -> dict[int, int]:
        return self._table.next_offsets(cluster, topic)

    def append(self, rows: pa.Table, properties: Mapping[str, str]) -> int:
        self._left -= 1
        if self._left == 0 and not self._committed:
            raise ConnectionError
        snapshot = self._table.append(rows, properties)
        if self._left == 0:
            raise ConnectionError
        return snapshot


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_import_that_failed_is_completed(catalog: Catalog, tmp_path: Path, number: int, committed: bool) -> None:
    path, lines = history(tmp_path / "r.csv", 100), good_lines(100)
    with pytest.raises(ConnectionError):
        load(catalog, path, FailingTable(catalog, number, committed=committed), rows_per_append=30)
    there = min(30 * (number - 1 + committed), len(lines))
    assert load(catalog, path, rows_per_append=17) == RatingsCounts(loaded=len(lines) - there, present=there)
    assert [row["kafka_offset"] for row in stored(catalog)] == lines


IMPORT = """
import sys
from pathlib import Path
from showrunner.data_dir import DataDir
from tests.showrunner.ingesting.test_ratings import load, open_catalog
store, lake = DataDir(Path(sys.argv[1])).settings()
with open_catalog(lake, store) as catalog:
    load(catalog, Path(sys.argv[2]), rows_per_append=200)
"""


def test_an_import_that_was_killed_is_completed(catalog: Catalog, data_dir: DataDir, tmp_path: Path) -> None:
    path, lines = history(tmp_path / "r.csv", 50_000), good_lines(50_000)
    table = EventTable(catalog)
    for _ in range(3):
        before = table.statistics().rows
        process = subprocess.Popen([sys.executable, "-c", IMPORT, str(data_dir.root), str(path)])

        def appended(at_least: int = before + 400) -> bool:
            return table.statistics().rows >= at_least

        try:
            eventually(appended, what="an append")
        finally:
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
    there = table.statistics().rows
    assert 1_200 <= there < len(lines)
    assert load(catalog, path) == RatingsCounts(loaded=len(lines) - there, present=there)
    assert [row["kafka_offset"] for row in stored(catalog)] == lines
    assert len({row["event_id"] for row in stored(catalog)}) == len(lines)


def test_rows_of_unknown_items_are_kept_and_counted(catalog: Catalog, tmp_path: Path) -> None:
    path = history(tmp_path / "r.csv", 10)
    counts = load(catalog, path, catalogue=pa.array(["1", "2"]))
    assert (counts.loaded, counts.unknown) == (9, 6)
    assert load(catalog, path, catalogue=pa.array(["1", "2"])).unknown == 6


def test_a_file_that_changes_meanwhile_is_an_error(catalog: Catalog, tmp_path: Path) -> None:
    path = history(tmp_path / "r.csv", 10)

    def change(_: int) -> None:
        with path.open("a") as file:
            file.write("1,2,3,4\n")

    with pytest.raises(IngestError, match=r"r\.csv: it was changed while it was read"):
        load(catalog, path, progress=change)
    assert stored(catalog) == []


@given(cluster=st.text(st.characters(codec="utf-8")), offsets=st.lists(st.integers(0, 2**63 - 1), max_size=5))
def test_event_ids_are_name_based_uuids(cluster: str, offsets: list[int]) -> None:
    expected = [str(uuid5(NAMESPACE, f"{cluster}/import/0/{offset}")) for offset in offsets]
    ids = event_ids(cluster, "import", np.array(offsets, np.int64))
    ids.validate(full=True)
    assert ids.to_pylist() == expected
