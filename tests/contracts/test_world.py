"""The synthetic world: the same everywhere, growing without changing, and as its docstring says."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import world
from contracts.world import GENRES, TASTE_DIMENSIONS, Items, Viewers, World

Floats = npt.NDArray[np.float64]

PINNED = {
    "item tastes": [-0.1211925284128172, 0.09436003704228894],
    "popularity": [1.0092327653428337, 4.815764461516221],
    "viewer taste": [-0.22576210118385664, 0.02063122248059249],
    "bias, activity": [0.4658978308050237, 1.719416609663685],
}


def catalogue(count: int) -> tuple[list[str], list[list[str]]]:
    return [str(n) for n in range(count)], [
        [GENRES[n % 19], GENRES[(n * 7 + 3) % 19]][: 1 + n % 2] for n in range(count)
    ]


def equal(one: Items | Viewers, two: Items | Viewers, rows: list[int] | slice) -> bool:
    return all((getattr(one, name) == getattr(two, name)[rows]).all() for name in vars(one))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**63), order=st.permutations(range(12)), small=st.integers(1, 12))
def test_neither_order_nor_company_changes_an_item_or_a_viewer(seed: int, order: list[int], small: int) -> None:
    ids, genres = catalogue(12)
    picked = order[:small]
    everyone = World(seed).items(ids, genres)
    assert equal(World(seed).items([ids[n] for n in picked], [genres[n] for n in picked]), everyone, picked)
    assert equal(World(seed).viewers([ids[n] for n in picked]), World(seed).viewers(ids), picked)


def test_another_process_sees_the_same_world() -> None:
    code = (
        "from contracts.world import *; w = World(7); i = w.items(['1'], [['Drama']]); v = w.viewers(['1']);"
        "print(repr([a.tolist() for a in (i.tastes, i.quality, i.popularity, v.tastes, v.bias, v.activity)]))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": salt}
        ).stdout
        for salt in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_the_world_never_changes() -> None:
    # a lake outlives an upgrade: viewers who change their tastes would make every model look bad
    items = World(7).items(["1", "2"], [["Drama", "Comedy"], []])
    viewers = World(7).viewers(["1"])
    np.testing.assert_allclose(items.tastes[:, 0], PINNED["item tastes"], rtol=1e-12)
    np.testing.assert_allclose(items.popularity, PINNED["popularity"], rtol=1e-12)
    np.testing.assert_allclose(viewers.tastes[0, :2], PINNED["viewer taste"], rtol=1e-12)
    np.testing.assert_allclose([viewers.bias[0], viewers.activity[0]], PINNED["bias, activity"], rtol=1e-12)


def test_another_seed_is_another_world() -> None:
    ids, genres = catalogue(3)
    assert not np.isclose(World(1).items(ids, genres).tastes, World(2).items(ids, genres).tastes).any()
    assert not np.isclose(World(1).viewers(ids).tastes, World(2).viewers(ids).tastes).any()


def test_an_item_and_a_viewer_of_one_id_are_strangers() -> None:
    assert not np.isclose(World(1).items(["1"], [[]]).tastes, World(1).viewers(["1"]).tastes).all()


def test_genres_may_be_unknown_or_none() -> None:
    items = World(1).items(["1", "2", "3"], [["Telenovela"], [], ["Telenovela", "Drama"]])
    np.testing.assert_allclose(np.linalg.norm(items.tastes, axis=1), 1.0)


def test_nobody_and_nothing_are_fine() -> None:
    items, viewers = World(1).items([], []), World(1).viewers([])
    assert items.tastes.shape == viewers.tastes.shape == (0, TASTE_DIMENSIONS)
    assert world.affinity(viewers, items).shape == (0, 0)
    assert world.enjoyment(World(1).viewers(["1"]), items).shape == (1, 0)


@pytest.fixture(scope="module")
def items() -> Items:
    return World(7).items(*catalogue(2_000))


@pytest.fixture(scope="module")
def viewers() -> Viewers:
    return World(7).viewers([str(n) for n in range(2_000)])


class TestStatistics:
    def test_tastes_are_unit_vectors(self, items: Items, viewers: Viewers) -> None:
        for tastes in (items.tastes, viewers.tastes):
            np.testing.assert_allclose(np.linalg.norm(tastes, axis=1), 1.0)

    def test_affinity_has_about_unit_variance(self, items: Items, viewers: Viewers) -> None:
        affinity = world.affinity(viewers, items)
        # not quite zero: items and viewers meet in the same nineteen genres
        assert abs(affinity.mean()) < 0.3
        assert 0.8 < affinity.std() < 1.2

    def test_items_of_a_genre_are_alike_but_not_the_same(self) -> None:
        drama = World(7).items([f"d{n}" for n in range(300)], [["Drama"]] * 300).tastes
        other = World(7).items([f"o{n}" for n in range(300)], [[]] * 300).tastes
        cosine = (drama @ drama.T)[~np.eye(300, dtype=bool)]
        # half of an item's variance is its genres': a mean cosine of a half
        assert 0.45 < cosine.mean() < 0.55
        assert abs((drama @ other.T).mean()) < 0.1

    def test_popularity_is_zipf_like(self, items: Items) -> None:
        ranked = np.sort(items.popularity)[::-1][10:1000]
        slope = np.polyfit(np.log(np.arange(11, 1001)), np.log(ranked), 1)[0]
        assert -world.POPULARITY_EXPONENT - 0.1 < slope < -world.POPULARITY_EXPONENT + 0.1
        assert items.popularity.min() >= 1

    def test_activity_is_uneven(self, viewers: Viewers) -> None:
        ranked = np.sort(viewers.activity)[::-1]
        assert 0.33 < ranked[:200].sum() / ranked.sum() < 0.48
        assert abs(np.log(viewers.activity).std() - world.ACTIVITY_SIGMA) < 0.1

    def test_quality_and_bias_have_their_spread(self, items: Items, viewers: Viewers) -> None:
        assert abs(items.quality.std() - world.QUALITY_SD) < 0.05
        assert abs(viewers.bias.std() - world.VIEWER_BIAS_SD) < 0.05

    def test_ratings_are_half_stars_around_the_truth(self, items: Items, viewers: Viewers) -> None:
        truth = world.enjoyment(viewers, items)
        given_stars = world.ratings(truth, np.random.default_rng(1))
        assert given_stars.shape == truth.shape
        assert ((given_stars * 2) % 1 == 0).all()
        assert (given_stars.min(), given_stars.max()) == (0.5, 5.0)
        inner = (truth > 2) & (truth < 3.5)
        assert abs((given_stars - truth)[inner].mean()) < 0.02
        assert abs((given_stars - truth)[inner].std() - np.hypot(world.RATING_NOISE_SD, 0.5 / np.sqrt(12))) < 0.03
        # taste, quality and bias explain about half of the ratings' variance
        assert 0.4 < np.corrcoef(truth.ravel(), given_stars.ravel())[0, 1] ** 2 < 0.7

    def test_ratings_depend_on_their_draws_alone(self) -> None:
        truth = np.full((3, 4), 3.0)
        one, two = (world.ratings(truth, np.random.default_rng(5)) for _ in range(2))
        assert (one == two).all()

    def test_taste_and_fame_both_decide_what_is_chosen(self, items: Items, viewers: Viewers) -> None:
        utility = world.choice_utility(viewers, items)
        fame = np.broadcast_to(np.log(items.popularity), utility.shape)
        for part in (fame, world.affinity(viewers, items)):
            assert np.corrcoef(utility.ravel(), part.ravel())[0, 1] > 0.4

    def test_pairs_and_matrices_agree(self, items: Items, viewers: Viewers) -> None:
        rows, columns = np.array([0, 5, 9]), np.array([3, 3, 70])
        cosine: Floats = np.einsum("ij,ij->i", viewers.tastes[rows], items.tastes[columns])
        pairs = world.stars(viewers.bias[rows], items.quality[columns], cosine)
        np.testing.assert_allclose(pairs, world.enjoyment(viewers, items)[rows, columns])
