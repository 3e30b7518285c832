"""CSV: RFC 4180, exact about lines, and the fast way reads what the careful way reads."""

from __future__ import annotations

import csv
import gzip
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from showrunner.ingesting import csv as csv_reader
from showrunner.ingesting.csv_records import MAX_RECORD
from showrunner.ingesting.file import IngestError
from tests.showrunner.ingesting.files import HEADER, read, reasons, rows, written

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
SCRAPS = st.lists(
    st.sampled_from(
        ['"', '""', ",", "\n", "\r\n", "\r", "1,2,3,4\n", '"1","2",3,4\n', "é", " ", "\0", "5", "\n1,", ',"']
    ),
    max_size=40,
).map("".join)
ANY_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


class TestReading:
    def test_movielens_columns(self, tmp_path: Path) -> None:
        path = written(tmp_path / "r.csv", HEADER + "1,296,5.0,1147880044\n1,306,3.5,1147868817\n")
        assert rows(read(path)) == [(2, "1", "296", 5.0, 1147880044000), (3, "1", "306", 3.5, 1147868817000)]

    def test_our_columns_in_any_order_with_others_between(self, tmp_path: Path) -> None:
        content = (
            "\ufeffoccurred_at, note ,item_id,event_type,user_id,value\r\n2020-01-02T03:04:05Z,x,7,watch,u,0.5\r\n"
        )
        found = read(written(tmp_path / "R.CSV", content))
        assert rows(found) == [(2, "u", "7", 0.5, 1577934245000)]
        assert found.events["event_type"].to_pylist() == ["WATCH"]

    def test_a_file_without_ratings_has_types(self, tmp_path: Path) -> None:
        path = written(tmp_path / "r.csv", "user_id,item_id,event_type,timestamp\n1,2,CLICK,0\n1,3,LIKE,0\n1,4,,0\n")
        found = read(path)
        assert found.events["event_type"].to_pylist() == ["CLICK", "LIKE"]
        assert reasons(found) == [(4, "rating: must be from 0.5 to 5.0 for RATING, got None")]

    @pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n\r\n"])
    def test_the_last_line_may_end_or_not(self, tmp_path: Path, end: str) -> None:
        found = read(written(tmp_path / "r.csv", HEADER + "1,2,3,4" + end))
        assert rows(found) == [(2, "1", "2", 3.0, 4000)]
        assert reasons(found) == []

    def test_compressed(self, tmp_path: Path) -> None:
        path = written(tmp_path / "r.csv.gz", gzip.compress((HEADER + "1,2,3,4\n").encode()))
        assert rows(read(path)) == [(2, "1", "2", 3.0, 4000)]

    @ANY_FILE
    @given(
        data=st.lists(st.tuples(TEXT, TEXT, st.integers(1, 10).map(lambda n: n / 2), st.integers(0, 4 * 10**9), TEXT)),
        quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        end=st.sampled_from(["\n", "\r\n"]),
        block=st.sampled_from([60, 100, 10_000]),
    )
    def test_what_pythons_csv_writes_is_read(
        self, tmp_path: Path, data: list[Any], quoting: Any, end: str, block: int
    ) -> None:
        text = StringIO()
        writer = csv.writer(text, quoting=quoting, lineterminator=end)
        writer.writerow(["userId", "movieId", "rating", "timestamp", "review"])
        expected = []
        for user, item, rating, time, review in data:
            expected.append((text.getvalue().count("\n") + 1, user, item, rating, time * 1000))
            writer.writerow([user, item, rating, time, review])
        found = read(written(tmp_path / "r.csv", text.getvalue()), block=block, piece=30)
        assert reasons(found) == []
        assert rows(found) == expected

    @settings(ANY_FILE, max_examples=300)
    @given(scraps=SCRAPS, block=st.sampled_from([40, 64, 1000]), piece=st.sampled_from([1, 10, 1000]))
    @example(scraps='1,2,"3\n1,2,3,4\n', block=1000, piece=1)
    @example(scraps="1,2,3,4\r5,6,3,8\n", block=1000, piece=1000)
    def test_the_fast_way_reads_what_the_careful_way_reads(
        self, tmp_path: Path, scraps: str, block: int, piece: int
    ) -> None:
        path = written(tmp_path / "r.csv", HEADER + scraps)
        fast = read(path, block=block, piece=piece)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv_reader, "plain_rows", lambda *_: None)
            careful = read(path)
        assert (rows(fast), fast.rejected) == (rows(careful), careful.rejected)


class TestIds:
    @pytest.mark.parametrize(
        "id_", ["007", "9007199254740993", "10000000000000001", "1e5", "1.50", "-0", " a ", "é", "NA"]
    )
    def test_are_verbatim(self, tmp_path: Path, id_: str) -> None:
        assert rows(read(written(tmp_path / "r.csv", f"{HEADER}{id_},{id_},3,4\n"))) == [(2, id_, id_, 3.0, 4000)]


class TestMalformed:
    def test_rows_are_reported_with_their_lines_and_the_rest_is_loaded(self, tmp_path: Path) -> None:
        bad = [
            (b"1,2,3", "3 fields where the header has 4"),
            (b"1,2,3,4,5", "5 fields where the header has 4"),
            (b",2,3,4", "user_id: is empty"),
            (b"1,,3,4", "item_id: is empty"),
            (b"1,2,5.5,4", "rating: must be from 0.5 to 5.0 for RATING, got 5.5"),
            (b"1,2,0,4", "rating: must be from 0.5 to 5.0 for RATING, got 0.0"),
            (b"1,2,nan,4", "rating: must be a number, got 'nan'"),
            (b"1,2,,4", "rating: must be from 0.5 to 5.0 for RATING, got None"),
            (b"1,2,good,4", "rating: must be a number, got 'good'"),
            (b"1,2,3,", "timestamp: is empty"),
            (b"1,2,3,soon", "timestamp: must be seconds since 1970 or an ISO 8601 time, got 'soon'"),
            (b"1,2,3,1e300", "timestamp: must be from 1900 to 2199, got '1e300'"),
            (b"1,2,3,8000000000", "timestamp: must be from 1900 to 2199, got '8000000000'"),
            (b"\xff,2,3,4", "user_id: is not UTF-8"),
            (b"x" * 257 + b",2,3,4", "user_id: has 257 characters, at most 256 are allowed"),
            (b'1,"2,3,4', "a quote is not closed, or text follows the closing one"),
            (b'1,"2"2,3,4', "a quote is not closed, or text follows the closing one"),
            (b"1;2;3;4", "1 fields where the header has 4"),
        ]
        good = b"1,2,3,4"
        lines = [HEADER.strip().encode(), *(line for row, _ in bad for line in (row, good, b""))]
        found = read(written(tmp_path / "r.csv", b"\r\n".join(lines)))
        assert reasons(found) == [(2 + 3 * place, reason) for place, (_, reason) in enumerate(bad)]
        assert [row[0] for row in rows(found)] == [3 + 3 * place for place in range(len(bad))]

    def test_event_types(self, tmp_path: Path) -> None:
        header = "user_id,item_id,event_type,value,timestamp\n"
        found = read(
            written(tmp_path / "r.csv", header + "1,2,SHARE,,4\n1,2,CLICK,3,4\n1,2,WATCH,1.5,4\n1,2,click,,4\n")
        )
        assert [row[0] for row in rows(found)] == [5]
        assert reasons(found) == [
            (2, "event_type: must be one of RATING, LIKE, DISLIKE, WATCH, CLICK, got 'SHARE'"),
            (3, "value: must be null for CLICK, got 3.0"),
            (4, "value: must be from 0.0 to 1.0 for WATCH, got 1.5"),
        ]

    def test_what_was_rejected_is_shown(self, tmp_path: Path) -> None:
        found = read(written(tmp_path / "r.csv", f"{HEADER}1,2\n1,2,9,4\n"))
        assert [row.row for row in found.rejected] == [
            "1,2\n",
            {"user_id": "1", "item_id": "2", "event_type": None, "value": "9", "time": "4"},
        ]

    def test_lines_are_right_after_quoted_newlines(self, tmp_path: Path) -> None:
        content = 'userId,note,movieId,rating,timestamp\n1,"a\n""b"",\r\nc",2,3,4\n1,d,2,3\n1,e,2,3,4\n'
        found = read(written(tmp_path / "r.csv", content))
        assert [row[0] for row in rows(found)] == [2, 6]
        assert reasons(found) == [(5, "4 fields where the header has 5")]

    def test_a_header_of_two_lines(self, tmp_path: Path) -> None:
        found = read(written(tmp_path / "r.csv", 'userId,movieId,rating,timestamp,"a\nb"\n1,2,3,4,5\n1,2,3,4\n'))
        assert [row[0] for row in rows(found)] == [3]
        assert [row.line for row in found.rejected] == [4]

    def test_a_quote_that_is_never_closed_costs_its_line_only(self, tmp_path: Path) -> None:
        good = "1,2,3,4\n" * (2 * MAX_RECORD // 8)
        found = read(written(tmp_path / "r.csv", f'{HEADER}{good}1,"2,3,4\n{good}'), block=MAX_RECORD + 10_000)
        line = 2 + good.count("\n")
        assert [row.line for row in found.rejected] == [line]
        lines = found.events["line"].to_pylist()
        assert lines == [number for number in range(2, 2 * line - 1) if number != line]

    @pytest.mark.parametrize("end", ["\n1,2,3,4\n", ""])
    def test_a_line_without_end_costs_no_memory(self, tmp_path: Path, end: str) -> None:
        content = f"{HEADER}1,2,3,4\n{'x' * (5 * MAX_RECORD + 17)}{end}"
        found = read(written(tmp_path / "r.csv", content), block=MAX_RECORD + 10_000)
        assert reasons(found) == [(3, f"the line is longer than {MAX_RECORD} bytes")]
        assert [row[0] for row in rows(found)] == ([2, 4] if end else [2])
        assert len(found.rejected[0].row) == 1000

    def test_a_few_bad_rows_among_many_good_ones(self, tmp_path: Path) -> None:
        lines = [f"{n},{n},{3 if n % 1000 else 7},{n}" for n in range(2, 30_002)]
        found = read(written(tmp_path / "r.csv", HEADER + "\n".join(lines)))
        assert [row.line for row in found.rejected] == list(range(1000, 30_001, 1000))
        assert rows(found) == [(n, str(n), str(n), 3.0, n * 1000) for n in range(2, 30_002) if n % 1000]


class TestFiles:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            ("userId,rating,timestamp\n", "no column item_id or movieId, only userId, rating, timestamp"),
            ("movieId,rating,timestamp\n", "no column user_id or userId"),
            ("userId,movieId,timestamp\n", "no column rating or value"),
            ("userId,movieId,rating\n", "no column timestamp or occurred_at"),
            ("userId,user_id,movieId,rating,timestamp\n", "the columns userId and user_id, which mean the same"),
            ("userId,movieId,rating,timestamp,rating\n", "the columns rating and rating"),
            ("\n", "no column user_id or userId, only none"),
            (b"\xff\xfeu\0s\0", "line 1: is not UTF-8"),
            ('"userId\n', "line 1: a quote is not closed"),
            ("", "is empty"),
        ],
    )
    def test_a_wrong_file_is_one_error(self, tmp_path: Path, content: str | bytes, problem: str) -> None:
        with pytest.raises(IngestError, match=problem) as caught:
            read(written(tmp_path / "r.csv", content))
        assert "r.csv: " in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_missing_file_a_folder_and_another_format(self, tmp_path: Path) -> None:
        (tmp_path / "folder.csv").mkdir()
        with pytest.raises(IngestError, match=r"r\.csv: No such file"):
            read(tmp_path / "r.csv")
        with pytest.raises(IngestError, match=r"folder\.csv: Is a directory"):
            read(tmp_path / "folder.csv")
        with pytest.raises(IngestError, match=r"r\.xlsx: its name must end with one of \.csv, "):
            read(written(tmp_path / "r.xlsx", "x"))

    @pytest.mark.parametrize("content", [b"no gzip at all", gzip.compress(HEADER.encode() * 99)[:-9]])
    def test_a_damaged_compressed_file(self, tmp_path: Path, content: bytes) -> None:
        with pytest.raises(IngestError, match=r"r\.csv\.gz: cannot be read to its end"):
            read(written(tmp_path / "r.csv.gz", content))
