from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from contracts.events import EngagementEvent
from contracts.times import in_utc


def test_offsets_are_taken_and_none_is_utc() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert in_utc(datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2)))) == noon
    assert in_utc(datetime(2026, 1, 1, 12)) == noon  # noqa: DTZ001 - that is the point


def test_the_calendars_ends_are_an_error_of_the_field() -> None:
    with pytest.raises(ValueError, match=r"occurred_at\n.*outside the calendar"):
        EngagementEvent.model_validate(
            {
                "user_id": "1",
                "item_id": "1",
                "event_type": "CLICK",
                "occurred_at": "9999-12-31T23:59:00-10:00",
                "source": "test",
            }
        )
