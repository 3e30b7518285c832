"""The Iceberg sink's configuration, rendered from settings. docs/connect.md says how it was proven."""

from __future__ import annotations

import re
from typing import Final

from connectors.secrets import placeholders
from connectors.settings import ConnectSettings
from connectors.sink_catalog import SinkConfigError, catalog_config
from connectors.sink_kafka import converter_config, security_config
from contracts.events import ENGAGEMENT_EVENTS, ENGAGEMENT_EVENTS_DLQ
from contracts.layout import ENGAGEMENT_TABLE
from runtime.event_table_schema import CLUSTER, OFFSET, PARTITION, TIMESTAMP, TOPIC
from runtime.settings import KafkaSettings, LakeSettings, StoreSettings, TopicSettings

CONNECTOR_PREFIX: Final = "engagement-sink-"
CONTROL_PREFIX: Final = "control-iceberg-"
COMMIT_TIMEOUT_SECONDS: Final = 30
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")


def connector_name(cluster: str) -> str:
    """One connector per Kafka cluster, as there is one control topic.

    Raises:
        SinkConfigError: the cluster's name cannot be part of a topic's name.
    """
    if not _NAME.fullmatch(cluster):
        raise SinkConfigError(
            f"KAFKA_CLUSTER={cluster!r} cannot be part of a topic's name: use letters, digits, dots, dashes and "
            "underscores, 200 at most"
        )
    return CONNECTOR_PREFIX + cluster


def control_topic(cluster: str) -> str:
    """The topic on which the sink's workers and its commit coordinator talk.

    Named per cluster: the coordinator skips offsets below those that the table's snapshots remember under this name,
    so a rebuilt cluster, whose offsets begin at 0 again, would lose everything under the old one.
    """
    return CONTROL_PREFIX + connector_name(cluster).removeprefix(CONNECTOR_PREFIX)


def sink_config(
    *,
    kafka: KafkaSettings,
    lake: LakeSettings,
    store: StoreSettings,
    topics: TopicSettings,
    connect: ConnectSettings,
    cluster: str,
) -> dict[str, str]:
    """What Connect is given: `{name: value}`, secrets as placeholders only.

    Args:
        cluster: name of the Kafka cluster in the lake's rows.

    Raises:
        SinkConfigError: a setting that the sink cannot work with.
    """
    secret = placeholders(connect.secrets)
    return {
        "connector.class": "org.apache.iceberg.connect.IcebergSinkConnector",
        "tasks.max": str(connect.tasks),
        "topics": ENGAGEMENT_EVENTS,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        **converter_config(kafka, connect, secret),
        **_coordinates(cluster),
        "iceberg.tables": ENGAGEMENT_TABLE,
        # `prepare` makes the table, so that its schema, partitioning and properties are ours
        "iceberg.tables.auto-create-enabled": "false",
        # a field added to the event becomes a column when runtime.event_table_schema says so, not when it first appears
        "iceberg.tables.evolve-schema-enabled": "false",
        **_commits(connect, cluster),
        **security_config(kafka, secret),
        **catalog_config(*_as_the_worker_sees(lake, store, connect), secret),
        **_dead_letters(topics),
    }


def _as_the_worker_sees(
    lake: LakeSettings, store: StoreSettings, connect: ConnectSettings
) -> tuple[LakeSettings, StoreSettings]:
    uri, endpoint = connect.lake_catalog_uri or lake.catalog_uri, connect.store_endpoint or store.endpoint
    return lake.model_copy(update={"catalog_uri": uri}), store.model_copy(update={"endpoint": endpoint})


def _coordinates(cluster: str) -> dict[str, str]:
    """Where each row came from: what the watermark and the deduplication go by."""
    fields = {
        "topic.field": TOPIC,
        "partition.field": PARTITION,
        "offset.field": OFFSET,
        "timestamp.field": TIMESTAMP,
        "static.field": CLUSTER,
        "static.value": cluster,
    }
    return {
        "transforms": "coordinates",
        "transforms.coordinates.type": "org.apache.kafka.connect.transforms.InsertField$Value",
        **{f"transforms.coordinates.{name}": value for name, value in fields.items()},
    }


def _commits(connect: ConnectSettings, cluster: str) -> dict[str, str]:
    """Exactly once; the worker's offset.flush.interval.ms must be below the commit interval besides."""
    return {
        "iceberg.control.topic": control_topic(cluster),
        "iceberg.control.commit.interval-ms": str(round(connect.commit_seconds * 1000)),
        "iceberg.control.commit.timeout-ms": str(COMMIT_TIMEOUT_SECONDS * 1000),
        # a commit that lost against the archiver's or the maintenance's is no reason to end the task
        "iceberg.control.commit.max-consecutive-failures": "10",
        # by default *latest*: after a crash before the first commit the coordinator would skip what was written and
        # lose it (apache/iceberg#18006)
        "iceberg.kafka.auto.offset.reset": "earliest",
        # by default 45 s: so long would commits wait after a crash
        "iceberg.kafka.session.timeout.ms": "10000",
        "iceberg.kafka.heartbeat.interval.ms": "3000",
        "consumer.override.session.timeout.ms": "10000",
        "consumer.override.heartbeat.interval.ms": "3000",
        "consumer.override.auto.offset.reset": "earliest",
        # as the archiver reads
        "consumer.override.isolation.level": "read_committed",
    }


def _dead_letters(topics: TopicSettings) -> dict[str, str]:
    """What is no Avro of a known schema goes there with the reason in headers, and the flow goes on."""
    return {
        "errors.tolerance": "all",
        # what is no fault of the message, a registry out of reach, is tried again for ever
        "errors.retry.timeout": "-1",
        "errors.retry.delay.max.ms": "5000",
        # the place and the reason in the log; never the message, which is somebody's data
        "errors.log.enable": "true",
        "errors.log.include.messages": "false",
        "errors.deadletterqueue.topic.name": ENGAGEMENT_EVENTS_DLQ,
        # Connect would make the topic where it is missing, and by default with 3 copies
        "errors.deadletterqueue.topic.replication.factor": str(topics.replication),
        "errors.deadletterqueue.context.headers.enable": "true",
    }


__all__ = ["SinkConfigError", "connector_name", "control_topic", "sink_config"]
