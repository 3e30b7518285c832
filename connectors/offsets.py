"""Where the archiver goes on: next offsets, kept in the summary of the snapshot that holds the rows before them.

Rows and offsets become visible in one commit, which is what makes the archiver exactly-once
(docs/contracts.md, `archiver.next-offsets`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

SUMMARY_KEY: Final = "archiver.next-offsets"


def dump_offsets(cluster: str, topic: str, offsets: Mapping[int, int]) -> dict[str, str]:
    """The snapshot property for `{partition: next offset}`."""
    kept = {"kafka_cluster": cluster, "kafka_topic": topic, "next_offsets": {str(p): o for p, o in offsets.items()}}
    return {SUMMARY_KEY: json.dumps(kept, sort_keys=True)}


def load_offsets(value: str | None, cluster: str, topic: str) -> dict[int, int]:
    """`{partition: next offset}` from the property; none where it is another cluster's: its offsets mean nothing."""
    kept = json.loads(value) if value else {}
    if (kept.get("kafka_cluster"), kept.get("kafka_topic")) != (cluster, topic):
        return {}
    return {int(partition): offset for partition, offset in kept["next_offsets"].items()}
