from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from contracts.artifact import ArtifactError
from contracts.items import items_to_table, table_to_items
from recommender.recommendations import (
    Ranking,
    Strategy,
    best_of_history,
    popular,
    recommend,
    similar,
    some_viewers,
    warm,
)
from recommender.served_model import ServedModel
from tests.recommender.models import small_model


def ids(model: ServedModel, ranking: Ranking) -> list[str]:
    return [model.items[row].item_id for row in ranking.rows]


@pytest.fixture
def model() -> ServedModel:
    return ServedModel.build(small_model())


def test_a_known_viewer_gets_the_best_scores_of_what_is_not_seen(model: ServedModel) -> None:
    arrays = model.artifact.arrays
    for user_row, user_id in enumerate(["1", "2", "3"]):
        expected = (
            arrays.item_factors @ arrays.user_factors[user_row] + arrays.item_biases + arrays.user_biases[user_row]
        )
        seen = model.history(user_id)[0]
        assert len(seen) == 5
        ranking = recommend(model, user_id, 30)
        assert ranking.strategy == Strategy.PERSONALIZED
        assert sorted([*ranking.rows, *seen]) == list(range(30))
        np.testing.assert_allclose(ranking.scores, expected[ranking.rows], rtol=1e-5, atol=1e-6)
        assert (np.diff(ranking.scores) <= 0).all()
        assert ids(model, recommend(model, user_id, 4)) == ids(model, ranking)[:4]


def test_seen_items_may_be_asked_for_and_others_excluded(model: ServedModel) -> None:
    assert len(recommend(model, "1", 100, include_seen=True).rows) == 30
    first, second = ids(model, recommend(model, "1", 2))
    assert ids(model, recommend(model, "1", 1, exclude_items=[first, "unknown", first])) == [second]


def test_viewers_without_a_history_get_what_is_popular(model: ServedModel) -> None:
    expected = np.argsort(-model.artifact.arrays.item_popularity, kind="stable")
    for user_id in ("nobody", "8"):
        ranking = recommend(model, user_id, 10)
        assert ranking.strategy == Strategy.POPULAR
        assert ranking.rows.tolist() == expected[:10].tolist()
        np.testing.assert_array_equal(ranking.scores, model.artifact.arrays.item_popularity[ranking.rows])


def test_a_model_of_popularity_alone_gives_the_popular_less_what_was_seen() -> None:
    model = ServedModel.build(small_model(dimensions=0))
    ranking = recommend(model, "1", 100)
    assert ranking.strategy == Strategy.POPULAR
    assert len(ranking.rows) == 25
    assert not set(ranking.rows) & set(model.history("1")[0])


def test_who_has_seen_everything_gets_nothing() -> None:
    for dimensions in (0, 4):
        model = ServedModel.build(small_model(n_items=6, seen=6, dimensions=dimensions))
        assert len(recommend(model, "1", 10).rows) == 0
        assert len(recommend(model, "1", 10, include_seen=True).rows) == 6


def test_similar_items_are_the_closest_by_cosine(model: ServedModel) -> None:
    factors = model.artifact.arrays.item_factors
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    ranking = similar(model, 3, 100)
    assert ranking.strategy == Strategy.SIMILAR
    assert 3 not in ranking.rows
    assert len(ranking.rows) == 29
    np.testing.assert_allclose(ranking.scores, (unit @ unit[3])[ranking.rows], atol=1e-6)


def test_without_factors_similar_are_the_popular_that_share_a_genre() -> None:
    flat = small_model().arrays.item_factors.copy()
    flat[3] = 0
    for model in (ServedModel.build(small_model(dimensions=0)), ServedModel.build(small_model(item_factors=flat))):
        ranking = similar(model, 3, 5)
        assert ranking.strategy == Strategy.POPULAR
        assert 3 not in ranking.rows
        assert (np.diff(ranking.scores) <= 0).all()
        assert all(set(model.items[row].genres) & set(model.items[3].genres) for row in ranking.rows)


def test_without_factors_and_genres_similar_are_the_popular() -> None:
    plain = small_model(dimensions=0)
    items = [item.model_copy(update={"genres": ()}) for item in table_to_items(plain.items)]
    model = ServedModel.build(small_model(dimensions=0, items=items_to_table(items)))
    assert similar(model, 3, 5).rows.tolist() == [row for row in popular(model, 6).rows if row != 3][:5]


def test_the_history_comes_best_first(model: ServedModel) -> None:
    rows, grades = best_of_history(model, "2", 3)
    assert len(rows) == 3
    assert (np.diff(grades) <= 0).all()
    assert grades[0] == model.history("2")[1].max()
    assert not best_of_history(model, "nobody", 3)[0].size


def test_sample_viewers_have_a_history(model: ServedModel) -> None:
    assert some_viewers(model, 100) == [str(n) for n in range(1, 8)]
    assert some_viewers(model, 2) == ["1", "7"]
    assert some_viewers(ServedModel.build(small_model(n_users=0)), 5) == []


@pytest.mark.parametrize(("n_items", "n_users", "dimensions"), [(0, 0, 0), (0, 3, 4), (1, 0, 4), (1, 1, 4), (3, 2, 0)])
def test_the_smallest_models_answer(n_items: int, n_users: int, dimensions: int) -> None:
    model = ServedModel.build(small_model(n_items, n_users, dimensions=dimensions, seen=1))
    warm(model)
    assert len(recommend(model, "nobody", 10).rows) == n_items
    if n_items:
        assert len(similar(model, 0, 10).rows) <= n_items - 1


def test_scores_that_overflow_are_found_before_anyone_is_served() -> None:
    huge = np.full((30, 4), 3e38, np.float32)
    with pytest.raises(ArtifactError, match="not finite"):
        warm(ServedModel.build(small_model(item_factors=huge, user_factors=huge[:8])))


def test_an_id_that_occurs_twice_is_refused() -> None:
    twice = small_model().items.slice(0, 15)
    with pytest.raises(ArtifactError, match="item_id is not unique: 30 rows, 15 ids"):
        ServedModel.build(small_model(items=pa.concat_tables([twice, twice])))
