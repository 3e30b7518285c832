"""Kafka over SASL/SCRAM and TLS: what works, what is refused, and that a refusal is not an outage."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import admin

from contracts.events import ENGAGEMENT_EVENTS_DLQ, EngagementEvent, EventType
from runtime import kafka_connection
from runtime.event_stream import (
    EventDecoder,
    EventProducer,
    EventStreamError,
    PartitionConsumer,
    RawProducer,
    registry_client,
)
from runtime.settings import KafkaSettings
from tests.integration.security.environment import Environment, is_one_line
from tests.integration.servers import KafkaBroker
from tests.processes import eventually

pytestmark = pytest.mark.real

CREDENTIALS = ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD")


def event(user: int = 1) -> EngagementEvent:
    return EngagementEvent(
        user_id=str(user), item_id="1", event_type=EventType.LIKE, occurred_at=datetime.now(UTC), source="test"
    )


def wrong(broker: KafkaBroker, kafka: Environment, what: str, no_pem: Path) -> tuple[KafkaSettings, tuple[str, ...]]:
    """Settings with one thing wrong, and the words that its line must have."""
    changes: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
        "password": ({"KAFKA_SASL_PASSWORD": "hunter2"}, CREDENTIALS),
        "user": ({"KAFKA_SASL_USERNAME": "nobody"}, CREDENTIALS),
        "mechanism": ({"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"}, ("KAFKA_SASL_MECHANISM",)),
        "authority": ({"KAFKA_CA": broker.certificates.other_ca}, ("KAFKA_CA", "certificate")),
        "no authority": ({"KAFKA_CA": None}, ("KAFKA_CA", "certificate")),
        "no certificate": ({"KAFKA_CA": no_pem}, ("KAFKA_CA", "no.pem is no PEM file")),
        "plaintext": ({"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, ("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")),
        "no TLS": ({"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")),
        "no SASL": ({"KAFKA_SECURITY_PROTOCOL": "SSL"}, ("KAFKA_SECURITY_PROTOCOL", "SSL")),
        "TLS to plaintext": (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_plaintext},
            ("KAFKA_SECURITY_PROTOCOL", "SSL"),
        ),
        "SASL to none": (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_plaintext},
            ("KAFKA_SECURITY_PROTOCOL",),
        ),
    }
    changed, words = changes[what]
    return kafka.but(**changed).settings(KafkaSettings), words


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of the broker that only closes connections."""
    monkeypatch.setattr(kafka_connection, "_CLOSED_SECONDS", 1.0)


WRONG = (
    "password", "user", "mechanism", "authority", "no authority", "no certificate", "plaintext", "no TLS", "no SASL",
    "TLS to plaintext", "SASL to none",
)  # fmt: skip


@pytest.mark.parametrize("listener", ["SASL_SSL", "SSL"])
def test_events_go_there_and_back(broker: KafkaBroker, kafka: Environment, listener: str) -> None:
    servers = {"SASL_SSL": broker.bootstrap_sasl_ssl, "SSL": broker.bootstrap_ssl}[listener]
    settings = kafka.but(KAFKA_SECURITY_PROTOCOL=listener, KAFKA_BOOTSTRAP_SERVERS=servers).settings(KafkaSettings)
    sent = [event(user) for user in range(50)]
    with registry_client(settings) as schemas, closing(PartitionConsumer(settings)) as consumer:
        assert consumer.cluster_id() == "4L6g3nShT-eMCtK--X86sw"
        consumer.assign({partition: consumer.bounds(partition)[1] for partition in consumer.partitions()})
        producer = EventProducer(settings, schemas)
        for one in sent:
            producer.send(one)
        assert producer.flush(30).acknowledged == 50
        found: set[str] = set()
        decoder = EventDecoder(schemas)
        deadline = time.monotonic() + 30
        while len(found) < 50 and time.monotonic() < deadline:
            found |= {decoder.decode(message.value())["event_id"] for message in consumer.read(100, 0.5)}
    assert found == {one.event_id for one in sent}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("what", WRONG)
def test_a_consumer_that_is_refused_says_what_to_check(
    broker: KafkaBroker, kafka: Environment, what: str, no_pem: Path, secrets: list[str]
) -> None:
    settings, words = wrong(broker, kafka, what, no_pem)
    begin = time.monotonic()
    with pytest.raises(EventStreamError) as raised, closing(PartitionConsumer(settings)) as consumer:
        consumer.cluster_id()
    assert time.monotonic() - begin < 15
    assert is_one_line(str(raised.value), *words)
    assert not [secret for secret in (*secrets, "hunter2") if secret in str(raised.value)]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("what", WRONG)
def test_a_producer_that_is_refused_says_what_to_check(
    broker: KafkaBroker, kafka: Environment, what: str, no_pem: Path
) -> None:
    settings, words = wrong(broker, kafka, what, no_pem)
    begin = time.monotonic()
    with pytest.raises(EventStreamError) as raised:
        send(settings)
    assert time.monotonic() - begin < 15
    assert is_one_line(str(raised.value), *words)


def test_dead_letters_that_are_refused_say_what_to_check(kafka: Environment) -> None:
    producer = RawProducer(kafka.but(KAFKA_SASL_PASSWORD="hunter2").settings(KafkaSettings))
    producer.send(ENGAGEMENT_EVENTS_DLQ, None, b"", [])
    with pytest.raises(EventStreamError, match="KAFKA_SASL_PASSWORD"):
        producer.flush(30)


def test_a_broker_that_is_away_is_no_refusal(monkeypatch: pytest.MonkeyPatch, kafka: Environment) -> None:
    monkeypatch.setattr(kafka_connection, "METADATA_TIMEOUT_SECONDS", 2.0)
    settings = kafka.but(KAFKA_BOOTSTRAP_SERVERS="localhost:9").settings(KafkaSettings)
    with closing(PartitionConsumer(settings)) as consumer, pytest.raises(EventStreamError, match="cannot be reached"):
        consumer.cluster_id()
    with registry_client(settings) as schemas:
        producer = EventProducer(settings, schemas)
        producer.send(event())
        assert producer.flush(1.0).unacknowledged == 1
        producer.poll()


def test_a_client_that_was_let_in_outlasts_a_restart_and_a_refusal(
    broker: KafkaBroker, kafka: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    """The password changes while the broker is away; the client says so once and goes on once it is as before."""
    caplog.set_level(logging.INFO)
    set_password(broker, "rotating", "first-password")
    settings = kafka.but(KAFKA_SASL_USERNAME="rotating", KAFKA_SASL_PASSWORD="first-password").settings(KafkaSettings)
    with registry_client(settings) as schemas:
        producer = EventProducer(settings, schemas)
        producer.send(event())
        assert producer.flush(30).acknowledged == 1
        set_password(broker, "rotating", "second-password")
        broker.kill()
        producer.send(event())
        assert producer.flush(1).unacknowledged == 1
        broker.start()
        eventually(lambda: refused(producer, caplog), what="the refusal")
        assert producer.flush(3).unacknowledged == 1
        set_password(broker, "rotating", "first-password")
        assert producer.flush(60).acknowledged == 2
    assert len(refusals(caplog)) == 1
    assert is_one_line(refusals(caplog)[0], *CREDENTIALS)
    assert "password" not in caplog.text.replace("KAFKA_SASL_PASSWORD", "").lower()
    # librdkafka itself has a line for each try, several a second
    assert len(caplog.records) < 15


def send(settings: KafkaSettings) -> None:
    with registry_client(settings) as schemas:
        producer = EventProducer(settings, schemas)
        producer.send(event())
        producer.flush(30)


def refused(producer: EventProducer, caplog: pytest.LogCaptureFixture) -> bool:
    producer.poll()
    return bool(refusals(caplog))


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def set_password(broker: KafkaBroker, user: str, password: str) -> None:
    # names that the package exports without saying so
    made: Any = admin
    kind = made.ScramCredentialInfo(made.ScramMechanism.SCRAM_SHA_512, 4096)
    change = made.UserScramCredentialUpsertion(user, kind, password.encode(), b"salt")
    client = made.AdminClient({"bootstrap.servers": broker.bootstrap_plaintext})
    for done in client.alter_user_scram_credentials([change]).values():
        done.result(30)
