"""The synthetic catalogue: plausible, distinct, and larger catalogues extend smaller ones."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.items import Item, MediaType
from contracts.world import GENRES, World
from exporter.source import Entry
from exporter.synthetic import CATALOG_UNTIL, SyntheticSource
from exporter.validate import validate
from exporter.words import ADJECTIVES, NAMES, PLACES, TITLES, VOCABULARY


def entries(seed: int, count: int) -> list[Entry]:
    return list(SyntheticSource(seed=seed, count=count).entries())


def items(seed: int, count: int) -> list[Item]:
    validated = validate(entries(seed, count))
    assert validated.rejected == []
    return validated.items


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(), small=st.integers(1, 60), more=st.integers(0, 60))
def test_a_larger_catalogue_extends_a_smaller_one(seed: int, small: int, more: int) -> None:
    assert entries(seed, small + more)[:small] == entries(seed, small)


def test_another_seed_is_another_catalogue() -> None:
    assert [i.title for i in items(1, 50)] != [i.title for i in items(2, 50)]


def test_ids_count_from_one() -> None:
    assert [i.item_id for i in items(7, 12)] == [str(n) for n in range(1, 13)]


def test_the_first_item_never_changes() -> None:
    # the demo's lake outlives an upgrade: a catalogue that changes under it would orphan its events
    first = items(7, 1)[0]
    assert (first.title, first.genres, first.release_year) == ("The Last Sheriff in Red Hollow", ("Western",), 2025)
    assert first.added_at.isoformat() == "2025-07-16T20:56:00+00:00"


def test_thousands_of_titles_are_distinct() -> None:
    # beyond the 9,216 shapes too, where second parts begin
    for seed in (1, 2):
        titles = [i.title for i in items(seed, 12_000)]
        assert len(set(titles)) == len(titles)


def test_a_catalogue_is_plausible() -> None:
    catalogue = items(3, 5_000)
    genres = Counter(genre for item in catalogue for genre in item.genres)
    assert set(genres) == set(GENRES)
    assert genres["Drama"] > 5 * genres["Western"]
    assert {len(item.genres) for item in catalogue} == {1, 2, 3}
    shows = sum(item.media_type is MediaType.SHOW for item in catalogue)
    assert 0.37 < shows / len(catalogue) < 0.43
    years = [item.release_year or 0 for item in catalogue]
    assert (min(years), max(years)) == (1950, 2025)
    assert sum(year >= 2000 for year in years) > len(years) / 2
    for item in catalogue:
        assert item.added_at.year >= (item.release_year or 0)
        assert item.added_at < CATALOG_UNTIL
        assert 1 <= item.description.count(". ") + item.description.endswith(".") <= 2
        assert re.fullmatch(r"[A-Z].{20,200}\.", item.description)


def test_genres_stand_beside_their_companions() -> None:
    pairs = Counter((i.genres[0], genre) for i in items(4, 5_000) for genre in i.genres[1:])
    assert all(other in VOCABULARY[main].companions for main, other in pairs)
    assert pairs["Children", "Horror"] == 0
    # the first companions are the likeliest
    assert pairs["Horror", "Thriller"] > 2 * pairs["Horror", "Comedy"]


def test_the_vocabulary_covers_the_worlds_genres_without_a_word_twice() -> None:
    assert set(VOCABULARY) == set(GENRES)
    for genre, words in VOCABULARY.items():
        assert len(words.nouns) == 16
        assert set(words.companions) <= set(GENRES) - {genre}
        assert len(set(words.companions)) >= 2
    assert {len(words) for _, words in TITLES} == {48}
    every = [*ADJECTIVES, *PLACES, *NAMES, *(noun for words in VOCABULARY.values() for noun in words.nouns)]
    assert len(set(every)) == len(every)


def test_the_world_knows_the_items_by_what_is_exported() -> None:
    catalogue = items(5, 40)
    ids, genres = [i.item_id for i in catalogue], [i.genres for i in catalogue]
    truth = World(5).items(ids, genres)
    later = World(5).items(ids[::-1], genres[::-1])
    assert (truth.tastes == later.tastes[::-1]).all()
