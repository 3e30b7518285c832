"""Watermark: how far the lake's events have been learned, per Kafka cluster, topic and partition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class Source(NamedTuple):
    """Where an event came from. An imported file is a cluster of its own: `import:<sha256>`."""

    cluster: str
    topic: str
    partition: int


class WatermarkEntry(BaseModel):
    """One line of a manifest's watermark."""

    model_config = ConfigDict(frozen=True)

    kafka_cluster: str
    kafka_topic: str
    kafka_partition: int
    next_offset: int


class Watermark(dict[Source, int]):
    """`{source: next offset not yet learned}`."""

    def advanced(self, seen: Mapping[Source, int]) -> Watermark:
        """This watermark moved forward to `seen` (next offsets); never backward."""
        merged = Watermark(self)
        for source, offset in seen.items():
            merged[source] = max(offset, merged.get(source, 0))
        return merged

    def entries(self) -> list[WatermarkEntry]:
        return [
            WatermarkEntry(kafka_cluster=s.cluster, kafka_topic=s.topic, kafka_partition=s.partition, next_offset=o)
            for s, o in sorted(self.items())
        ]

    @classmethod
    def from_entries(cls, entries: Iterable[WatermarkEntry]) -> Watermark:
        return cls({Source(e.kafka_cluster, e.kafka_topic, e.kafka_partition): e.next_offset for e in entries})
