from __future__ import annotations

import re

import pytest

from connectors.sink_config import SinkConfigError
from connectors.status import lag
from connectors.topics import wanted_topics
from contracts.events import ENGAGEMENT_EVENTS
from runtime.settings import TopicSettings


def test_topics_by_the_settings() -> None:
    topics = {topic.name: topic for topic in wanted_topics(TopicSettings(partitions=12, retention_hours=1.5), "c")}
    assert set(topics) == {
        "engagement-events",
        "engagement-events-dlq",
        "catalog-changes",
        "recommendations-served",
        "control-iceberg-c",
    }
    assert {name: topic.partitions for name, topic in topics.items()} == {
        "engagement-events": 12,
        "engagement-events-dlq": 1,
        "catalog-changes": 1,
        "recommendations-served": 12,
        "control-iceberg-c": 1,
    }
    assert topics["engagement-events"].config["retention.ms"] == "5400000"
    assert topics["engagement-events"].config["message.timestamp.type"] == "LogAppendTime"
    assert topics["catalog-changes"].config["cleanup.policy"] == "compact"
    # what waits for its commit there must not be forgotten, whatever the broker's own retention
    control = topics["control-iceberg-c"].config
    assert (control["cleanup.policy"], control["retention.ms"], control["retention.bytes"]) == ("delete", "-1", "-1")
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", name) for name in topics)


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2")])
def test_copies(replication: int, in_sync: str) -> None:
    for topic in wanted_topics(TopicSettings(replication=replication), "c"):
        assert (topic.replication, topic.config["min.insync.replicas"]) == (replication, in_sync)


def test_a_name_that_fits_no_topic() -> None:
    with pytest.raises(SinkConfigError, match="KAFKA_CLUSTER"):
        wanted_topics(TopicSettings(), "a b")


def test_lag() -> None:
    bounds = {0: (0, 10), 1: (5, 8), 2: (0, 0)}
    assert lag({}, bounds) == 13
    assert lag({(ENGAGEMENT_EVENTS, 0): 10, (ENGAGEMENT_EVENTS, 1): 6}, bounds) == 2
    # forgotten by the broker before it was taken; and another topic's
    assert lag({(ENGAGEMENT_EVENTS, 1): 2, ("other", 0): 10}, bounds) == 13
