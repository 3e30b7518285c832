"""A Kafka client's way to its brokers: configured from the settings, and what stands in it told in one line."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from runtime.settings import KafkaSettings

log = logging.getLogger("kafka")

METADATA_TIMEOUT_SECONDS: Final = 10.0

_CLOSED_SECONDS: Final = 5.0
"""A broker may close connections while it starts or stops; one that does nothing else is spoken to in the wrong way."""
_REPEAT_SECONDS: Final = 60.0
_FIRST_PATIENCE_SECONDS: Final = 1.0

_THREAD: Final = re.compile(r"^\[thrd:[^\]]*\]: ")
_DETAIL: Final = re.compile(r" \(after \d+ms in state .*\)$")

# their names begin with _ as librdkafka's own errors do
_REFUSED: Final = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # noqa: SLF001
_AWAY: Final = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001
_ALL_DOWN: Final = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001
_CLOSED: Final = ("Disconnected", "unexpected eof")
_UNTRUSTED: Final = "certificate verify failed"
"""Which comes as an error of the transport now and then."""

Client = TypeVar("Client")
Answer = TypeVar("Answer")


class EventStreamError(Exception):
    """Kafka or the registry cannot be used; the message says which and what to check."""


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """librdkafka's configuration that every client shares. It has the password: not to be logged."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "security.protocol": settings.security_protocol,
        "logger": log,
        # ask again soon when a broker comes back
        "reconnect.backoff.max.ms": 2_000,
    }
    if settings.security_protocol.startswith("SASL"):
        assert settings.sasl_password is not None
        config["sasl.mechanism"] = settings.sasl_mechanism
        config["sasl.username"] = settings.sasl_username
        config["sasl.password"] = settings.sasl_password.get_secret_value()
    if settings.ca is not None and settings.security_protocol.endswith("SSL"):
        config["ssl.ca.location"] = str(settings.ca)
    return config


class KafkaConnection:
    """Hears what one client says of its brokers, while the client is polled.

    librdkafka tries again for ever, with a wrong password too, and logs each time. A client that never got in is not
    helped by that: `check()` raises. Once it was in, a refusal is an outage like any other: tried again, and logged
    once a minute.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._connected = False
        self._refusal: str | None = None
        self._trouble: str | None = None
        self._closed_since: float | None = None
        self._told: dict[str, float] = {}

    def open(self, kind: Callable[[dict[str, Any]], Client], config: Mapping[str, Any]) -> Client:
        """A client of this kind (Producer, Consumer, AdminClient), with what every client shares and this.

        Raises:
            EventStreamError: a setting is not to librdkafka's liking, such as a CA file without a certificate.
        """
        try:
            return kind({**client_config(self._settings), "logger": self, "error_cb": self._heard, **config})
        except KafkaException as error:
            reason: str = error.args[0].str()
            if "ssl.ca.location" in reason:
                raise EventStreamError(f"KAFKA_CA={self._settings.ca} is no PEM file of certificates") from None
            raise EventStreamError(f"Kafka's settings (KAFKA_*) cannot be used: {reason}") from None

    def connected(self) -> None:
        """A broker has answered."""
        self._connected = True
        self._refusal = self._closed_since = None

    def check(self) -> None:
        """Raises EventStreamError where no broker ever answered and they refuse this client."""
        if self._refusal is not None:
            raise EventStreamError(self._refusal)

    def ask(self, request: Callable[[float], Answer], serve: Callable[[], object]) -> Answer:
        """What `request(timeout_seconds)` answers; tried again while no broker can be reached.

        Args:
            request: a call that waits without polling, such as `list_topics`.
            serve: polls the client, so that it is heard in between.

        Raises:
            EventStreamError: the brokers refuse this client, or did not answer in METADATA_TIMEOUT_SECONDS.
        """
        deadline = time.monotonic() + METADATA_TIMEOUT_SECONDS
        patience = _FIRST_PATIENCE_SECONDS
        while True:
            left = max(0.1, deadline - time.monotonic())
            try:
                answer = request(min(patience, left))
            except KafkaException as error:
                serve()
                self.check()
                reason: KafkaError = error.args[0]
                if reason.code() not in _AWAY or time.monotonic() >= deadline:
                    raise self.unreachable(reason) from None
                patience *= 2
            else:
                self.connected()
                return answer

    def unreachable(self, error: KafkaError) -> EventStreamError:
        where = self._settings.bootstrap_servers
        return EventStreamError(f"Kafka at {where} cannot be reached: {self._trouble or error.str()}")

    def log(self, level: int, _form: str, *values: str) -> None:
        """librdkafka's log lines, as those of a Logger: `values` are what it is about, the client, and the line."""
        what, line = values[0], _THREAD.sub("", values[-1])
        if what != "FAIL":
            # a try that is followed by another is no news
            log.log(logging.DEBUG if line.endswith("retrying") else level, "%s: %s", what, line)
        # what it calls an error is heard a second time, with its code
        elif level < logging.ERROR:
            self._closed(_DETAIL.sub("", line), level)

    def _heard(self, error: KafkaError) -> None:
        line = _DETAIL.sub("", error.str())
        if any(word in line for word in _CLOSED):
            self._closed(line, logging.WARNING)
        elif error.code() in _REFUSED or _UNTRUSTED in line:
            self._refused(line)
        elif error.code() != _ALL_DOWN:
            self._closed_since, self._trouble = None, line
            self._tell(logging.WARNING, line)

    def _closed(self, line: str, level: int) -> None:
        if self._connected:
            self._tell(level, line)
            return
        now = time.monotonic()
        self._closed_since = self._closed_since or now
        protocol = self._settings.security_protocol
        self._trouble = f"it closes the connection: check KAFKA_SECURITY_PROTOCOL, which is {protocol}"
        if now - self._closed_since >= _CLOSED_SECONDS:
            self._refusal = f"Kafka at {self._settings.bootstrap_servers} cannot be used: {self._trouble}"

    def _refused(self, line: str) -> None:
        refusal = f"Kafka at {self._settings.bootstrap_servers} cannot be used: {_remedy(line)} ({_reason(line)})"
        if self._connected:
            self._tell(logging.ERROR, refusal)
        else:
            self._refusal = refusal

    def _tell(self, level: int, line: str) -> None:
        now = time.monotonic()
        if now - self._told.get(line, -_REPEAT_SECONDS) >= _REPEAT_SECONDS:
            self._told[line] = now
            log.log(level, "%s", line)


def _remedy(line: str) -> str:
    """What to check, from librdkafka's words."""
    if _UNTRUSTED in line:
        return "its certificate is not trusted: check KAFKA_CA, and that it is for the name in KAFKA_BOOTSTRAP_SERVERS"
    if "SASL authentication error" in line:
        return "it refuses the credentials: check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM"
    if "Unsupported SASL mechanism" in line:
        return "check KAFKA_SASL_MECHANISM"
    return "check KAFKA_SECURITY_PROTOCOL"


def _reason(line: str) -> str:
    """Without the broker's address, and without librdkafka's advice, which names its own settings."""
    reason = re.sub(r"^\S+/\S+: ", "", line)
    return reason.partition(": broker certificate could not be verified")[0]
