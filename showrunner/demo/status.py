"""How the demo stands, gathered from the rooms' metrics and from the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts import layout
from contracts.artifact import ArtifactError, Manifest
from runtime.object_store import ObjectStore, ObjectStoreError
from showrunner.demo.scrape import scrape


@dataclass(frozen=True)
class Status:
    """One look at the pipeline; None where a room does not answer (yet)."""

    produced: int | None = None
    in_lake: int | None = None
    """Events archived, by this start of the demo and those before."""
    dead_letters: int | None = None
    viewers: int | None = None
    served: int | None = None
    model: Manifest | None = None
    """Of the model that the recommender answers with."""


def gather(metrics: Mapping[str, str], store: ObjectStore, archived_before: int, previous: Status) -> Status:
    """Ask the rooms at their `metrics` URLs; the model's manifest is read only when it is another one."""
    generator, archiver, recommender = (scrape(metrics[name]) for name in ("generator", "archiver", "recommender"))
    return Status(
        produced=generator.total("event_generator_events_acknowledged_total"),
        in_lake=archived_before + (archiver.total("archiver_events_archived_total") or 0),
        dead_letters=archiver.total("archiver_dead_letters_total"),
        viewers=generator.total("event_generator_viewers"),
        served=recommender.total("recommender_requests_total"),
        model=_model(store, recommender.label("recommender_model_info", "model_version"), previous.model),
    )


def _model(store: ObjectStore, serving: str | None, known: Manifest | None) -> Manifest | None:
    if serving is None or (known is not None and known.model_version == serving):
        return known
    try:
        return Manifest.from_json(store.get(layout.model_manifest(serving)).data)
    except (ObjectStoreError, ArtifactError, ValueError):
        return known
