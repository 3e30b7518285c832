"""Watermark: it only grows, and comes back from a manifest as it went."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contracts.watermark import Source, Watermark, WatermarkEntry

sources = st.builds(
    Source,
    cluster=st.sampled_from(["demo", "import:ab"]),
    topic=st.sampled_from(["engagement-events", "import"]),
    partition=st.integers(0, 2),
)
watermarks = st.dictionaries(sources, st.integers(0, 10), max_size=6).map(Watermark)


@given(watermarks, watermarks)
def test_it_never_goes_back(mark: Watermark, seen: Watermark) -> None:
    after = mark.advanced(seen)
    assert all(after[source] >= offset for source, offset in [*mark.items(), *seen.items()])
    assert after.keys() == mark.keys() | seen.keys()
    assert all(after[source] in (mark.get(source), seen.get(source)) for source in after)


@given(watermarks, watermarks, watermarks)
def test_the_order_of_batches_does_not_matter(mark: Watermark, one: Watermark, two: Watermark) -> None:
    assert mark.advanced(one).advanced(two) == mark.advanced(two).advanced(one)


@given(watermarks)
def test_the_same_again_changes_nothing(mark: Watermark) -> None:
    assert mark.advanced(mark) == mark
    assert mark.advanced({}) == mark
    assert Watermark().advanced(mark) == mark


@given(watermarks, watermarks)
def test_it_is_not_changed_in_place(mark: Watermark, seen: Watermark) -> None:
    before = dict(mark)
    mark.advanced(seen)
    assert mark == before


@given(watermarks)
def test_it_comes_back_from_its_entries(mark: Watermark) -> None:
    entries = mark.entries()
    assert Watermark.from_entries(entries) == mark
    assert entries == sorted(entries, key=lambda e: (e.kafka_cluster, e.kafka_topic, e.kafka_partition))
    assert [WatermarkEntry.model_validate_json(e.model_dump_json()) for e in entries] == entries
