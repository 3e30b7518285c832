"""Maintenance: few files and snapshots, the same rows, and the writers' state still there."""

from __future__ import annotations

import multiprocessing
import random
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyarrow.fs import FileInfo, FileSelector, FileType
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table
from pyiceberg.types import StringType

from contracts.layout import ENGAGEMENT_TABLE
from contracts.watermark import Source, Watermark
from runtime.event_table import EVENT_ROW_SCHEMA, EventTable, EventTableError, MaintenanceReport
from runtime.event_table_compaction import compact, plan_compactions
from tests.runtime.event_table_lakes import NOON, Lake, coordinates, event, opened, rows, run

TOPIC = "engagement-events"
STATE = "archiver.next-offsets"
CONNECT = "kafka.connect.offsets.control-iceberg-c.sink"


def thorough(table: EventTable, **others: Any) -> MaintenanceReport:
    """Everything that is not needed at this moment goes."""
    limits = {"keep_snapshots": 1, "retention_seconds": 0, "min_files": 2, "orphan_age_seconds": 0} | others
    return table.maintain(60, **limits)


def files_of(catalog: Catalog, folder: str) -> list[str]:
    table = catalog.load_table(ENGAGEMENT_TABLE)
    assert isinstance(table.io, PyArrowFileIO)
    scheme, host, path = table.io.parse_location(table.location())
    selector = FileSelector(f"{path}/{folder}", recursive=True, allow_not_found=True)
    return [info.path for info in table.io.fs_by_scheme(scheme, host).get_file_info(selector) if info.is_file]


def test_an_empty_table_needs_nothing(table: EventTable) -> None:
    report = thorough(table)
    assert (report.compactions, report.snapshots_expired, report.files_removed) == (0, 0, 0)
    assert report.finished


def test_small_files_become_one_and_nothing_else_changes(table: EventTable, catalog: Catalog) -> None:
    for start in range(0, 40, 4):
        table.append(run(start % 3, start, start + 4), {STATE: str(start)})
    before = table.read_new(Watermark())
    report = thorough(table)
    assert (report.compactions, report.files_compacted, report.rows_rewritten) == (1, 10, 40)
    assert report.finished
    assert table.statistics().files == len(files_of(catalog, "data")) == 1
    assert table.statistics().snapshots == 1
    # the current metadata, at most 20 older ones, the manifest list and its manifests
    assert len(files_of(catalog, "metadata")) <= 25
    after = table.read_new(Watermark())
    assert after.rows.equals(before.rows)
    assert after.watermark == before.watermark
    assert table.read_new(before.watermark).rows.num_rows == 0
    assert table.summary_value(STATE) == "36"
    again = thorough(table)
    assert (again.compactions, again.snapshots_expired) == (0, 0)


def test_every_day_has_its_own_files(table: EventTable) -> None:
    days = [NOON + timedelta(days=day) for day in range(3)]
    stored = [event(0, 10 * n + d, kafka_timestamp=day) for n in range(4) for d, day in enumerate([*days, None])]
    for start in range(0, len(stored), 4):
        table.append(rows(*stored[start : start + 4]), {})
    assert table.statistics().files == 16
    assert thorough(table).compactions == 4
    assert table.statistics().files == 4
    assert table.read_new(Watermark()).rows.num_rows == len(stored)


def test_a_closed_day_is_compacted_sooner_than_the_newest(table: EventTable) -> None:
    for offset in (0, 1, 86_400, 86_401):
        table.append(run(0, offset, offset + 1), {})
    assert thorough(table, min_files=8).files_compacted == 2
    assert table.statistics().files == 3


def test_a_file_as_large_as_the_target_is_left_alone(table: EventTable) -> None:
    for start in range(0, 40, 10):
        table.append(run(0, start, start + 10), {})
    assert thorough(table, target_file_bytes=1000).compactions == 0
    assert table.statistics().files == 4


def test_a_row_is_rewritten_once_per_tier(table: EventTable) -> None:
    commits, least = 27, 3
    rewritten = 0
    for start in range(commits):
        table.append(run(0, start, start + 1), {})
        rewritten += table.maintain(60, min_files=least).rows_rewritten
        # at most two of each of the sizes 1, 3 and 9
        assert table.statistics().files <= 2 * 3 + 1
    assert rewritten <= 3 * commits


def test_the_writers_state_survives_compaction_and_expiry(table: EventTable) -> None:
    table.append(run(0, 0, 1), {STATE: "1", CONNECT: "{0:5}", "kafka.connect.commit-id": "a", "spark.app": "x"})
    table.append(run(0, 1, 2), {CONNECT: "{0:9}"})
    table.append(run(0, 2, 3), {STATE: "3"})
    table.append(run(1, 0, 9), {})
    thorough(table)
    assert table.statistics().snapshots == 1
    found = {key: table.summary_value(key) for key in (STATE, CONNECT, "kafka.connect.commit-id", "spark.app")}
    assert found == {STATE: "3", CONNECT: "{0:9}", "kafka.connect.commit-id": "a", "spark.app": None}


def test_expiry_alone_never_loses_the_writers_state(table: EventTable) -> None:
    for number in range(8):
        table.append(run(0, number, number + 1), {STATE: str(number)} if number in {1, 4} else {})
    report = thorough(table, min_files=100)
    assert (report.compactions, report.snapshots_expired) == (0, 4)
    assert table.summary_value(STATE) == "4"


def test_snapshots_that_readers_may_be_reading_stay(table: EventTable) -> None:
    for number in range(6):
        table.append(run(0, number, number + 1), {})
    assert thorough(table, min_files=100, retention_seconds=3600).snapshots_expired == 0
    assert thorough(table, min_files=100, keep_snapshots=5).snapshots_expired == 1


def test_what_a_tag_names_stays(table: EventTable, catalog: Catalog) -> None:
    tagged = table.append(run(0, 0, 1), {})
    catalog.load_table(ENGAGEMENT_TABLE).manage_snapshots().create_tag(tagged, "training").commit()
    for number in range(1, 4):
        table.append(run(0, number, number + 1), {})
    thorough(table)
    kept = catalog.load_table(ENGAGEMENT_TABLE).scan(snapshot_id=tagged).to_arrow()
    assert kept.num_rows == 1


def test_a_commit_between_reading_and_replacing_keeps_its_rows_and_its_state(
    table: EventTable, catalog: Catalog
) -> None:
    for number in range(4):
        table.append(run(0, number, number + 1), {STATE: str(number)})
    loads = 0

    def load() -> Table:
        nonlocal loads
        loads += 1
        loaded = catalog.load_table(ENGAGEMENT_TABLE)
        if loads <= 3:
            table.append(run(1, loads, loads + 1), {STATE: f"newer {loads}"})
        return loaded

    [compaction] = plan_compactions(catalog.load_table(ENGAGEMENT_TABLE), min_files=2, target_file_bytes=1 << 20)
    assert compact(load, compaction)
    assert loads == 4
    assert table.summary_value(STATE) == "newer 3"
    assert table.read_new(Watermark()).rows.num_rows == 7
    assert table.statistics().files == 4


def test_two_maintainers_replace_the_same_files_once(table: EventTable, catalog: Catalog) -> None:
    for number in range(4):
        table.append(run(0, number, number + 1), {})
    loaded = catalog.load_table(ENGAGEMENT_TABLE)
    [compaction] = plan_compactions(loaded, min_files=2, target_file_bytes=1 << 20)
    assert compact(lambda: catalog.load_table(ENGAGEMENT_TABLE), compaction)
    assert not compact(lambda: catalog.load_table(ENGAGEMENT_TABLE), compaction)
    assert table.read_new(Watermark()).rows.num_rows == 4
    assert thorough(table).files_removed > 0
    assert not compact(lambda: catalog.load_table(ENGAGEMENT_TABLE), compaction)
    assert len(files_of(catalog, "data")) == 1


def test_what_a_killed_writer_left_is_removed_once_it_is_old(table: EventTable, catalog: Catalog) -> None:
    table.append(run(0, 0, 3), {})
    location = catalog.load_table(ENGAGEMENT_TABLE).location()
    io = catalog.load_table(ENGAGEMENT_TABLE).io
    orphans = [f"{location}/data/kafka_timestamp_day=2026-05-04/left.parquet", f"{location}/metadata/left-m0.avro"]
    foreign = f"{location}/README.txt"
    for path in [*orphans, foreign]:
        with io.new_output(path).create() as stream:
            stream.write(b"left")
    assert table.maintain(60, orphan_age_seconds=3600).files_removed == 0
    # a sweep lists the whole table, so the next one waits for a while
    assert table.maintain(60, orphan_age_seconds=3600).files_removed == 0
    assert thorough(table).files_removed == len(orphans)
    assert io.new_input(foreign).exists()
    assert table.read_new(Watermark()).rows.num_rows == 3


def test_nothing_is_removed_when_the_listing_does_not_fit(table: EventTable, monkeypatch: pytest.MonkeyPatch) -> None:
    table.append(run(0, 0, 3), {})
    long_ago = NOON - timedelta(days=10_000)
    listed = [FileInfo("//elsewhere/metadata/x.avro", type=FileType.File, mtime=long_ago)]
    monkeypatch.setattr("runtime.event_table_orphans._listed", lambda *_: listed)
    with pytest.raises(EventTableError, match="shows no file of the table"):
        thorough(table)


def test_a_spent_budget_stops_between_steps(table: EventTable) -> None:
    for number in range(6):
        table.append(run(0, number, number + 1), {})
    report = table.maintain(-1, min_files=2, keep_snapshots=2, retention_seconds=0)
    assert (report.compactions, report.snapshots_expired, report.finished) == (0, 4, False)
    assert table.read_new(Watermark()).rows.num_rows == 6


def test_a_read_whose_files_were_just_removed_starts_over(table: EventTable, catalog: Catalog) -> None:
    for number in range(4):
        table.append(run(0, number, number + 1), {})
    stale = catalog.load_table(ENGAGEMENT_TABLE)
    thorough(table)
    answers = iter([stale])
    table._load = lambda: next(answers, None) or catalog.load_table(ENGAGEMENT_TABLE)  # type: ignore[method-assign]
    assert table.read_new(Watermark()).rows.num_rows == 4


@pytest.mark.parametrize("orphan_age_seconds", [0, 3600])
def test_an_append_whose_first_snapshot_expired_meanwhile_is_repeated(
    table: EventTable, catalog: Catalog, orphan_age_seconds: float
) -> None:
    table.append(run(0, 0, 1), {})
    stale = catalog.load_table(ENGAGEMENT_TABLE)
    table.append(run(0, 1, 2), {})
    thorough(table, orphan_age_seconds=orphan_age_seconds)
    answers = iter([stale])
    table._load = lambda: next(answers, None) or catalog.load_table(ENGAGEMENT_TABLE)  # type: ignore[method-assign]
    assert table.append(run(0, 2, 3), {STATE: "3"}) == table.read_new(Watermark()).snapshot_id
    assert table.read_new(Watermark()).rows.equals(run(0, 0, 3))
    assert table.statistics().rows == 3


def test_a_later_column_is_kept(table: EventTable, catalog: Catalog) -> None:
    table.append(run(0, 0, 1), {})
    with catalog.load_table(ENGAGEMENT_TABLE).update_schema() as update:
        update.add_column("device", StringType())
    wider = run(0, 1, 2).append_column("device", pa.array(["tv"]))
    catalog.load_table(ENGAGEMENT_TABLE).append(wider)
    assert thorough(table).compactions == 1
    stored = catalog.load_table(ENGAGEMENT_TABLE).scan().to_arrow()
    assert sorted(stored.column("device").to_pylist(), key=str) == [None, "tv"]
    # rows without the new column are still taken
    table.append(run(0, 2, 3), {})
    assert EventTable.open(catalog).read_new(Watermark()).rows.num_rows == 3


def test_files_of_other_writers_mix(table: EventTable, catalog: Catalog) -> None:
    table.append(run(0, 0, 2), {})
    text = {pa.string(): pa.large_string()}
    wide = run(0, 2, 4).cast(
        pa.schema([field.with_type(text.get(field.type, field.type)) for field in EVENT_ROW_SCHEMA])
    )
    catalog.load_table(ENGAGEMENT_TABLE).append(wide)
    assert table.read_new(Watermark()).rows.equals(run(0, 0, 4))
    assert thorough(table).compactions == 1
    assert table.read_new(Watermark()).rows.equals(run(0, 0, 4))


def _append_and_read(lake: Lake, partition: int, commits: int) -> None:
    with opened(lake) as table:
        seen = Watermark()
        read = 0
        for commit in range(commits):
            table.append(run(partition, commit * 5, commit * 5 + 5), {f"archiver.{partition}": str(commit)})
            new = table.read_new(seen, columns=["kafka_partition"])
            read += new.rows.column("kafka_partition").to_pylist().count(partition)
            seen = new.watermark
        assert read == commits * 5


def _maintain_for_ever(lake: Lake) -> None:
    with opened(lake) as table:
        while True:
            table.maintain(60, keep_snapshots=1, retention_seconds=1, min_files=2, orphan_age_seconds=20)


def test_maintainers_beside_writers_and_killed_at_any_moment(lake: Lake) -> None:
    writers, commits = 2, 30
    spawn = multiprocessing.get_context("spawn")
    with opened(lake):
        pass
    draws = random.Random(1)
    with ProcessPoolExecutor(writers, mp_context=spawn) as pool:
        results = [pool.submit(_append_and_read, lake, partition, commits) for partition in range(writers)]
        kills = 0
        while not all(result.done() for result in results):
            maintainer = spawn.Process(target=_maintain_for_ever, args=(lake,))
            maintainer.start()
            time.sleep(draws.uniform(1.5, 3.5))
            maintainer.kill()
            maintainer.join()
            assert maintainer.exitcode == -9, "the maintainer failed before it was killed"
            kills += 1
        for result in results:
            result.result()
    with opened(lake) as table:
        expected = [("c", TOPIC, p, offset) for p in range(writers) for offset in range(commits * 5)]
        assert table.statistics().rows == len(expected)
        thorough(table, orphan_age_seconds=3600)
        new = table.read_new(Watermark())
        assert coordinates(new.rows) == expected
        assert new.watermark == {Source("c", TOPIC, p): commits * 5 for p in range(writers)}
        assert [table.summary_value(f"archiver.{p}") for p in range(writers)] == [str(commits - 1)] * writers
    assert kills > 0
