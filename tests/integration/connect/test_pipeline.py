"""The whole pipeline on the real parts: each room the process it is on a cluster, only the addresses are a test's."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.connect.lake import Sink
from tests.ports import free_port
from tests.processes import eventually, room

log = logging.getLogger(__name__)

EVENTS = 12_000


class Pipeline:
    """The rooms, with one environment."""

    def __init__(self, sink: Sink, folder: Path) -> None:
        store = sink.store.model_copy(update={"url": f"s3://{sink.stack.s3.bucket}/pipeline-{uuid4().hex[:8]}"})
        self.sink = replace(sink, store=store)
        self._folder = folder
        self.port = free_port()
        self.environment = {
            **self.sink.environment(),
            "EXPORTER_ITEMS": "1000",
            "EVENT_GENERATOR_VIEWERS": "200",
            "MODEL_BUILDER_EPOCHS": "10",
            "RECOMMENDER_HOST": "127.0.0.1",
            "RECOMMENDER_PORT": str(self.port),
            "RECOMMENDER_POLL_SECONDS": "0.3",
            "RECOMMENDER_CACHE_DIR": str(folder / "cache"),
        }

    def run(self, *arguments: str) -> str:
        """A room that ends by itself; its log."""
        told = self._folder / f"{arguments[0]}.log"
        with room(*arguments, environment=self.environment, log=told) as process:
            assert process.wait(180) == 0, told.read_text()
        return told.read_text()

    def get(self, path: str) -> dict[str, Any]:
        return self._ask(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}"))

    def recommend(self, user_id: int) -> dict[str, Any]:
        body = json.dumps({"user_id": user_id, "num_items": 10}).encode()
        return self._ask(urllib.request.Request(f"http://127.0.0.1:{self.port}/recommend", body))

    def is_ready(self) -> bool:
        try:
            return bool(self.get("/ready")["status"] == "ready")
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False

    @staticmethod
    def _ask(request: urllib.request.Request) -> dict[str, Any]:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


@pytest.fixture
def pipeline(sink: Sink, tmp_path: Path) -> Pipeline:
    return Pipeline(sink, tmp_path)


def test_from_a_rating_to_a_better_recommendation_through_outages(pipeline: Pipeline, tmp_path: Path) -> None:
    sink, stack = pipeline.sink, pipeline.sink.stack
    pipeline.run("exporter")
    pipeline.run("connectors", "register")
    assert f"{EVENTS} acknowledged, 0 failed" in pipeline.run("event_generator", "--limit", str(EVENTS), "--rate", "0")
    sink.wait_for(EVENTS)
    built = pipeline.run("model_builder")
    assert "status=promoted" in built
    told = tmp_path / "recommender.log"
    with room("recommender", environment=pipeline.environment, log=told) as process:
        eventually(pipeline.is_ready, 30, "the first model")
        first = pipeline.recommend(1)
        assert first["strategy"] == "personalized"
        assert len({item["title"] for item in first["items"]}) == 10
        manifest = pipeline.get("/model")
        assert manifest["counts"]["events"] == EVENTS
        assert manifest["metrics"]["candidate"]["ndcg@10"] > manifest["metrics"]["popularity"]["ndcg@10"]
        assert {entry["kafka_cluster"] for entry in manifest["watermark"]} == {sink.cluster}
        assert sum(entry["next_offset"] for entry in manifest["watermark"]) == EVENTS

        # everything behind it dies: it goes on answering, and says that it may be stale
        stack.s3.kill()
        stack.broker.kill()
        stack.worker.kill()
        eventually(lambda: pipeline.get("/ready")["status"] == "stale", 60, "that it is told")
        stale = pipeline.get("/ready")
        assert stale["trouble"]
        for user_id in range(1, 101):
            answer = pipeline.recommend(user_id)
            assert (answer["model_version"], len(answer["items"])) == (first["model_version"], 10)
        stack.s3.start()
        stack.broker.start()
        stack.worker.start()
        eventually(pipeline.is_ready, 60, "that it recovers")

        # and the pipeline goes on where it was: new events, a new model, the same process
        pipeline.run("event_generator", "--limit", "3000", "--rate", "0")
        sink.wait_for(EVENTS + 3_000)
        pipeline.run("model_builder")
        eventually(lambda: pipeline.recommend(1)["model_version"] != first["model_version"], 30, "the newer model")
        assert pipeline.get("/model")["counts"]["events"] == EVENTS + 3_000
        assert process.poll() is None
    log.info("%s -> %s", first["model_version"], manifest["metrics"])
    assert sink.count() == EVENTS + 3_000
