"""Times, ratings and ids: what whole batches take is what the careful look at a row takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from showrunner.ingesting.check import RAW_COLUMNS, _all_good
from showrunner.ingesting.rows import Row, check_rows

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def milliseconds(time: Any) -> int | str:
    checked = check_rows([Row(1, "1", "2", None, 3, time)])
    if checked.rejected:
        return checked.rejected[0].reason
    moment: datetime = checked.events["occurred_at"][0].as_py()
    return (moment - EPOCH) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("1147880044", 1147880044000),
        (1147880044, 1147880044000),
        ("1147880044.5", 1147880044500),
        (1147880044.1234, 1147880044123),
        ("1147880044123", 1147880044123),
        ("1.147880044e9", 1147880044000),
        (" 0 ", 0),
        (-86400, -86400000),
        ("2006-05-17T15:34:04Z", 1147880044000),
        ("2006-05-17T15:34:04", 1147880044000),
        ("2006-05-17 15:34:04.123456789", 1147880044123),
        ("2006-05-17T17:34:04+02:00", 1147880044000),
        ("2006-05-17", 1147824000000),
        ("1969-12-31T23:59:59.9999Z", -1),
        (datetime(2006, 5, 17, 15, 34, 4), 1147880044000),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_times(time: Any, expected: int) -> None:
    assert milliseconds(time) == expected


@pytest.mark.parametrize("time", [None, "", "yesterday", "inf", "1_000", "٣", True, [], "0000-01-01", 1e200, "9" * 400])
def test_what_is_no_time(time: Any) -> None:
    assert str(milliseconds(time)).startswith("timestamp: ")


@pytest.mark.parametrize("user", [None, "", 1.0, True, ["1"], "\ud800", "x" * 257])
def test_what_is_no_id(user: Any) -> None:
    (rejected,) = check_rows([Row(7, user, "2", None, 3, 4)]).rejected
    assert (rejected.line, rejected.reason.partition(":")[0]) == (7, "user_id")


def test_large_integers_as_ids() -> None:
    assert check_rows([Row(1, 2**80 + 1, 10**16 + 1, None, 3, 4)]).events["item_id"].to_pylist() == [str(10**16 + 1)]


TIMES = st.one_of(
    st.integers(-(10**14), 10**14).map(str),
    st.floats(-1e13, 1e13).map(str),
    st.datetimes(datetime(1890, 1, 1), datetime(2210, 1, 1)).map(str),  # noqa: DTZ001
    st.datetimes(datetime(1890, 1, 1), datetime(2210, 1, 1), timezones=OFFSETS).map(datetime.isoformat),  # noqa: DTZ001
    st.text("0123456789-+:.TZeE ", max_size=12),
)
VALUES = st.one_of(st.floats().map(str), st.text("0123456789.eE+-nainf", max_size=4), st.none())
TYPES = st.sampled_from([None, "", "rating", "WATCH", "Click", "LIKE", "x"])


@given(user=st.text(st.characters(codec="utf-8"), max_size=3), event_type=TYPES, value=VALUES, time=TIMES)
@example(user="1", event_type=None, value="5", time="1e11")
@example(user="1", event_type="CLICK", value="", time="-0.0005")
@example(user="1", event_type=None, value="+4.", time="2020-02-30")
def test_batches_take_what_the_careful_look_takes(
    user: str, event_type: str | None, value: str | None, time: str
) -> None:
    row = Row(1, user, "2", event_type, value, time)
    types = [pa.int64() if name == "line" else pa.string() for name in RAW_COLUMNS]
    arrays = [pa.array([cell], kind) for cell, kind in zip(row, types, strict=True)]
    fast, careful = _all_good(pa.table(arrays, names=list(RAW_COLUMNS))), check_rows([row])
    # being stricter costs time only; a row that batches take must come out the same
    if fast is not None:
        assert careful.rejected == []
        assert fast.equals(careful.events)
