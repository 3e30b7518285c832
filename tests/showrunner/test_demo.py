"""The demo as a user runs it, in its own processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.watermark import Watermark
from showrunner.data_dir import DataDir
from tests.conftest import event_table
from tests.ports import free_port
from tests.processes import eventually

COMMAND = [sys.executable, "-c", "from showrunner.cli import main; main()", "demo"]
SMALL = ["--viewers", "150", "--items", "600", "--history", "5000", "--rate", "100"]
FIRST_MODEL_SECONDS = 60
STOP_SECONDS = 5


@contextmanager
def demo(data: Path, port: int, log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`showrunner demo`; ended as ctrl-C would, within the time that is promised."""
    arguments = [*COMMAND, "--port", str(port), "--data-dir", str(data), *SMALL, *options]
    with log.open("ab") as output:
        process = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield process
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_SECONDS) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def recommend(port: int, user_id: int, num_items: int = 10) -> dict[str, Any]:
    body = json.dumps({"user_id": user_id, "num_items": num_items}).encode()
    url = f"http://127.0.0.1:{port}/recommend"
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False


def test_the_demo_serves_reloads_stops_and_goes_on(tmp_path: Path) -> None:
    port, data, log = free_port(), tmp_path / "data", tmp_path / "demo.log"
    with demo(data, port, log, "--build-every", "4s"):
        eventually(lambda: ready(port), FIRST_MODEL_SECONDS, "the first model")
        first = recommend(port, 1)
        assert len({item["item_id"] for item in first["items"]}) == 10
        assert len({item["title"] for item in first["items"]}) == 10
        # under load, through hot reloads, every request is answered
        versions, requests = {first["model_version"]}, 0
        deadline = time.monotonic() + 40
        while len(versions) < 3:
            assert time.monotonic() < deadline, log.read_text()
            answer = recommend(port, requests % 150 + 1)
            assert len(answer["items"]) == 10
            versions.add(answer["model_version"])
            requests += 1
        assert requests > 100
    with event_table(DataDir(data.resolve())) as table:
        archived = table.statistics().rows
        assert archived == table.read_new(Watermark()).rows.num_rows
        # what the generator sent until it ended is in the lake
        sent = (data / "logs" / "event_generator.log").read_text().splitlines()[-1]
        assert f" {archived} acknowledged, 0 failed" in sent
        log.unlink()
        with demo(data, port, log, "--build-every", "10m"):
            eventually(lambda: ready(port), 20, "the old model")
            assert recommend(port, 1)["model_version"] == max(versions)
            eventually(lambda: table.statistics().rows > archived, what="new events")
            assert f"going on after {archived} events" in (data / "logs" / "event_generator.log").read_text()
        assert table.statistics().rows == table.read_new(Watermark()).rows.num_rows > archived


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = [*COMMAND, "--port", str(port), "--data-dir", str(tmp_path / "data")]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: cannot listen on 127.0.0.1:{port} (Address already in use); choose another with --port\n"
    )


@pytest.mark.parametrize("text", ["0s", "soon", "-5", "5d"])
def test_a_duration_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    arguments = [*COMMAND, "--build-every", text, "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "no duration" in done.stderr or "such option" in done.stderr
