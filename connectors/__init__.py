"""Kafka to the lake. Embedded: the archiver. On a cluster: Kafka Connect with the Iceberg sink."""
