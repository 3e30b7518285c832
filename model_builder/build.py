"""One build: read, train on the past, evaluate on the most recent, decide, train on everything, publish."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from contracts.artifact import Manifest, Verdict
from model_builder.assemble import assemble
from model_builder.evaluation import evaluable, evaluate
from model_builder.factors import PopularityTrainer, Progress, Trainer
from model_builder.gate import Decision, decide
from model_builder.holdout import hold_out
from model_builder.inputs import Inputs, Table, read_inputs
from model_builder.interactions import Interactions, interactions
from model_builder.lightfm_trainer import LightFMTrainer
from model_builder.publish import promote, upload
from model_builder.settings import ModelBuilderSettings
from runtime.object_store import ObjectStore

log = logging.getLogger(__name__)

Status = Literal["promoted", "refused", "nothing_new", "waiting"]


@dataclass(frozen=True)
class Outcome:
    """What a build came to. `manifest` is that of the model it uploaded, None where it uploaded none."""

    status: Status
    reason: str
    manifest: Manifest | None = None


def silent(stage: str, done: float) -> None:
    """Progress that nobody watches."""


@dataclass
class _Timings:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, progress: Progress) -> Iterator[None]:
        start = time.perf_counter()
        progress(name, 0.0)
        yield
        progress(name, 1.0)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def build(store: ObjectStore, table: Table, settings: ModelBuilderSettings, progress: Progress = silent) -> Outcome:
    """Build and, where it earned it, promote a model.

    Raises:
        CatalogError, ArtifactError: what is in the store is damaged.
        ObjectStoreError: the store failed; whatever was served before still is.
        PublishError: another builder moved the pointer meanwhile.
    """
    timings = _Timings()
    with timings.stage("read", progress):
        inputs = read_inputs(store, table)
    if inputs is None or not inputs.items.num_rows:
        return Outcome("waiting", "there is no catalogue yet: the exporter has not published one")
    if not inputs.events.num_rows:
        return Outcome("waiting", "there are no events yet")
    if inputs.nothing_new:
        return Outcome("nothing_new", "the champion knows all these events and this catalogue")
    with timings.stage("prepare", progress):
        data = interactions(inputs.events, inputs.items["item_id"].combine_chunks())
    if not len(data):
        return Outcome("waiting", f"none of the {data.waiting} events is of an item in the catalogue")

    candidate = LightFMTrainer(settings)
    metrics, decision = _compare(inputs, data, candidate, settings=settings, timings=timings, progress=progress)
    winner: Trainer = PopularityTrainer() if decision.winner == "popularity" else candidate
    with timings.stage("refit", progress):
        factors = winner.fit(data, inputs.items, progress)
    promoted = decision.winner != "champion"
    model = assemble(
        inputs,
        data,
        factors,
        winner,
        metrics=metrics,
        verdict=Verdict(promoted=promoted, reason=decision.reason),
        timings=timings.seconds,
        half_life_days=settings.trending_half_life_days,
        created_at=datetime.now(UTC),
    )
    with timings.stage("publish", progress), tempfile.TemporaryDirectory(prefix="showrunner-model-") as directory:
        manifest = upload(store, model, Path(directory))
        if promoted:
            promote(store, manifest.model_version, inputs.served)
    status: Status = "promoted" if promoted else "refused"
    return Outcome(status, decision.reason, manifest)


def _compare(
    inputs: Inputs,
    data: Interactions,
    candidate: Trainer,
    *,
    settings: ModelBuilderSettings,
    timings: _Timings,
    progress: Progress,
) -> tuple[dict[str, dict[str, float]], Decision]:
    """Metrics of candidate and popularity, both fitted without the held-out events, and who won."""
    train, test = hold_out(data, settings.holdout_share, settings.holdout_minimum)
    viewers = evaluable(test, settings.evaluation_viewers, settings.seed)
    metrics: dict[str, dict[str, float]] = {"candidate": {}, "popularity": {}}
    if viewers.size:
        for name, trainer in (("candidate", candidate), ("popularity", PopularityTrainer())):
            with timings.stage("train", progress):
                factors = trainer.fit(train, inputs.items, progress)
            with timings.stage("evaluate", progress):
                metrics[name] = evaluate(factors, train, test, viewers)
    return metrics, decide(metrics["candidate"], metrics["popularity"], inputs.served.champion)
