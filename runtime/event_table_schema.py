"""The columns, partitioning and properties of `lake.engagement_events`, for Iceberg and for Arrow."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform
from pyiceberg.types import DoubleType, IntegerType, LongType, NestedField, PrimitiveType, StringType, TimestamptzType

CLUSTER: Final = "kafka_cluster"
TOPIC: Final = "kafka_topic"
PARTITION: Final = "kafka_partition"
OFFSET: Final = "kafka_offset"
TIMESTAMP: Final = "kafka_timestamp"
EVENT_ID: Final = "event_id"

_MOMENT: Final = pa.timestamp("us", tz="UTC")

EVENT_ROW_SCHEMA: Final = pa.schema(
    [
        pa.field(EVENT_ID, pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("event_type", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("occurred_at", _MOMENT),
        pa.field("source", pa.string()),
        pa.field("request_id", pa.string()),
        pa.field(CLUSTER, pa.string()),
        pa.field(TOPIC, pa.string()),
        # what Kafka's InsertField$Value gives: partition int32, offset int64, timestamp to the millisecond
        pa.field(PARTITION, pa.int32()),
        pa.field(OFFSET, pa.int64()),
        pa.field(TIMESTAMP, _MOMENT),
    ]
)
"""Rows of the table: contracts.events.EngagementEvent and its Kafka coordinates. Times are UTC microseconds."""

_ICEBERG_TYPES: Final[dict[pa.DataType, PrimitiveType]] = {
    pa.string(): StringType(),
    pa.float64(): DoubleType(),
    pa.int32(): IntegerType(),
    pa.int64(): LongType(),
    _MOMENT: TimestamptzType(),
}

# all optional: a null in a required column would stop the Connect sink instead of reaching the dead letters
EVENT_TABLE_SCHEMA: Final = Schema(
    *(
        NestedField(field_id=number, name=field.name, field_type=_ICEBERG_TYPES[field.type], required=False)
        for number, field in enumerate(EVENT_ROW_SCHEMA, start=1)
    )
)

FIELD_IDS: Final[dict[str, int]] = {field.name: field.field_id for field in EVENT_TABLE_SCHEMA.fields}

# by arrival, not by occurred_at: years of imported history would make thousands of tiny files
EVENT_TABLE_PARTITIONING: Final = PartitionSpec(
    PartitionField(source_id=FIELD_IDS[TIMESTAMP], field_id=1000, transform=DayTransform(), name=f"{TIMESTAMP}_day")
)

EVENT_TABLE_PROPERTIES: Final[dict[str, str]] = {
    "format-version": "2",
    "write.format.default": "parquet",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "10",
    # compaction replaces exactly the files it read, so rows appended meanwhile are no conflict
    "write.delete.isolation-level": "snapshot",
    "commit.retry.num-retries": "100",
    "commit.retry.min-wait-ms": "20",
    "commit.retry.max-wait-ms": "500",
    "commit.retry.total-timeout-ms": "60000",
    # bounds of random ids prune nothing and swell every manifest; those of the coordinates prune reads of what is new,
    # in full because the default cuts text at 16 characters
    "write.metadata.metrics.default": "counts",
    **{
        f"write.metadata.metrics.column.{name}": "full"
        for name in (CLUSTER, TOPIC, PARTITION, OFFSET, TIMESTAMP, "occurred_at")
    },
}
