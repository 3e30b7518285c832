from __future__ import annotations

import json
import logging
import sys
import urllib.request

from prometheus_client import CollectorRegistry, Gauge

from runtime.settings import ProcessSettings
from runtime.telemetry import JsonFormatter, TextFormatter, serve_metrics
from tests.ports import free_port


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("room", logging.INFO, "file.py", 1, message, arguments, None)
    made.__dict__.update(extra)
    return made


def test_a_json_line_has_the_message_and_the_extras() -> None:
    line = json.loads(JsonFormatter().format(record("%d items", 3, catalog_run="r1")))
    assert (line["level"], line["logger"], line["message"], line["catalog_run"]) == ("INFO", "room", "3 items", "r1")
    assert line["time"].endswith("+00:00")


def test_a_json_line_stays_one_line_with_a_traceback() -> None:
    try:
        raise ValueError("no\nway")
    except ValueError:
        made = record("it failed")
        made.exc_info = sys.exc_info()
    line = JsonFormatter().format(made)
    assert "\n" not in line
    assert "ValueError" in json.loads(line)["exception"]


def test_a_text_line_ends_with_the_extras() -> None:
    assert TextFormatter().format(record("done", items=3)).endswith("Z INFO room: done items=3")


def test_metrics_are_served_where_a_port_is_named() -> None:
    registry = CollectorRegistry()
    Gauge("answer", "Of all", registry=registry).set(42)
    port = free_port()
    server = serve_metrics(ProcessSettings(metrics_port=port, metrics_host="127.0.0.1"), registry)
    assert server is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert b"answer 42.0" in answer.read()
    server.close()
    assert serve_metrics(ProcessSettings(), registry) is None
