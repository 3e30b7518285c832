"""The topics, made by us: partitions, copies and retention come from settings, never from a broker's defaults."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connectors.sink_config import control_topic
from contracts.events import CATALOG_CHANGES, ENGAGEMENT_EVENTS, ENGAGEMENT_EVENTS_DLQ, RECOMMENDATIONS_SERVED
from runtime.event_stream import EventStreamError, KafkaConnection
from runtime.settings import KafkaSettings, TopicSettings

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS: Final = 30.0
_SAFE_REPLICATION: Final = 3
_FOR_EVER: Final = "-1"


@dataclass(frozen=True)
class Topic:
    """A topic as it is created."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)


def wanted_topics(settings: TopicSettings, cluster: str) -> list[Topic]:
    """All topics of the product, the sink's control topic among them. Raises SinkConfigError."""
    retention = {"cleanup.policy": "delete", "retention.ms": str(round(settings.retention_hours * 3_600_000))}
    # one broker of three may be away without a write being refused or lost
    copies = {"min.insync.replicas": "2" if settings.replication >= _SAFE_REPLICATION else "1"}
    wanted: list[tuple[str, int, Mapping[str, str]]] = [
        # arrival is told by the broker's clock: a producer's wrong one would scatter rows over the table's partitions
        (ENGAGEMENT_EVENTS, settings.partitions, {**retention, "message.timestamp.type": "LogAppendTime"}),
        (ENGAGEMENT_EVENTS_DLQ, 1, retention),
        (RECOMMENDATIONS_SERVED, settings.partitions, retention),
        (CATALOG_CHANGES, 1, {"cleanup.policy": "compact"}),
        # it has what was written and waits for its commit; one partition keeps that in order
        (control_topic(cluster), 1, {"cleanup.policy": "delete", "retention.ms": _FOR_EVER, "retention.bytes": "-1"}),
    ]
    return [Topic(name, count, settings.replication, {**config, **copies}) for name, count, config in wanted]


class TopicAdmin:
    """Looks at the cluster and makes topics. Every method raises EventStreamError where Kafka cannot be used."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._connection = KafkaConnection(settings)
        self._admin = self._connection.open(AdminClient, {})

    def cluster(self) -> str:
        """KAFKA_CLUSTER, by default the id that the broker tells."""
        if self._settings.cluster:
            return self._settings.cluster
        cluster: str | None = self._metadata().cluster_id
        if not cluster:
            raise EventStreamError("the broker tells no cluster id: set KAFKA_CLUSTER")
        return cluster

    def create(self, topics: Sequence[Topic]) -> list[str]:
        """Create those that are missing and return their names; existing ones stay as they are, with a warning where
        they have other partitions."""
        existing = self._metadata().topics
        for topic in topics:
            if topic.name in existing and (count := len(existing[topic.name].partitions)) != topic.partitions:
                log.warning("topic %s has %d partitions, not %d: left as it is", topic.name, count, topic.partitions)
        missing = [topic for topic in topics if topic.name not in existing]
        if not missing:
            return []
        made = self._admin.create_topics(
            [NewTopic(topic.name, topic.partitions, topic.replication, config=dict(topic.config)) for topic in missing],
            operation_timeout=_TIMEOUT_SECONDS,
        )
        return [name for name, future in made.items() if _created(name, future)]

    def _metadata(self) -> Any:
        return self._connection.ask(
            lambda timeout: self._admin.list_topics(timeout=timeout), lambda: self._admin.poll(0)
        )


def _created(name: str, future: Future[None]) -> bool:
    try:
        future.result(_TIMEOUT_SECONDS)
    except KafkaException as error:
        # another process was faster
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise EventStreamError(f"topic {name} cannot be created: {error.args[0].str()}; see TOPIC_*") from None
    log.info("created topic %s", name)
    return True
