"""JSON Lines and Parquet, and that a history is the same in every format."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from showrunner.ingesting.file import IngestError
from showrunner.ingesting.jsonl import MAX_LINE
from tests.showrunner.ingesting.files import read, reasons, rows, written

NAMES = ("user_id", "item_id", "event_type", "value", "timestamp")
ID = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=9)
EVENTS = st.one_of(
    st.tuples(ID, ID, st.just("RATING"), st.integers(1, 10).map(lambda n: n / 2), st.integers(0, 4 * 10**9)),
    st.tuples(ID, ID, st.just("WATCH"), st.floats(0, 1), st.integers(0, 4 * 10**9)),
    st.tuples(ID, ID, st.sampled_from(["LIKE", "DISLIKE", "CLICK"]), st.none(), st.integers(0, 4 * 10**9)),
    st.tuples(ID, ID, st.just("RATING"), st.just(9.0), st.integers(0, 4 * 10**9)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(events=st.lists(EVENTS, min_size=1))
def test_csv_json_lines_and_parquet_agree(tmp_path: Path, events: list[tuple[Any, ...]]) -> None:
    with (tmp_path / "r.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([NAMES, *events])
    lines = [json.dumps(dict(zip(NAMES, event, strict=True))) for event in events]
    written(tmp_path / "r.jsonl", "\n".join(lines))
    columns = [pa.array(column) for column in zip(*events, strict=True)]
    pq.write_table(pa.table(columns, names=list(NAMES)), tmp_path / "r.parquet")
    one, two, three = (read(tmp_path / name) for name in ("r.csv", "r.jsonl", "r.parquet"))
    assert two.events.equals(three.events)
    assert one.events.drop_columns("line").equals(two.events.drop_columns("line"))
    assert [line - 1 for line in one.events["line"].to_pylist()] == two.events["line"].to_pylist()
    assert [(line - 1, reason) for line, reason in reasons(one)] == reasons(two) == reasons(three)


class TestJsonLines:
    def test_names_and_kinds_of_values(self, tmp_path: Path) -> None:
        records = [
            {"userId": 1, "movieId": 10**16 + 1, "rating": 4, "timestamp": 5},
            {"user_id": "007", "item_id": "x", "value": "4.0", "occurred_at": "1970-01-01T00:00:05Z", "more": {}},
        ]
        content = "\ufeff" + "\n\n".join(map(json.dumps, records))
        expected = [(1, "1", str(10**16 + 1), 4.0, 5000), (3, "007", "x", 4.0, 5000)]
        assert rows(read(written(tmp_path / "r.ndjson", content))) == expected
        assert rows(read(written(tmp_path / "r.jsonl.gz", gzip.compress(content.encode())))) == expected

    def test_bad_lines_are_reported_and_the_rest_is_loaded(self, tmp_path: Path) -> None:
        good = b'{"user_id": 1, "item_id": 2, "rating": 3, "timestamp": 4}'
        lines = [
            good,
            b'{"user_id": 1,',
            b"[1]",
            good.replace(b": 1", b": 1.0"),
            good.replace(b": 1", b': "\xff"'),
            good.replace(b": 1", b': "\\ud800"'),
            good.replace(b": 3", b": true"),
            good.replace(b": 4", b": NaN"),
            b'{"item_id": 2, "rating": 3, "timestamp": 4}',
            b"[" * 100_000,
            b'{"user_id": ' + b"9" * 5_000 + b"}",
            b'"' + b"x" * (3 * MAX_LINE) + b'"',
            good,
        ]
        found = read(written(tmp_path / "r.jsonl", b"\n".join(lines)))
        assert [row[0] for row in rows(found)] == [1, 13]
        assert [(line, reason.partition(":")[0]) for line, reason in reasons(found)] == [
            (2, "not JSON"),
            (3, "not a JSON object"),
            (4, "user_id"),
            (5, "not UTF-8"),
            (6, "user_id"),
            (7, "rating"),
            (8, "timestamp"),
            (9, "user_id"),
            (10, "not JSON"),
            (11, "Exceeds the limit (4300 digits) for integer string conversion"),
            (12, f"the line is longer than {MAX_LINE} bytes"),
        ]
        assert json.dumps([row.row for row in found.rejected])


MOMENT = datetime(2006, 5, 17, 15, 34, 4, 123456, tzinfo=UTC)
MOMENT_MS = 1147880044123


class TestParquet:
    @pytest.mark.parametrize(
        ("times", "expected"),
        [
            (pa.array([MOMENT], pa.timestamp("ns", tz="Europe/Berlin")), MOMENT_MS),
            (pa.array([MOMENT], pa.timestamp("us")), MOMENT_MS),
            (pa.array([MOMENT_MS]), MOMENT_MS),
            (pa.array([MOMENT_MS // 1000], pa.int32()), MOMENT_MS // 1000 * 1000),
            (pa.array([MOMENT_MS / 1000]), MOMENT_MS),
            (pa.array([MOMENT.date()]), 1147824000000),
            (pa.array([MOMENT.isoformat()]), MOMENT_MS),
            (pa.array([datetime(1969, 12, 31, 23, 59, 59, 999_999)], pa.timestamp("us")), -1),  # noqa: DTZ001
        ],
    )
    def test_times(self, tmp_path: Path, times: pa.Array, expected: int) -> None:
        pq.write_table(
            pa.table({"userId": [1], "movieId": [2], "rating": [3], "timestamp": times}), tmp_path / "r.parquet"
        )
        assert rows(read(tmp_path / "r.parquet")) == [(1, "1", "2", 3.0, expected)]

    @pytest.mark.parametrize(
        ("ids", "expected"),
        [
            (pa.array([2**64 - 1], pa.uint64()), str(2**64 - 1)),
            (pa.array([-(2**63)]), str(-(2**63))),
            (pa.array(["007"]).dictionary_encode(), "007"),
            (pa.array(["007"], pa.large_string()), "007"),
        ],
    )
    @pytest.mark.parametrize("rating", [3, 3.0, "3", Decimal("3.0")])
    def test_ids_and_ratings(self, tmp_path: Path, ids: pa.Array, expected: str, rating: Any) -> None:
        table = pa.table({"user_id": ids, "item_id": ids, "rating": [rating], "timestamp": [4]})
        pq.write_table(table, tmp_path / "r.parquet")
        assert rows(read(tmp_path / "r.parquet")) == [(1, expected, expected, 3.0, 4000)]

    def test_bad_rows_are_reported_with_their_numbers(self, tmp_path: Path) -> None:
        count = 5_000
        table = pa.table(
            {
                "user_id": [None if n == 17 else str(n) for n in range(1, count + 1)],
                "item_id": [""] + ["1"] * (count - 1),
                "rating": [float(n == 4_000) + 4.5 for n in range(1, count + 1)],
                "timestamp": pa.array([None if n == 18 else 4 for n in range(1, count + 1)]),
            }
        )
        pq.write_table(table, tmp_path / "r.parquet", row_group_size=999)
        found = read(tmp_path / "r.parquet")
        assert reasons(found) == [
            (1, "item_id: is empty"),
            (17, "user_id: is empty"),
            (18, "timestamp: is empty"),
            (4_000, "rating: must be from 0.5 to 5.0 for RATING, got 5.5"),
        ]
        assert [row[0] for row in rows(found)] == [n for n in range(1, count + 1) if n not in (1, 17, 18, 4_000)]

    def test_times_beyond_any_calendar(self, tmp_path: Path) -> None:
        times = pa.array([2**62, -(2**62), None], pa.timestamp("s"))
        pq.write_table(
            pa.table({"userId": [1] * 3, "movieId": [2] * 3, "rating": [3] * 3, "timestamp": times.cast(pa.int64())}),
            tmp_path / "r.parquet",
        )
        assert [row.line for row in read(tmp_path / "r.parquet").rejected] == [1, 2, 3]
        times = pa.array([2**62, -(2**62), None], pa.timestamp("us"))
        pq.write_table(
            pa.table({"userId": [1] * 3, "movieId": [2] * 3, "rating": [3] * 3, "timestamp": times}),
            tmp_path / "r.parquet",
        )
        assert [row.line for row in read(tmp_path / "r.parquet").rejected] == [1, 2, 3]

    @pytest.mark.parametrize(
        ("columns", "problem"),
        [
            ({"userId": [1.0]}, "userId is double, which may lose digits of ids"),
            ({"timestamp": [[1]]}, r"timestamp is list<.*>, which cannot be read as time"),
            ({"rating": [True]}, "rating is bool, which cannot be read as value"),
            ({"userId": None}, "no column user_id or userId"),
        ],
    )
    def test_columns_that_cannot_be_read(self, tmp_path: Path, columns: dict[str, Any], problem: str) -> None:
        all_columns = {"userId": [1], "movieId": [2], "rating": [3], "timestamp": [4], **columns}
        table = pa.table({name: column for name, column in all_columns.items() if column})
        pq.write_table(table, tmp_path / "r.parquet")
        with pytest.raises(IngestError, match=problem):
            read(tmp_path / "r.parquet")

    def test_what_is_no_parquet(self, tmp_path: Path) -> None:
        with pytest.raises(IngestError, match=r"r\.parquet: not a readable Parquet file"):
            read(written(tmp_path / "r.parquet", "PAR1 no parquet"))
