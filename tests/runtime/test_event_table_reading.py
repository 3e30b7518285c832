"""What `read_new` gives is what a plain loop over all rows gives, whatever the rows, the files and the watermark."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.watermark import Source, Watermark
from runtime.event_table_filter import NewRows
from runtime.event_table_order import distinct_in_order
from tests.runtime.event_table_lakes import KINDS, NOON, empty_lake, event, opened, rows

Event = dict[str, Any]

CLUSTERS = ["", "a", "b", "import:" + "0" * 64, "import:" + "0" * 63 + "1", "ü"]
TOPICS = ["engagement-events", "import"]
# of many lengths, some with a shared beginning
IDS = ["", "x", "1234567", "12345678", "123456789", "12345678ü", "e" * 40, "e" * 39 + "f"]

optional_offsets = st.none() | st.integers(0, 12) | st.just(10**9)
events = st.builds(
    lambda cluster, topic, partition, offset, arrival, event_id: event(
        partition,
        offset,
        kafka_cluster=cluster,
        kafka_topic=topic,
        kafka_timestamp=None if arrival is None else NOON + timedelta(seconds=arrival),
        event_id=event_id,
        user_id="u",
        item_id="i",
    ),
    st.none() | st.sampled_from(CLUSTERS),
    st.none() | st.sampled_from(TOPICS),
    st.none() | st.integers(-1, 3),
    optional_offsets,
    st.none() | st.integers(0, 100_000),
    st.none() | st.sampled_from(IDS) | st.uuids().map(str),
)
watermarks = st.dictionaries(
    st.builds(Source, st.sampled_from([*CLUSTERS, "gone"]), st.sampled_from(TOPICS), st.integers(-1, 3)),
    st.integers(0, 12),
    max_size=12,
).map(Watermark)


def source_of(row: Event) -> Source | None:
    parts = row["kafka_cluster"], row["kafka_topic"], row["kafka_partition"]
    return None if None in parts else Source(*parts)


def is_new(row: Event, watermark: Watermark) -> bool:
    source = source_of(row)
    if source is None or source not in watermark:
        return True
    offset: int | None = row["kafka_offset"]
    return offset is not None and offset >= watermark[source]


def nulls_last(*values: Any) -> tuple[Any, ...]:
    return tuple((value is None, value) if value is not None else (True,) for value in values)


def place(row: Event) -> tuple[Any, ...]:
    names = ("kafka_cluster", "kafka_topic", "kafka_partition", "kafka_offset", "kafka_timestamp", "event_id")
    parts = (row[name].encode() if isinstance(row[name], str) else row[name] for name in names)
    return nulls_last(*parts)


def expected(stored: list[Event], watermark: Watermark) -> list[Event]:
    kept: list[Event] = []
    taken: set[Any] = set()
    for row in sorted((row for row in stored if is_new(row, watermark)), key=place):
        source, offset = source_of(row), row["kafka_offset"]
        if source is not None and offset is not None:
            if (source, offset) in taken:
                continue
            taken.add((source, offset))
        kept.append(row)
    by_arrival = sorted(kept, key=lambda row: (nulls_last(row["kafka_timestamp"]), place(row)))
    first: dict[str, int] = {}
    for row in by_arrival:
        if row["event_id"] is not None:
            first.setdefault(row["event_id"], id(row))
    return [row for row in kept if row["event_id"] is None or first[row["event_id"]] == id(row)]


def expected_watermark(stored: list[Event], watermark: Watermark) -> Watermark:
    moved = Watermark(watermark)
    for row in stored:
        source, offset = source_of(row), row["kafka_offset"]
        if source is not None and offset is not None and is_new(row, watermark):
            moved[source] = max(offset + 1, moved.get(source, 0))
    return moved


@given(st.lists(st.lists(events, max_size=12), min_size=1, max_size=4), watermarks)
@settings(max_examples=300, deadline=None)
def test_rows_in_memory(batches: list[list[Event]], watermark: Watermark) -> None:
    # one object per row: equal rows must not be one and the same
    stored = [dict(row) for batch in batches for row in batch]
    new_rows = NewRows(watermark)
    tables = [pa.Table.from_batches([new_rows.of(batch)]) for part in batches for batch in rows(*part).to_batches()]
    found = pa.concat_tables(tables) if tables else rows()
    kept = found.take(pa.array(distinct_in_order(found))).to_pylist() if found.num_rows else []
    assert kept == expected(stored, watermark)
    assert new_rows.advanced() == expected_watermark(stored, watermark)


@given(st.lists(st.lists(events, max_size=8), max_size=4), watermarks)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_in_files(batches: list[list[Event]], watermark: Watermark) -> None:
    stored = [dict(row) for batch in batches for row in batch]
    with tempfile.TemporaryDirectory() as folder, empty_lake(KINDS[0], Path(folder)) as lake, opened(lake) as table:
        for batch in batches:
            table.append(rows(*batch), {})
        new = table.read_new(watermark)
        assert new.rows.to_pylist() == expected(stored, watermark)
        assert new.watermark == expected_watermark(stored, watermark)
        again = table.read_new(new.watermark)
        assert again.rows.to_pylist() == expected(stored, new.watermark)
