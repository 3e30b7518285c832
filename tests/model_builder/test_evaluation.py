from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.preference import LIKED_GRADE
from model_builder.evaluation import evaluable, evaluate
from model_builder.factors import Factors
from model_builder.interactions import Interactions


def made(pairs: list[tuple[int, int]], viewers: int, items: int, grade: float = 5.0) -> Interactions:
    users, rows = (np.array(column, np.int32) for column in (zip(*sorted(pairs), strict=True) if pairs else ((), ())))
    return Interactions(
        pa.array([str(n) for n in range(viewers)], pa.string()),
        items,
        users,
        rows,
        np.full(len(pairs), grade, np.float32),
        np.arange(len(pairs), dtype=np.int64),
    )


def scoring(scores: np.ndarray) -> Factors:
    """Factors whose scores are just these (m, n)."""
    m, n = scores.shape
    identity = np.eye(m, dtype=np.float32)
    zeros = np.zeros(m, np.float32)
    return Factors(identity, zeros, np.ascontiguousarray(scores.T, np.float32), np.zeros(n, np.float32))


def test_by_hand() -> None:
    # viewer 0 has seen item 0; of 1..4 the ranking is 2, 4, 1, 3 and relevant are 4 and 3
    factors = scoring(np.array([[9.0, 2.0, 4.0, 1.0, 3.0]]))
    train, test = made([(0, 0)], 1, 5), made([(0, 3), (0, 4)], 1, 5)
    metrics = evaluate(factors, train, test, np.array([0]))
    dcg, ideal = 1 / math.log2(3) + 1 / math.log2(5), 1 + 1 / math.log2(3)
    assert metrics == pytest.approx(
        {
            "precision@10": 0.2,
            "recall@10": 1.0,
            "ndcg@10": dcg / ideal,
            "auc": 1 / 4,  # of the pairs 4>2 no, 4>1 yes, 3>2 no, 3>1 no
            "coverage@10": 4 / 5,
            "viewers": 1,
        }
    )


def test_disliked_items_are_not_relevant() -> None:
    test = made([(0, 1)], 1, 3, grade=LIKED_GRADE - 0.5)
    assert evaluable(test, 10, 0).size == 0
    assert evaluate(scoring(np.zeros((1, 3))), made([], 1, 3), test, np.empty(0, np.intp)) == {}


def test_at_most_so_many_viewers_drawn_by_the_seed() -> None:
    test = made([(viewer, 0) for viewer in range(50)], 50, 1)
    drawn = evaluable(test, 10, seed=4)
    assert drawn.size == 10
    assert (drawn == evaluable(test, 10, seed=4)).all()
    assert (np.diff(drawn) > 0).all()


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(2, 25))
def test_as_a_loop_would_measure(seed: int, viewers: int, items: int) -> None:
    draws = np.random.default_rng(seed)
    scores = draws.integers(0, 6, (viewers, items)).astype(np.float32)  # with ties
    kind = draws.integers(0, 3, (viewers, items))  # 0 unknown, 1 seen, 2 held out
    train = made([(int(u), int(i)) for u, i in np.argwhere(kind == 1)], viewers, items)
    test = made([(int(u), int(i)) for u, i in np.argwhere(kind == 2)], viewers, items)
    who = evaluable(test, 1_000, 0)
    metrics = evaluate(scoring(scores), train, test, who)
    ndcg, auc = [], []
    for viewer in who:
        ranked = sorted((i for i in range(items) if kind[viewer, i] != 1), key=lambda i: (-scores[viewer, i], i))
        gains = [kind[viewer, i] == 2 for i in ranked]
        dcg = sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains[:10]))
        ndcg.append(dcg / sum(1 / math.log2(rank + 2) for rank in range(min(10, sum(gains)))))
        pairs = [(a, b) for a in range(len(ranked)) for b in range(len(ranked)) if gains[a] and not gains[b]]
        auc.append(sum(a < b for a, b in pairs) / len(pairs) if pairs else 0.5)
    if who.size:
        assert metrics["ndcg@10"] == pytest.approx(float(np.mean(ndcg)))
        assert metrics["auc"] == pytest.approx(float(np.mean(auc)))
