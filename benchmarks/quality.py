"""How much of what can be known of viewers' tastes the model finds: popularity, model and oracle on one world.

The world has 2,000 viewers, 1,000 items and 200,000 ratings. Each viewer's last fifth is held out; the model is
trained by the builder's own trainer, with its defaults, on the rest. The oracle knows the world's truth: it ranks by
the probability that a viewer chooses the item next and rates it LIKED_GRADE or more. The seed is not that of the
world on which the defaults were chosen (7), and there is nothing random left to repeat: the same seeds, the same
figures.

    python benchmarks/quality.py [--seeds 11,12,13]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import pyarrow as pa
from scipy.special import log_ndtr

from contracts import world
from contracts.items import items_to_table
from contracts.preference import LIKED_GRADE
from contracts.world import World
from event_generator.simulation import Simulation
from exporter.synthetic import SyntheticSource
from exporter.validate import validate
from model_builder.evaluation import evaluable, evaluate
from model_builder.factors import Factors, PopularityTrainer, Trainer
from model_builder.holdout import hold_out
from model_builder.interactions import Interactions, interactions
from model_builder.lightfm_trainer import LightFMTrainer
from model_builder.settings import ModelBuilderSettings

VIEWERS, ITEMS, RATINGS, BATCH = 2_000, 1_000, 200_000, 200


def ratings(seed: int, items: pa.Table) -> pa.Table:
    """The events of one world, in the columns that the builder reads."""
    simulation = Simulation(World(seed), VIEWERS, arrivals=0.0, sequence_seed=seed)
    simulation.set_items(items["item_id"].to_pylist(), items["genres"].to_pylist())
    batches = [simulation.rate(BATCH) for _ in range(RATINGS // BATCH)]
    return pa.table(
        {
            "user_id": [user for batch in batches for user in batch.user_ids],
            "item_id": [item for batch in batches for item in batch.item_ids],
            "event_type": ["RATING"] * RATINGS,
            "value": np.concatenate([batch.stars for batch in batches]),
            "occurred_at": pa.array(np.arange(RATINGS) * 1_000, pa.timestamp("ms", tz="UTC")),
        }
    )


def oracle(seed: int, data: Interactions, items: pa.Table) -> Factors:
    """Scores of one who knows: ln P(chosen next) + ln P(rated LIKED_GRADE or more | chosen), as factors of rank m."""
    truth = World(seed)
    viewers = truth.viewers(data.user_ids.to_pylist())
    true_items = truth.items(items["item_id"].to_pylist(), items["genres"].to_pylist())
    # ratings are rounded to half stars: those from a quarter star below count
    gap = (LIKED_GRADE - 0.25 - world.enjoyment(viewers, true_items)) / world.RATING_NOISE_SD
    scores = world.choice_utility(viewers, true_items) + log_ndtr(-gap)
    viewers_count, items_count = scores.shape
    return Factors(
        user_factors=np.eye(viewers_count, dtype=np.float32),
        user_biases=np.zeros(viewers_count, np.float32),
        item_factors=np.ascontiguousarray(scores.T, np.float32),
        item_biases=np.zeros(items_count, np.float32),
    )


def measure(seed: int) -> dict[str, dict[str, float]]:
    """`{popularity | model | oracle: metrics}` on the world of this seed."""
    items = items_to_table(validate(SyntheticSource(seed=seed, count=ITEMS).entries()).items)
    data = interactions(ratings(seed, items), items["item_id"].combine_chunks())
    settings = ModelBuilderSettings()
    train, test = hold_out(data, settings.holdout_share, settings.holdout_minimum)
    viewers = evaluable(test, VIEWERS, settings.seed)
    trainers: dict[str, Trainer] = {"popularity": PopularityTrainer(), "model": LightFMTrainer(settings)}
    measured = {}
    for name, trainer in trainers.items():
        start = time.perf_counter()
        factors = trainer.fit(train, items, lambda stage, done: None)  # noqa: ARG005
        seconds = time.perf_counter() - start
        measured[name] = {**evaluate(factors, train, test, viewers), "seconds": seconds}
    measured["oracle"] = {**evaluate(oracle(seed, data, items), train, test, viewers), "seconds": 0.0}
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", default="11,12,13")
    seeds = [int(seed) for seed in parser.parse_args().seeds.split(",")]
    names = ("ndcg@10", "precision@10", "recall@10", "auc", "coverage@10")
    figures: dict[str, list[float]] = {"popularity": [], "model": [], "oracle": [], "share": []}
    print(f"{VIEWERS:,} viewers, {ITEMS:,} items, {RATINGS:,} ratings")
    for seed in seeds:
        measured = measure(seed)
        print(f"\n{f'world {seed}':>12}" + "".join(f"{name:>14}" for name in names) + f"{'train s':>10}")
        for who, metrics in measured.items():
            row = "".join(f"{metrics[name]:>14.4f}" for name in names)
            print(f"{who:>12}{row}{metrics['seconds']:>10.1f}")
            figures[who].append(metrics["ndcg@10"])
        low, high = measured["popularity"]["ndcg@10"], measured["oracle"]["ndcg@10"]
        figures["share"].append((measured["model"]["ndcg@10"] - low) / (high - low))
        print(f"{'':>12}the model covers {figures['share'][-1]:.0%} of the distance from popularity to the oracle")
    print(
        json.dumps(
            {
                "ndcg10_popularity": round(float(np.mean(figures["popularity"])), 4),
                "ndcg10_model": round(float(np.mean(figures["model"])), 4),
                "ndcg10_oracle": round(float(np.mean(figures["oracle"])), 4),
                "share_of_distance": round(float(np.mean(figures["share"])), 3),
                "share_of_distance_least": round(float(np.min(figures["share"])), 3),
                "worlds": len(seeds),
            }
        )
    )


if __name__ == "__main__":
    main()
