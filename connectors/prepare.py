"""What must be there before the sink runs: the lake's table, the topics, the schemas. All of it may exist already."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka.schema_registry import SchemaRegistryClient
from pyiceberg.catalog import Catalog

from connectors.schemas import register_schemas
from connectors.topics import Topic, TopicAdmin
from runtime.event_table import EventTable


def prepare(catalog: Catalog, admin: TopicAdmin, topics: Sequence[Topic], registry: SchemaRegistryClient) -> None:
    """Create what is missing. The table comes first: the sink would make one of its own liking, or find none and drop
    what it was to commit.

    Raises:
        EventTableError: the table cannot be used.
        EventStreamError: Kafka or the registry cannot be used, or refused something.
    """
    EventTable.open(catalog)
    admin.create(topics)
    register_schemas(registry)
