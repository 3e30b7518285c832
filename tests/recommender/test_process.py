"""The real process, over a folder: `python -m recommender`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.object_store_directory import DirectoryStore
from tests.recommender.models import publish, small_model

ROOT = Path(__file__).parents[2]


class Running:
    """A recommender on a free port, and what it logs."""

    def __init__(self, store: Path, log: Path, **environment: str) -> None:
        self._log = log
        given = {
            "PATH": os.environ["PATH"],
            "STORE_URL": store.as_uri(),
            "RECOMMENDER_HOST": "127.0.0.1",
            "RECOMMENDER_PORT": "0",
            "RECOMMENDER_POLL_SECONDS": "0.1",
        }
        with log.open("wb") as errors:
            command = [sys.executable, "-m", "recommender"]
            self.process = subprocess.Popen(command, cwd=ROOT, stderr=errors, env={**given, **environment})

    @property
    def log(self) -> str:
        return self._log.read_text()

    def until(self, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := condition():
                return found
            time.sleep(0.02)
        raise AssertionError(f"it never came; exit code {self.process.poll()}, log:\n{self.log}")

    def url(self) -> str:
        line: str = self.until(lambda: next((x for x in self.log.splitlines() if "listening on" in x), None))
        return line.rpartition(" ")[2]

    def stop(self) -> float:
        """Seconds from SIGTERM to the end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0, self.log
        return time.monotonic() - began


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    service = Running(tmp_path / "store", tmp_path / "log", TMPDIR=str(tmp_path))
    yield service
    service.process.kill()
    service.process.wait()


def test_a_model_is_swapped_in_while_clients_see_no_failure(running: Running, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    with httpx.Client(base_url=running.url()) as client:
        answer = client.get("/ready")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        first = publish(store, small_model(seed=1))
        running.until(lambda: client.get("/ready").status_code == 200)

        answers: list[tuple[int, str, int]] = []
        done = threading.Event()

        def ask() -> None:
            with httpx.Client(base_url=running.url()) as mine:
                while not done.is_set():
                    got = mine.post("/recommend", json={"user_id": 1, "num_items": 10})
                    answers.append((got.status_code, got.json()["model_version"], len(got.json()["items"])))

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            running.until(lambda: len(answers) > 20)
            second = publish(store, small_model(seed=2))
            running.until(lambda: answers[-1][1] == second)
            seen_until_now = len(answers)
            running.until(lambda: len(answers) > seen_until_now + 20)
        finally:
            done.set()
            asking.join()
        versions = [version for _, version, _ in answers]
        assert {(status, count) for status, _, count in answers} == {(200, 10)}
        assert versions == sorted(versions)
        assert set(versions) == {first, second}

        body = b'{"user_id": 1, "exclude_items": ["' + b"x" * 10_000_000 + b'"]}'
        assert client.post("/recommend", content=body).status_code == 413
        assert client.get("/health").status_code == 200
        assert running.stop() < 3
    assert "ERROR" not in running.log
    assert not list(tmp_path.glob("showrunner-models-*")), "the temporary cache went with the process"


def test_a_broken_model_leaves_the_old_one_serving(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    version = publish(store, small_model())
    cache = tmp_path / "cache"
    running = Running(tmp_path / "store", tmp_path / "log", RECOMMENDER_CACHE_DIR=str(cache))
    try:
        url = running.url()
        running.until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        publish(store, small_model(seed=1), without="item_factors.npy")
        running.until(lambda: "reload failed" in running.log)
        assert httpx.get(f"{url}/model").json()["model_version"] == version
        assert "recommender_model_reload_failures_total 0.0" not in httpx.get(f"{url}/metrics").text
        assert running.stop() < 3
        assert [path.name for path in cache.iterdir()] == [version]
        assert running.log.count("reload failed") == 1
    finally:
        running.process.kill()
        running.process.wait()


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "error: STORE_URL: is not set"),
        ({"STORE_URL": "file:///tmp", "RECOMMENDER_PORT": "http"}, "error: RECOMMENDER_PORT: "),
        ({"STORE_URL": "file:///tmp", "RECOMMENDER_MAX_NUM_ITEMS": "0"}, "error: RECOMMENDER_MAX_NUM_ITEMS: "),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(environment: dict[str, str], line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recommender"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1
