"""A run as a whole: what is published, what is kept, and what a process does about failure."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from contracts import layout
from exporter.export import Export, export
from exporter.fetch import Fetcher
from exporter.file import FileSource
from exporter.http import HttpSource
from exporter.loop import Loop
from exporter.metrics import Metrics
from exporter.settings import ExporterSettings
from exporter.source import Entry, SourceError
from exporter.synthetic import SyntheticSource
from runtime.catalog import INGEST, CatalogError, Outcome, Publication, current_run, read_items
from runtime.object_store import ObjectStore, StoreUnavailableError
from runtime.object_store_directory import DirectoryStore
from runtime.process import Stop
from runtime.settings import problem
from tests.exporter.api import Api, Reply, running, show

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class FakeSource:
    """Gives entries, then fails where it is told to."""

    ids: list[str] = field(default_factory=list)
    fails: bool = False
    name: str = "file"

    def entries(self) -> Iterator[Entry]:
        for position, item_id in enumerate(self.ids, start=1):
            fields = {"item_id": item_id, "title": "t" if item_id != "bad" else "", "added_at": NOW}
            yield Entry(f"line {position}", fields, fields)
        if self.fails:
            raise SourceError("page 7: gone")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


def ids(store: ObjectStore) -> list[str]:
    pointer = current_run(store)
    assert pointer is not None
    found: list[str] = read_items(store, pointer.run)["item_id"].to_pylist()
    return found


class TestExport:
    def test_items_are_published_and_the_bad_set_aside(self, store: DirectoryStore) -> None:
        done = export(FakeSource(["1", "bad", "2", "1"]), store, now=NOW)
        assert (done.publication.outcome, done.items) == (Outcome.PUBLISHED, 2)
        assert ids(store) == ["1", "2"]
        lines = store.get(layout.catalog_rejected(done.publication.run)).data.splitlines()
        assert [json.loads(line)["position"] for line in lines] == ["line 2", "line 4"]

    def test_an_incomplete_catalogue_replaces_nothing(self, store: DirectoryStore) -> None:
        export(FakeSource(["1", "2"]), store, now=NOW)
        before = list(store.list())
        with pytest.raises(SourceError, match="gone"):
            export(FakeSource(["1", "2", "3"], fails=True), store, now=NOW)
        assert list(store.list()) == before

    def test_an_http_catalogue_with_a_page_missing_replaces_nothing(self, store: DirectoryStore) -> None:
        with running(Api()) as api, httpx.Client() as client:
            source = HttpSource(Fetcher(client, rate=1e6, tries=2, wait=lambda _: False), api.url, store, max_pages=9)
            api.pages = [[show(1)], [show(2)]]
            export(source, store, now=NOW)
            before = list(store.list())
            api.answer = lambda n: Reply(500) if n == 1 else Reply(200, json.dumps([show(3)]).encode())
            with pytest.raises(SourceError):
                export(source, store, now=NOW)
        assert list(store.list()) == before

    def test_nothing_is_written_when_nothing_changed(self, store: DirectoryStore) -> None:
        source = SyntheticSource(seed=1, count=20)
        first = export(source, store, now=NOW)
        before = list(store.list())
        again = export(source, store, now=datetime(2027, 1, 1, tzinfo=UTC))
        assert again.publication == Publication(Outcome.UNCHANGED, first.publication.run)
        assert list(store.list()) == before

    def test_an_empty_catalogue_is_an_error(self, store: DirectoryStore) -> None:
        with pytest.raises(CatalogError, match="no valid item"):
            export(FakeSource(["bad"]), store, now=NOW)
        assert list(store.list()) == []

    def test_an_ingested_catalogue_is_kept_from_the_synthetic_one_alone(self, store: DirectoryStore) -> None:
        export(FakeSource(["1"], name=INGEST), store, now=NOW)
        done = export(SyntheticSource(seed=1, count=9), store, now=NOW)
        assert done.publication.outcome is Outcome.KEPT
        assert ids(store) == ["1"]
        export(FakeSource(["2"], name="http"), store, now=NOW)
        assert ids(store) == ["2"]

    def test_a_catalogue_does_not_shrink_by_accident(self, store: DirectoryStore) -> None:
        export(SyntheticSource(seed=1, count=10), store, now=NOW)
        with pytest.raises(CatalogError, match="shrink from 10 items to 4"):
            export(SyntheticSource(seed=1, count=4), store, now=NOW, max_shrink=0.5)
        export(SyntheticSource(seed=1, count=4), store, now=NOW)
        assert len(ids(store)) == 4

    def test_a_file_is_exported_under_the_name_of_ingest(self, store: DirectoryStore, tmp_path: Path) -> None:
        (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Toy Story (1995),Comedy\n")
        export(FileSource(tmp_path / "movies.csv", name=INGEST), store, now=NOW)
        pointer = current_run(store)
        assert pointer is not None
        assert pointer.source == INGEST


class TestLoop:
    @pytest.fixture
    def registry(self) -> CollectorRegistry:
        return CollectorRegistry()

    def loop(self, registry: CollectorRegistry, stop: Stop, *results: Export | Exception) -> Loop:
        left = list(results)

        def run(now: datetime) -> Export:
            assert now.tzinfo is UTC
            result = left.pop(0)
            if not left:
                stop.set()
            if isinstance(result, Exception):
                raise result
            return result

        return Loop(run, Metrics(registry), stop)

    def test_runs_are_counted(self, registry: CollectorRegistry) -> None:
        loop = self.loop(
            registry,
            Stop(),
            Export(Publication(Outcome.PUBLISHED, "r"), 10, []),
            SourceError("s"),
            CatalogError("c"),
            StoreUnavailableError("u"),
            Export(Publication(Outcome.UNCHANGED, "r"), 12, []),
            Export(Publication(Outcome.UNCHANGED, "r"), 12, []),
        )
        started = time.time()
        assert [loop.once() for _ in range(5)] == [True, False, False, False, True]
        counts = {o: registry.get_sample_value("exporter_runs_total", {"outcome": o}) for o in ("published", "failed")}
        assert counts == {"published": 1, "failed": 3}
        assert registry.get_sample_value("exporter_items") == 12
        assert registry.get_sample_value("exporter_rejected_items") == 0
        assert (registry.get_sample_value("exporter_last_success_timestamp_seconds") or 0) >= started

    def test_a_failed_run_is_followed_by_the_next(
        self, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
    ) -> None:
        done = Export(Publication(Outcome.PUBLISHED, "r"), 1, [])
        self.loop(registry, Stop(), SourceError("the api is down"), done, done).every(0.01)
        assert registry.get_sample_value("exporter_runs_total", {"outcome": "published"}) == 2
        assert "nothing was published: the api is down" in caplog.text

    def test_stopping_during_a_run_is_no_failure(self, registry: CollectorRegistry) -> None:
        self.loop(registry, Stop(), SourceError("stopped")).every(0.01)
        assert registry.get_sample_value("exporter_runs_total", {"outcome": "failed"}) is None

    def test_a_bug_is_not_swallowed(self, registry: CollectorRegistry) -> None:
        with pytest.raises(ZeroDivisionError):
            self.loop(registry, Stop(), ZeroDivisionError()).once()

    def test_a_kept_catalogue_is_mentioned_once(
        self, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        kept = Export(Publication(Outcome.KEPT, "r"), 1, [])
        self.loop(registry, Stop(), kept, kept, kept).every(0.01)
        assert caplog.text.count("an ingested catalogue is current and stays") == 1


class TestSettings:
    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"source": "file"}, "EXPORTER_PATH: is needed with EXPORTER_SOURCE=file"),
            ({"source": "http"}, "EXPORTER_URL: is needed with EXPORTER_SOURCE=http"),
            ({"source": "http", "url": "ftp://x"}, "EXPORTER_URL: "),
            ({"source": "ftp"}, "EXPORTER_SOURCE: "),
            ({"items": 0}, "EXPORTER_ITEMS: "),
            ({"rate": 0}, "EXPORTER_RATE: "),
            ({"max_shrink": 2}, "EXPORTER_MAX_SHRINK: "),
        ],
    )
    def test_what_is_wrong_is_named(self, given: dict[str, str], said: str) -> None:
        with pytest.raises(ValidationError) as caught:
            ExporterSettings(**given)  # type: ignore[arg-type]
        assert problem(caught.value, "EXPORTER_").startswith(said)

    def test_the_environment_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EXPORTER_SOURCE", "http")
        monkeypatch.setenv("EXPORTER_URL", "https://api.tvmaze.com/shows")
        monkeypatch.setenv("EXPORTER_EVERY", "3600")
        settings = ExporterSettings()
        assert (settings.source, settings.url, settings.every) == ("http", "https://api.tvmaze.com/shows", 3600)


class TestProcess:
    def environment(self, tmp_path: Path, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EXPORTER_", "STORE_"))}
        return {**kept, "STORE_URL": (tmp_path / "store").as_uri(), **more}

    def run(self, tmp_path: Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "exporter"],
            env=self.environment(tmp_path, **more),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def test_once(self, tmp_path: Path) -> None:
        for what in ("published", "nothing has changed"):
            done = self.run(tmp_path, EXPORTER_ITEMS="30")
            assert done.returncode == 0
            assert f"exporter.loop: {what}" in done.stderr
            assert "items=30" in done.stderr
        assert len(ids(DirectoryStore(tmp_path / "store"))) == 30

    def test_a_failure_is_one_line_and_exit_code_1(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, EXPORTER_SOURCE="file", EXPORTER_PATH=str(tmp_path / "missing.csv"))
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "nothing was published" in line
        assert "missing.csv: No such file" in line

    def test_shrinking_is_refused_until_allowed(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, EXPORTER_ITEMS="30").returncode == 0
        refused = self.run(tmp_path, EXPORTER_ITEMS="3")
        assert refused.returncode == 1
        assert "EXPORTER_ALLOW_SHRINK=true" in refused.stderr
        assert self.run(tmp_path, EXPORTER_ITEMS="3", EXPORTER_ALLOW_SHRINK="true").returncode == 0

    @pytest.mark.parametrize(
        ("environment", "said"),
        [
            ({"EXPORTER_SOURCE": "file"}, "error: EXPORTER_PATH: is needed"),
            ({"STORE_URL": "file://relative"}, "error: STORE_URL: "),
            ({"STORE_URL": "ftp://x"}, "error: STORE_URL: "),
        ],
    )
    def test_wrong_settings_are_one_line_and_exit_code_2(
        self, tmp_path: Path, environment: dict[str, str], said: str
    ) -> None:
        done = self.run(tmp_path, **environment)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith(said)

    def test_it_repeats_until_sigterm(self, tmp_path: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "exporter"],
            env=self.environment(tmp_path, EXPORTER_ITEMS="5", EXPORTER_EVERY="0.05"),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            assert "published" in process.stderr.readline()
            assert "nothing has changed" in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
            assert process.wait(10) == 0

    def test_sigterm_ends_the_wait_for_a_rate(self, tmp_path: Path) -> None:
        with running(Api(pages=[[show(1)], [show(2)], [show(3)]])) as api:
            environment = self.environment(
                tmp_path, EXPORTER_SOURCE="http", EXPORTER_URL=api.url, EXPORTER_RATE="0.01", EXPORTER_EVERY="60"
            )
            with subprocess.Popen(
                [sys.executable, "-m", "exporter"], env=environment, stderr=subprocess.PIPE, text=True
            ) as process:
                deadline = time.monotonic() + 30
                while not api.requests and time.monotonic() < deadline:
                    time.sleep(0.02)
                process.send_signal(signal.SIGTERM)
                _, stderr = process.communicate(timeout=10)
            assert process.returncode == 0
            assert "stopped, nothing was published" in stderr
        assert list(DirectoryStore(tmp_path / "store").list()) == []
