from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError, KafkaException

from runtime import kafka_connection
from runtime.kafka_connection import EventStreamError, KafkaConnection, client_config
from runtime.settings import KafkaSettings

AWAY = "Connect to ipv4#127.0.0.1:9 failed: Connection refused"
CLOSED = "Disconnected: connection closed by peer: receive 0 after POLLIN (after 1ms in state APIVERSION_QUERY)"
DENIED = "SASL authentication error: Authentication failed during authentication due to invalid credentials"
UNTRUSTED = "error:0A000086:SSL routines::certificate verify failed"


@pytest.fixture
def settings() -> KafkaSettings:
    return KafkaSettings.model_validate({
        "bootstrap_servers": "kafka:9093",
        "schema_registry_url": "https://registry",
        "security_protocol": "SASL_SSL",
        "sasl_username": "me",
        "sasl_password": "hunter2",
    })  # fmt: skip


@pytest.fixture
def connection(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> KafkaConnection:
    monkeypatch.setattr(kafka_connection, "METADATA_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(kafka_connection, "_FIRST_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(kafka_connection, "_CLOSED_SECONDS", 0.0)
    return KafkaConnection(settings)


def hear(connection: KafkaConnection, code: int, line: str) -> None:
    connection._heard(KafkaError(code, f"sasl_ssl://kafka:9093/bootstrap: {line}"))


def read_log(connection: KafkaConnection, level: int, what: str, line: str) -> None:
    connection.log(level, "%s [%s] %s", what, "rdkafka#consumer-1", f"[thrd:main]: {line}")


def test_the_settings_are_librdkafkas(settings: KafkaSettings) -> None:
    config = client_config(settings)
    assert {name: value for name, value in config.items() if name.startswith(("s", "b"))} == {
        "bootstrap.servers": "kafka:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": "hunter2",
    }


def test_nothing_is_refused_at_first(connection: KafkaConnection) -> None:
    connection.check()


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        (KafkaError._AUTHENTICATION, DENIED, "KAFKA_SASL_PASSWORD"),
        (KafkaError._AUTHENTICATION, "handshake failed: Unsupported SASL mechanism: …", "check KAFKA_SASL_MECHANISM"),
        (KafkaError._SSL, f"SSL handshake failed: {UNTRUSTED}", "check KAFKA_CA"),
        (KafkaError._TRANSPORT, UNTRUSTED, "check KAFKA_CA"),
        (
            KafkaError._SSL,
            "SSL handshake failed: error:0A00010B:SSL routines::wrong version",
            "KAFKA_SECURITY_PROTOCOL",
        ),
        (KafkaError._TRANSPORT, f"SSL handshake failed: {CLOSED}", "KAFKA_SECURITY_PROTOCOL, which is SASL_SSL"),
        (KafkaError._SSL, "SSL handshake failed: SSL routines::unexpected eof", "KAFKA_SECURITY_PROTOCOL, which is"),
    ],
)
def test_a_client_that_never_got_in_is_refused(connection: KafkaConnection, code: int, line: str, words: str) -> None:
    hear(connection, code, line)
    with pytest.raises(EventStreamError, match=words):
        connection.check()


def test_a_connection_closed_without_a_word_is_a_refusal_too(connection: KafkaConnection) -> None:
    read_log(connection, logging.INFO, "FAIL", CLOSED)
    with pytest.raises(EventStreamError, match="KAFKA_SECURITY_PROTOCOL, which is SASL_SSL"):
        connection.check()


def test_a_few_closed_connections_are_not(connection: KafkaConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_connection, "_CLOSED_SECONDS", 60.0)
    read_log(connection, logging.INFO, "FAIL", CLOSED)
    read_log(connection, logging.INFO, "FAIL", CLOSED)
    connection.check()


def test_a_broker_that_is_away_is_waited_for(connection: KafkaConnection, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        hear(connection, KafkaError._TRANSPORT, AWAY)
        hear(connection, KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
    connection.check()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"sasl_ssl://kafka:9093/bootstrap: {AWAY}")
    ]


def test_once_let_in_a_refusal_is_logged_and_tried_again(
    connection: KafkaConnection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.connected()
    for _ in range(5):
        hear(connection, KafkaError._AUTHENTICATION, DENIED)
        read_log(connection, logging.INFO, "FAIL", CLOSED)
    connection.check()
    assert [record.levelname for record in caplog.records if record.levelno > logging.INFO] == ["ERROR"]
    assert "check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD" in caplog.text


def test_what_is_logged_has_librdkafkas_level_unless_it_tries_again(
    connection: KafkaConnection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    read_log(connection, logging.WARNING, "CONFWARN", "a property is unused")
    read_log(connection, logging.WARNING, "GETPID", "Coordinator load in progress: retrying")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "CONFWARN: a property is unused"),
        ("DEBUG", "GETPID: Coordinator load in progress: retrying"),
    ]


class TestAsk:
    def test_an_answer_lets_us_in(self, connection: KafkaConnection) -> None:
        hear(connection, KafkaError._AUTHENTICATION, DENIED)
        assert connection.ask(lambda _: "answer", lambda: None) == "answer"
        connection.check()

    def test_it_asks_again_while_no_broker_is_there(self, connection: KafkaConnection) -> None:
        failures = [KafkaException(KafkaError(KafkaError._TRANSPORT))] * 2

        def request(timeout_seconds: float) -> str:
            if failures:
                raise failures.pop()
            return "answer"

        assert connection.ask(request, lambda: None) == "answer"

    def test_it_gives_up_with_what_was_heard(self, connection: KafkaConnection) -> None:
        def request(timeout_seconds: float) -> str:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

        with pytest.raises(EventStreamError, match=r"Kafka at kafka:9093 cannot be reached: .*Connection refused"):
            connection.ask(request, lambda: hear(connection, KafkaError._TRANSPORT, AWAY))

    def test_it_gives_up_at_once_where_it_is_refused(self, connection: KafkaConnection) -> None:
        asked = []

        def request(timeout_seconds: float) -> str:
            asked.append(timeout_seconds)
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

        with pytest.raises(EventStreamError, match="KAFKA_SASL_PASSWORD"):
            connection.ask(request, lambda: hear(connection, KafkaError._AUTHENTICATION, DENIED))
        assert len(asked) == 1

    def test_another_error_is_not_asked_again(self, connection: KafkaConnection) -> None:
        asked = []

        def request(timeout_seconds: float) -> str:
            asked.append(timeout_seconds)
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))

        with pytest.raises(EventStreamError, match="Unknown topic"):
            connection.ask(request, lambda: None)
        assert len(asked) == 1
