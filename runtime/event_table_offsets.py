"""How far the table has each partition of a Kafka cluster, read from its rows."""

from __future__ import annotations

import pyarrow.compute as pc
from pyiceberg.expressions import And, EqualTo
from pyiceberg.table import Table


def next_offsets(table: Table, cluster: str, topic: str) -> dict[int, int]:
    """`{partition: highest offset + 1}`; empty where the table has no row of this cluster and topic.

    Files of other clusters are passed over by their bounds.
    """
    scan = table.scan(
        row_filter=And(EqualTo(term="kafka_cluster", value=cluster), EqualTo(term="kafka_topic", value=topic)),
        selected_fields=("kafka_partition", "kafka_offset"),
    )
    offsets: dict[int, int] = {}
    for batch in scan.to_arrow_batch_reader():
        for partition in pc.unique(batch["kafka_partition"]).drop_null().to_pylist():
            highest = pc.max(batch["kafka_offset"].filter(pc.equal(batch["kafka_partition"], partition))).as_py()
            if highest is not None:
                offsets[partition] = max(offsets.get(partition, 0), highest + 1)
    return offsets
