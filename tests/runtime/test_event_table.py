"""Open, append, summary, read what is new: on every kind of lake."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import SecretStr
from pyiceberg.catalog import Catalog
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, StringType

from contracts.events import EngagementEvent
from contracts.layout import ENGAGEMENT_TABLE, LAKE_NAMESPACE
from contracts.watermark import Source, Watermark
from runtime.event_table import EVENT_ROW_SCHEMA, EventTable, EventTableError, open_catalog
from runtime.settings import LakeSettings, StoreSettings
from tests.runtime.event_table_lakes import NOON, Lake, coordinates, event, opened, rows, run

TOPIC = "engagement-events"


def test_a_row_has_every_field_of_the_event_and_its_coordinates() -> None:
    fields = list(EngagementEvent.model_fields)
    assert EVENT_ROW_SCHEMA.names[: len(fields)] == fields
    assert EVENT_ROW_SCHEMA.names[len(fields) :] == [
        "kafka_cluster", "kafka_topic", "kafka_partition", "kafka_offset", "kafka_timestamp",
    ]  # fmt: skip
    assert all(field.nullable for field in EVENT_ROW_SCHEMA)


def test_the_table_is_what_the_connect_sink_expects(catalog: Catalog, table: EventTable) -> None:
    created = catalog.load_table(ENGAGEMENT_TABLE)
    assert created.format_version == 2
    assert [str(field.transform) for field in created.spec().fields] == ["day"]
    assert created.spec().fields[0].source_id == created.schema().find_field("kafka_timestamp").field_id
    assert not any(field.required for field in created.schema().fields)
    types = {field.name: str(field.field_type) for field in created.schema().fields}
    assert (types["kafka_partition"], types["kafka_offset"], types["kafka_timestamp"]) == ("int", "long", "timestamptz")


def test_an_empty_table_has_nothing_new(table: EventTable) -> None:
    new = table.read_new(Watermark())
    assert (new.rows.num_rows, new.watermark, new.snapshot_id) == (0, {}, None)
    assert new.rows.schema.equals(EVENT_ROW_SCHEMA)
    assert table.summary_value("archiver.next-offsets") is None
    assert table.statistics().rows == 0


def test_what_is_appended_is_read_unchanged(table: EventTable) -> None:
    appended = rows(
        event(0, 0, value=None, request_id="r", user_id="ü", occurred_at=NOON + timedelta(microseconds=1)),
        event(0, 1, event_id=None, user_id=None, item_id=None, event_type=None, occurred_at=None, source=None),
    )
    snapshot = table.append(appended, {})
    new = table.read_new(Watermark())
    assert new.rows.equals(appended)
    assert new.snapshot_id == snapshot
    assert new.watermark == {Source("c", TOPIC, 0): 2}


def test_only_rows_past_the_watermark_are_new(table: EventTable) -> None:
    table.append(run(0, 0, 5), {})
    table.append(run(1, 0, 3), {})
    first = table.read_new(Watermark())
    assert first.watermark == {Source("c", TOPIC, 0): 5, Source("c", TOPIC, 1): 3}
    assert table.read_new(first.watermark).rows.num_rows == 0
    # a new cluster's offsets start again at 0
    table.append(pa.concat_tables([run(1, 3, 5), run(0, 0, 2, kafka_cluster="d")]), {})
    second = table.read_new(first.watermark)
    assert coordinates(second.rows) == [("c", TOPIC, 1, 3), ("c", TOPIC, 1, 4), ("d", TOPIC, 0, 0), ("d", TOPIC, 0, 1)]
    assert second.watermark == first.watermark | {Source("c", TOPIC, 1): 5, Source("d", TOPIC, 0): 2}


def test_rows_without_a_source_or_a_timestamp_are_new_too(table: EventTable) -> None:
    odd = [
        event(0, 0, kafka_timestamp=None),
        event(0, 1, kafka_cluster=None, event_id="a"),
        event(0, 1, kafka_topic=None, event_id="b"),
        event(None, 1, event_id="c"),
        event(0, 2, kafka_cluster="", kafka_topic=""),
        event(-1, 2, event_id=None),
        event(-1, 2, event_id=None, kafka_cluster=None),
    ]
    table.append(rows(*odd), {})
    watermark = Watermark({Source("c", TOPIC, 0): 1})
    assert table.read_new(watermark).rows.num_rows == len(odd) - 1
    assert table.read_new(Watermark()).rows.num_rows == len(odd)


def test_repetitions_are_read_once_and_the_first_to_arrive_stays(table: EventTable) -> None:
    late, early = NOON + timedelta(hours=1), NOON
    table.append(rows(event(0, 0, kafka_timestamp=late, user_id="late"), event(0, 1, event_id="same")), {})
    table.append(rows(event(0, 0, kafka_timestamp=early, user_id="early"), event(1, 9, event_id="same")), {})
    table.append(rows(event(2, 0, event_id=None), event(2, 1, event_id=None)), {})
    new = table.read_new(Watermark())
    assert [place[2:] for place in coordinates(new.rows)] == [(0, 0), (0, 1), (2, 0), (2, 1)]
    assert new.rows.column("user_id")[0].as_py() == "early"
    assert new.watermark[Source("c", TOPIC, 1)] == 10


def test_columns_come_in_the_order_asked_for(table: EventTable) -> None:
    table.append(run(0, 0, 3), {})
    new = table.read_new(Watermark(), columns=["value", "user_id"])
    assert new.rows.schema.names == ["value", "user_id"]
    assert new.rows.num_rows == 3
    with pytest.raises(EventTableError, match="no column stars"):
        table.read_new(Watermark(), columns=["stars"])


def test_the_summary_is_found_however_many_snapshots_ago(table: EventTable) -> None:
    table.append(run(0, 0, 1), {"archiver.next-offsets": "1", "other": "x"})
    table.append(run(0, 1, 2), {"archiver.next-offsets": "2"})
    table.append(rows(), {})
    assert table.summary_value("archiver.next-offsets") == "2"
    assert table.summary_value("other") == "x"
    assert table.summary_value("missing") is None


def test_next_offsets_are_those_of_one_cluster_and_topic(table: EventTable) -> None:
    table.append(run(0, 0, 5), {})
    table.append(run(2, 7, 9), {})
    table.append(run(0, 20, 30, kafka_cluster="other"), {})
    table.append(run(0, 40, 50, kafka_topic="other"), {})
    table.append(rows(event(None, None), event(1, None)), {})
    assert table.next_offsets("c", "engagement-events") == {0: 5, 2: 9}
    assert table.next_offsets("unknown", "engagement-events") == {}


def test_statistics_come_from_the_metadata(table: EventTable) -> None:
    table.append(run(0, 0, 5), {})
    table.append(run(0, 5, 7), {})
    statistics = table.statistics()
    assert (statistics.rows, statistics.files, statistics.snapshots) == (7, 2, 2)
    assert statistics.bytes > 0
    assert statistics.committed_at is not None


def test_other_columns_are_refused(table: EventTable) -> None:
    with pytest.raises(EventTableError, match="rows have the columns"):
        table.append(run(0, 0, 1).drop_columns(["value"]), {})


def test_a_foreign_table_of_the_same_name_is_refused(catalog: Catalog) -> None:
    catalog.create_namespace(LAKE_NAMESPACE)
    catalog.create_table(ENGAGEMENT_TABLE, Schema(NestedField(1, "event_id", StringType(), required=False)))
    with pytest.raises(EventTableError, match="column user_id"):
        EventTable.open(catalog)


def _append_in_process(lake: Lake, partition: int, commits: int) -> None:
    with opened(lake) as table:
        for commit in range(commits):
            table.append(run(partition, commit * 10, commit * 10 + 10), {"archiver.next-offsets": str(commit)})


def test_several_processes_create_and_append_at_once(lake: Lake) -> None:
    processes, commits = 4, 5
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        list(pool.map(_append_in_process, [lake] * processes, range(processes), [commits] * processes))
    with opened(lake) as table:
        expected = [("c", TOPIC, p, offset) for p in range(processes) for offset in range(commits * 10)]
        assert coordinates(table.read_new(Watermark()).rows) == expected
        assert table.statistics().rows == len(expected)


def test_threads_share_a_table(table: EventTable) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda p: [table.append(run(p, n, n + 1), {}) for n in range(4)], range(4)))
        reads = list(pool.map(lambda _: table.read_new(Watermark()).rows.num_rows, range(4)))
    assert reads == [16] * 4


@pytest.mark.parametrize(
    ("uri", "warehouse", "message"),
    [
        ("nonsense", "file:///tmp/unused", "LAKE_CATALOG_URI is no database URL"),
        ("sqlite://", "file:///tmp/unused", "must name a SQLite file"),
        ("postgresql+psycopg2://u:hidden@127.0.0.1:1/x", "file:///tmp/unused", "refused.*: check LAKE_CATALOG_URI"),
        ("postgresql+nothing://u:hidden@db/x", "file:///tmp/unused", "LAKE_CATALOG_URI names a database that"),
        ("postgresql+psycopg2://u:hidden@127.0.0.1:1/x", "s3://bucket/x", "needs the STORE_"),
    ],
)
def test_a_catalog_that_cannot_be_opened_says_so(uri: str, warehouse: str, message: str) -> None:
    with pytest.raises(EventTableError, match=message) as raised:
        open_catalog(LakeSettings(catalog_uri=SecretStr(uri), warehouse=warehouse), None)
    assert "hidden" not in str(raised.value)


def test_s3_without_credentials_is_anonymous(tmp_path: Path) -> None:
    lake = LakeSettings(catalog_uri=SecretStr(f"sqlite:///{tmp_path}/c.db"), warehouse="s3://bucket/x")
    with open_catalog(lake, StoreSettings(url="s3://bucket")) as catalog:
        assert catalog.properties["s3.anonymous"] == "true"
        assert "s3.endpoint" not in catalog.properties
