"""librdkafka's in-process broker, opened on a loopback port for other processes.

The C functions are those of rdkafka_mock.h
(https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_mock.h), called on the library inside the
confluent-kafka wheel; through ctypes, because the Python client can start the broker but not create topics on it.
It keeps about 5 MiB per partition and forgets what is older: for demos and tests.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from contracts.events import ENGAGEMENT_EVENTS, ENGAGEMENT_EVENTS_DLQ, ENGAGEMENT_PARTITIONS, RECOMMENDATIONS_SERVED

TOPICS: Mapping[str, int] = {
    ENGAGEMENT_EVENTS: ENGAGEMENT_PARTITIONS,
    ENGAGEMENT_EVENTS_DLQ: 1,
    RECOMMENDATIONS_SERVED: 1,
}
"""`{topic: partitions}` that the demo's broker starts with."""

_PRODUCER = 0
_ERROR_BYTES = 512


class BrokerError(Exception):
    """The in-process broker cannot be started here."""


class Broker:
    """A one-node broker on 127.0.0.1; a context manager that ends it.

    Attributes:
        bootstrap_servers: `host:port` for clients of any process on this machine.
    """

    def __init__(self, topics: Mapping[str, int] = TOPICS) -> None:
        self._library = _load_library()
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        configuration = self._library.rd_kafka_conf_new()
        # the handle is only the broker's host: it has nobody to connect to and need not say so
        self._library.rd_kafka_conf_set(configuration, b"log_level", b"3", error, _ERROR_BYTES)
        self._handle = self._library.rd_kafka_new(_PRODUCER, configuration, error, _ERROR_BYTES)
        if not self._handle:
            raise BrokerError(f"librdkafka does not start: {error.value.decode()}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, 1)
        if not self._cluster:
            raise BrokerError("librdkafka's in-process broker does not start")
        self.bootstrap_servers: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        for topic, partitions in topics.items():
            if self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1) != 0:
                raise BrokerError(f"topic {topic} cannot be created")

    def close(self) -> None:
        """End the broker; what it held is gone."""
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._handle)
            self._cluster = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _load_library() -> ctypes.CDLL:
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        raise BrokerError("confluent-kafka is not installed")
    site_packages = Path(spec.origin).parent.parent
    # Linux wheels keep it beside the package, macOS wheels inside
    candidates = sorted(
        [
            *site_packages.glob("confluent_kafka.libs/librdkafka*"),
            *site_packages.glob("confluent_kafka/.dylibs/librdkafka*"),
        ],
    )
    if not candidates:
        raise BrokerError(f"the librdkafka of confluent-kafka is not under {site_packages}: install its wheel")
    library = ctypes.CDLL(str(candidates[0]))
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    signatures: dict[str, tuple[type | None, list[type]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (ctypes.c_int, [pointer, text, text, text, size]),
        "rd_kafka_new": (pointer, [ctypes.c_int, pointer, text, size]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, ctypes.c_int]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (ctypes.c_int, [pointer, text, ctypes.c_int, ctypes.c_int]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
