"""The `synthetic` source: plausible shows and movies that need no licence and no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import accumulate
from typing import Any, Final, TypeVar

from contracts.items import MediaType
from contracts.world import GENRES
from exporter.source import Entry
from exporter.words import ADJECTIVES, PRAISE, TITLES, TROUBLES, VOCABULARY

T = TypeVar("T")

SHOW_SHARE: Final = 0.4
GENRE_COUNTS: Final = (1, 1, 1, 2, 2, 2, 2, 2, 3, 3)
"""How many genres an item has, each as likely as another."""
OLDEST_YEAR: Final = 1950
NEWEST_YEAR: Final = 2025
CATALOG_SINCE: Final = datetime(2019, 1, 1, tzinfo=UTC)
CATALOG_UNTIL: Final = datetime(2026, 1, 1, tzinfo=UTC)

_NOUNS: Final = 16
_SHAPES: Final = len(TITLES) * len(ADJECTIVES) * _NOUNS
_MAIN: Final = tuple(accumulate(VOCABULARY[genre].weight for genre in GENRES))


class SyntheticSource:
    """`count` items "1", "2", …; each derives from `seed` and its id alone, so a larger catalogue extends a smaller
    one. What viewers think of them is contracts.world's business, which hashes the same ids and genres.
    """

    name = "synthetic"

    def __init__(self, *, seed: int, count: int) -> None:
        self._seed = seed
        self._count = count

    def entries(self) -> Iterator[Entry]:
        # a permutation of the titles' shapes: no two items of a genre are called the same
        shapes = sorted(range(_SHAPES), key=lambda shape: _hash(self._seed, "shape", shape))
        for number in range(1, self._count + 1):
            edition, place = divmod(number - 1, _SHAPES)
            fields = self._item(number, shapes[place], edition)
            yield Entry(f"item {number}", fields, fields)

    def _item(self, number: int, shape: int, edition: int) -> dict[str, Any]:
        draw = _Draws(self._seed, number)
        genres = _genres(draw)
        is_show = draw.share() < SHOW_SHARE
        # recent years have more
        year = NEWEST_YEAR - int((NEWEST_YEAR + 1 - OLDEST_YEAR) * draw.share() ** 2.5)
        return {
            "item_id": str(number),
            "title": _title(genres[0], shape, edition),
            "description": _description(draw, genres),
            "media_type": (MediaType.SHOW if is_show else MediaType.MOVIE).value,
            "genres": genres,
            "release_year": year,
            "added_at": _added_at(draw, year),
        }


class _Draws:
    """Random choices from one hash: the same on every machine and with every version of every library."""

    def __init__(self, seed: int, number: int) -> None:
        self._rest = int.from_bytes(_hash(seed, "item", number), "little")

    def below(self, end: int) -> int:
        self._rest, drawn = divmod(self._rest, end)
        return drawn

    def share(self) -> float:
        """From 0 to below 1."""
        return self.below(1 << 24) / (1 << 24)

    def of(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]


def _hash(seed: int, kind: str, number: int) -> bytes:
    return blake2b(f"{seed}\x1f{kind}\x1f{number}".encode()).digest()


def _genres(draw: _Draws) -> list[str]:
    point = draw.below(_MAIN[-1])
    main = next(genre for genre, end in zip(GENRES, _MAIN, strict=True) if point < end)
    companions = list(VOCABULARY[main].companions)
    # the lesser of two draws: the first companions are the likeliest
    others = (
        companions.pop(min(draw.below(len(companions)), draw.below(len(companions))))
        for _ in range(draw.of(GENRE_COUNTS) - 1)
    )
    return [main, *others]


def _title(genre: str, shape: int, edition: int) -> str:
    rest, noun = divmod(shape, _NOUNS)
    rest, word = divmod(rest, len(ADJECTIVES))
    pattern, words = TITLES[rest]
    title = pattern.format(words[word], VOCABULARY[genre].nouns[noun])
    return f"{title} {edition + 1}" if edition else title


def _description(draw: _Draws, genres: list[str]) -> str:
    hero = draw.of(VOCABULARY[genres[0]].heroes)
    aim = draw.of(VOCABULARY[genres[-1]].aims)
    verb = "must" if hero.startswith(("a ", "an ", "the ")) else "have to"
    sentence = f"{draw.of(TROUBLES)}, {hero} {verb} {aim}."
    return f"{sentence} {draw.of(PRAISE)}" if draw.below(2) else sentence


def _added_at(draw: _Draws, year: int) -> datetime:
    # whatever is older than the catalogue came with it or later; the rest not before its year
    since = max(CATALOG_SINCE, datetime(year, 1, 1, tzinfo=UTC))
    return since + timedelta(minutes=int(draw.share() * ((CATALOG_UNTIL - since) / timedelta(minutes=1))))
