"""The `file` source: CSV, JSON Lines, Parquet, and MovieLens' `movies.csv`."""

from __future__ import annotations

import csv
import json
import os
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.items import Item, MediaType
from exporter.file import FileSource
from exporter.source import SourceError
from exporter.validate import Validated, validate

CHANGED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (CHANGED.timestamp(), CHANGED.timestamp()))
    return path


def read(path: Path) -> Validated:
    return validate(FileSource(path).entries())


def good(path: Path) -> list[Item]:
    validated = read(path)
    assert validated.rejected == []
    return validated.items


FULL = Item(
    item_id="007",
    title='A "quoted", title',
    description="Two\nlines",
    media_type=MediaType.SHOW,
    genres=("Drama", "Sci-Fi"),
    release_year=1999,
    cover_url="https://example.org/x.jpg",
    added_at=datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC),
)
SPARSE = Item(item_id="8", title="Sparse", added_at=CHANGED)


class TestMovieLens:
    def test_movies_csv_works_as_it_is(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "movies.csv",
            "movieId,title,genres\r\n"
            "1,Toy Story (1995),Adventure|Animation|Children|Comedy|Fantasy\r\n"
            '11,"American President, The (1995)",Comedy|Drama|Romance\r\n'
            "40697,Babylon 5,Sci-Fi\r\n"
            "171631,Maria Bamford: Old Baby (2017) ,(no genres listed)\r\n"
            "108583,Fawlty Towers (1975\u20131979),Comedy\r\n"
            "2,Death Note (2006- ),(no genres listed)|Crime\r\n"
            "3,2001: A Space Odyssey (1968),Sci-Fi\r\n"
            "4,(1995),Drama\r\n",
        )
        assert [(i.item_id, i.title, i.release_year, i.genres) for i in good(path)] == [
            ("1", "Toy Story", 1995, ("Adventure", "Animation", "Children", "Comedy", "Fantasy")),
            ("11", "American President, The", 1995, ("Comedy", "Drama", "Romance")),
            ("40697", "Babylon 5", None, ("Sci-Fi",)),
            ("171631", "Maria Bamford: Old Baby", 2017, ()),
            ("108583", "Fawlty Towers", 1975, ("Comedy",)),
            ("2", "Death Note", 2006, ("Crime",)),
            ("3", "2001: A Space Odyssey", 1968, ("Sci-Fi",)),
            ("4", "(1995)", None, ("Drama",)),
        ]
        assert {(i.media_type, i.added_at) for i in good(path)} == {(MediaType.MOVIE, CHANGED)}


class TestCsv:
    def test_our_columns_in_any_order_with_others_between(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "items.CSV",
            "\ufefftitle,item_id,extra,description,media_type,genres,release_year,cover_url,added_at\n"
            '"A ""quoted"", title",007,x,"Two\nlines",show,Drama| Sci-Fi |,1999,https://example.org/x.jpg,'
            "2020-02-03T04:05:06Z\n"
            "\n"
            "Sparse,8,,,,,,,\n",
        )
        assert good(path) == [FULL, SPARSE]

    def test_times_as_epoch_seconds(self, tmp_path: Path) -> None:
        path = written(tmp_path / "i.csv", "item_id,title,added_at\n1,t,1580702706\n")
        assert good(path)[0].added_at == FULL.added_at

    def test_our_titles_keep_their_years(self, tmp_path: Path) -> None:
        (item,) = good(written(tmp_path / "i.csv", "item_id,title\n1,Toy Story (1995)\n"))
        assert (item.title, item.release_year) == ("Toy Story (1995)", None)

    @pytest.mark.parametrize("item_id", ["9007199254740993", "00012", "1e5", "1.50", "-0", "tt0111161", "é"])
    def test_ids_are_verbatim(self, tmp_path: Path, item_id: str) -> None:
        assert good(written(tmp_path / "i.csv", f"item_id,title\n{item_id},t\n"))[0].item_id == item_id

    def test_bad_rows_are_rejected_with_their_lines(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "i.csv",
            b'item_id,title,release_year\n1,"two\nlines",1999\n2,too,1999,many\n3,few\n4,t,soon\n5,,1999\n\xff,t,1999\n'
            b"1,again,1999\n6,fine,1999\n7," + b"x" * 140_000 + b",1999\n8,fine,1999\n",
        )
        validated = read(path)
        assert [item.item_id for item in validated.items] == ["1", "6", "8"]
        assert [(r.position, r.reason.partition(":")[0]) for r in validated.rejected] == [
            ("line 4", "4 fields where the header has 3"),
            ("line 5", "2 fields where the header has 3"),
            ("line 6", "release_year"),
            ("line 7", "title"),
            ("line 8", "item_id"),
            ("line 9", "item_id"),
            ("line 11", "not CSV"),
        ]
        assert validated.rejected[0].entry == ["2", "too", "1999", "many"]
        assert json.dumps([r.entry for r in validated.rejected])

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            ("", "no column item_id"),
            ("id,title\n1,t\n", r"no column item_id \(or movieId\), only id, title"),
            ("item_id,name\n1,t\n", "no column title, only item_id, name"),
            ("item_id,title,title\n1,t,t\n", "a column comes twice"),
        ],
    )
    def test_a_wrong_header_is_an_error(self, tmp_path: Path, content: str, problem: str) -> None:
        with pytest.raises(SourceError, match=problem) as caught:
            read(written(tmp_path / "i.csv", content))
        assert "i.csv" in str(caught.value)

    def test_a_header_alone_is_an_empty_catalogue(self, tmp_path: Path) -> None:
        assert read(written(tmp_path / "i.csv", "item_id,title\n")) == Validated([], [])

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
    @given(
        rows=st.lists(
            st.tuples(
                *[st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1)] * 2
            ),
            unique_by=lambda row: row[0],
        )
    )
    def test_what_pythons_csv_writes_is_read(self, tmp_path: Path, rows: list[tuple[str, str]]) -> None:
        text = StringIO()
        csv.writer(text).writerows([("item_id", "title"), *rows])
        assert [(i.item_id, i.title) for i in good(written(tmp_path / "i.csv", text.getvalue()))] == rows


class TestJsonLines:
    def test_our_fields(self, tmp_path: Path) -> None:
        full = json.loads(FULL.model_dump_json())
        lines = [full, {"item_id": 8, "title": "Sparse", "genres": None, "cover_url": "", "unknown": {}}]
        path = written(tmp_path / "i.jsonl", "\n\n".join(map(json.dumps, lines)))
        assert good(path) == [FULL, SPARSE]

    def test_genres_as_text_and_large_ids(self, tmp_path: Path) -> None:
        path = written(tmp_path / "i.ndjson", '{"item_id": 90071992547409931, "title": "t", "genres": "A|B"}\n')
        assert [(i.item_id, i.genres) for i in good(path)] == [("90071992547409931", ("A", "B"))]

    def test_bad_lines_are_rejected_with_their_numbers(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "i.jsonl",
            b'{"item_id": 1, "title": "t"}\n{"item_id": 2,\n[1]\n\n{"item_id": 3.0, "title": "t"}\n{"title": "t"}\n'
            b'{"item_id": "x", "title": "\xff"}\n{"item_id": "y", "title": "\\ud800"}\nnull\n' + b"[" * 100_000 + b"\n",
        )
        validated = read(path)
        assert [item.item_id for item in validated.items] == ["1"]
        assert [(r.position, r.reason.partition(":")[0]) for r in validated.rejected] == [
            ("line 2", "not JSON"),
            ("line 3", "not a JSON object"),
            ("line 5", "item_id"),
            ("line 6", "item_id"),
            ("line 7", "title"),
            ("line 8", "title"),
            ("line 9", "not a JSON object"),
            ("line 10", "not JSON"),
        ]
        assert json.dumps([r.entry for r in validated.rejected])


class TestParquet:
    def test_our_columns(self, tmp_path: Path) -> None:
        table = pa.table(
            {
                "item_id": pa.array(["007", "8"]).dictionary_encode(),
                "title": [FULL.title, "Sparse"],
                "description": [FULL.description, None],
                "media_type": ["SHOW", None],
                "genres": [["Drama", "Sci-Fi"], None],
                "release_year": pa.array([1999, None], pa.int16()),
                "cover_url": [FULL.cover_url, None],
                "added_at": pa.array([FULL.added_at, None], pa.timestamp("ns")),
                "ignored": [1.5, None],
            }
        )
        pq.write_table(table, tmp_path / "i.parquet")
        os.utime(tmp_path / "i.parquet", (CHANGED.timestamp(), CHANGED.timestamp()))
        assert good(tmp_path / "i.parquet") == [FULL, SPARSE]

    def test_movielens_columns_and_integer_ids(self, tmp_path: Path) -> None:
        pq.write_table(
            pa.table({"movieId": [2**60 + 1], "title": ["Heat (1995)"], "genres": ["Crime|Drama"]}),
            tmp_path / "m.parquet",
        )
        (item,) = good(tmp_path / "m.parquet")
        assert (item.item_id, item.title, item.release_year) == (str(2**60 + 1), "Heat", 1995)

    def test_ids_as_floats_are_refused(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"item_id": [1.0], "title": ["t"]}), tmp_path / "i.parquet")
        with pytest.raises(SourceError, match="item_id is double, which loses digits"):
            read(tmp_path / "i.parquet")

    def test_bad_rows_are_rejected_with_their_numbers(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"item_id": ["1", None, "3"], "title": ["t", "t", None]}), tmp_path / "i.parquet")
        validated = read(tmp_path / "i.parquet")
        assert [i.item_id for i in validated.items] == ["1"]
        assert [(r.position, r.reason) for r in validated.rejected] == [
            ("row 2", "item_id: Field required"),
            ("row 3", "title: Field required"),
        ]

    @pytest.mark.parametrize("content", [b"", b"PAR1 no parquet PAR1"])
    def test_what_is_no_parquet_is_an_error(self, tmp_path: Path, content: bytes) -> None:
        with pytest.raises(SourceError, match="not a readable Parquet file"):
            read(written(tmp_path / "i.parquet", content))

    def test_other_columns_are_an_error(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"id": ["1"]}), tmp_path / "i.parquet")
        with pytest.raises(SourceError, match="no column item_id"):
            read(tmp_path / "i.parquet")


class TestFiles:
    @pytest.mark.parametrize("name", ["items.csv", "items.jsonl", "items.parquet"])
    def test_a_missing_file_is_named(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(SourceError, match=f"{name}: No such file"):
            read(tmp_path / name)

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").mkdir()
        with pytest.raises(SourceError, match="Is a directory"):
            read(tmp_path / "x.csv")

    def test_another_format_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"suffix must be one of \.csv"):
            read(tmp_path / "items.xlsx")

    def test_the_source_may_be_named(self, tmp_path: Path) -> None:
        names: list[Any] = [FileSource(tmp_path).name, FileSource(tmp_path, name="ingest").name]
        assert names == ["file", "ingest"]
