"""Logging and Prometheus metrics, the same for every room."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server

from runtime.settings import ProcessSettings

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and whatever the call gave as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update({key: value for key, value in record.__dict__.items() if key not in _STANDARD})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class TextFormatter(logging.Formatter):
    """`12:00:00Z INFO exporter: message key=value`"""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        return datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        extra = "".join(f" {key}={value}" for key, value in record.__dict__.items() if key not in _STANDARD)
        line, newline, traceback = super().format(record).partition("\n")
        return line + extra + newline + traceback


def configure_logging(settings: ProcessSettings) -> None:
    """Send the root logger to standard error, once, in the format the settings name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # every request of a client library at INFO would bury our own lines
    for noisy in ("httpx", "httpx2", "httpcore", "httpcore2", "urllib3", "pyiceberg"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # a try that is followed by another is no news: what fails in the end is an error of ours
    for retrying in ("pyiceberg.table", "urllib3.connectionpool"):
        logging.getLogger(retrying).setLevel(logging.ERROR)


class MetricsServer:
    """`/metrics` from a thread of its own, until closed or the process ends."""

    def __init__(self, port: int, host: str, registry: CollectorRegistry) -> None:
        self._server, self._thread = start_http_server(port, addr=host, registry=registry)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_metrics(settings: ProcessSettings, registry: CollectorRegistry) -> MetricsServer | None:
    """Serve `/metrics` where the settings name a port; for rooms without HTTP of their own."""
    if settings.metrics_port is None:
        return None
    return MetricsServer(settings.metrics_port, settings.metrics_host, registry)
