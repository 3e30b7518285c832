"""`python -m recommender`: the process. The only place of this room that reads the environment and opens anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry, ProcessCollector

from recommender.app import create_app
from recommender.current_model import CurrentModel
from recommender.metrics import Metrics
from recommender.model_cache import ModelCache
from recommender.reloader import Reloader
from recommender.settings import RecommenderSettings
from runtime import http, settings
from runtime.object_store import ObjectStoreError
from runtime.object_stores import open_store
from runtime.process import stop_on_signals, take_no_arguments
from runtime.telemetry import configure_logging


def main() -> None:
    take_no_arguments("recommender", "Serves the promoted model over HTTP.")
    process = settings.load(settings.ProcessSettings)
    room = settings.load(RecommenderSettings)
    store_settings = settings.load(settings.StoreSettings)
    configure_logging(process)
    stop = stop_on_signals(process.parent_pid)
    try:
        store = open_store(store_settings)
    except ObjectStoreError as error:
        settings.stop(str(error))
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    metrics, current = Metrics(registry), CurrentModel()
    app = create_app(current, metrics, registry, room)
    with _cache_directory(room.cache_dir) as directory:
        reloader = Reloader(store, ModelCache(store, directory), current, metrics, poll_seconds=room.poll_seconds)
        reloading = reloader.start(stop)
        try:
            http.run(app, host=room.host, port=room.port, stop=stop)
        finally:
            stop.set()
            # a download in progress is not waited for: the thread is a daemon, the next start begins anew
            reloading.join(timeout=0.5)


@contextmanager
def _cache_directory(configured: Path | None) -> Iterator[Path]:
    if configured is not None:
        yield configured
        return
    with TemporaryDirectory(prefix="showrunner-models-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


if __name__ == "__main__":
    main()
