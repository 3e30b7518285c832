"""Servers that want TLS and credentials, started by the tests from realstack's software on ports of their own.

realstack itself speaks plaintext. Each is a context manager over a folder, and gone at its end::

    certificates = Certificates.create(tmp_path / "certificates")
    with kafka_broker(tmp_path / "kafka", certificates) as broker:
        broker.bootstrap_sasl_ssl, broker.username, broker.password, broker.ca
        broker.environment()  # KAFKA_* for a room
        broker.kill()         # SIGKILL
        broker.start()        # the same ports and data
"""

from __future__ import annotations

from tests.integration.certificates import Certificates
from tests.integration.server_kafka import KafkaBroker, kafka_broker
from tests.integration.server_postgres import PostgresServer, postgres_server
from tests.integration.server_registry import RegistryDoor, registry_door
from tests.integration.server_s3 import S3Server, s3_server

__all__ = [
    "Certificates",
    "KafkaBroker",
    "PostgresServer",
    "RegistryDoor",
    "S3Server",
    "kafka_broker",
    "postgres_server",
    "registry_door",
    "s3_server",
]
