"""Object keys: pure, checked, and valid in every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import layout
from runtime.object_store import check_key

moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - with UTC
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
RUN = "20261121T120000Z-0123abcd"


@given(first=moments, second=moments, digest=digests)
def test_versions_sort_by_time(first: datetime, second: datetime, digest: str) -> None:
    one, two = layout.version(first, digest), layout.version(second, digest)
    assert layout.is_version(one)
    assert (one < two) == (first.replace(microsecond=0) < second.replace(microsecond=0))


def test_a_version_is_in_utc() -> None:
    east = timezone(timedelta(hours=5))
    assert layout.version(datetime(2026, 11, 21, 17, tzinfo=east), "0123abcdef") == RUN


@given(moments, digests)
def test_every_key_is_valid(moment: datetime, digest: str) -> None:
    run = layout.version(moment, digest)
    for key in (
        layout.CATALOG_CURRENT,
        layout.MODELS_CURRENT,
        layout.EXPORTER_HTTP_CACHE,
        layout.catalog_items(run),
        layout.catalog_rejected(run),
        layout.catalog_manifest(run),
        layout.model_file(run, "item_factors.npy"),
        layout.model_manifest(run),
        layout.import_rejected(digest),
    ):
        check_key(key)


def test_the_keys_are_those_of_the_documentation() -> None:
    assert layout.catalog_items(RUN) == f"catalog/{RUN}/items.parquet"
    assert layout.catalog_rejected(RUN) == f"catalog/{RUN}/rejected.jsonl"
    assert layout.catalog_manifest(RUN) == f"catalog/{RUN}/manifest.json"
    assert layout.model_manifest(RUN) == f"models/{RUN}/manifest.json"
    assert layout.model_file(RUN, "users.parquet") == f"models/{RUN}/users.parquet"
    assert layout.import_rejected("ab") == "imports/ab/rejected.jsonl"
    assert layout.model_file(RUN, "x").startswith(layout.MODELS_PREFIX)


@pytest.mark.parametrize(
    "text", ["", "../../etc", RUN + "\n", RUN.upper(), RUN[:-1], RUN + "0", " " + RUN, "current.json"]
)
def test_what_is_no_version_never_becomes_a_key(text: str) -> None:
    assert not layout.is_version(text)
    for make in (layout.catalog_items, layout.catalog_rejected, layout.catalog_manifest, layout.model_manifest):
        with pytest.raises(ValueError, match="not a version"):
            make(text)
