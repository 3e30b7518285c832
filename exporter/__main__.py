"""`python -m exporter`: the catalogue, from its source to the object store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import httpx
from prometheus_client import CollectorRegistry

from exporter.export import Export, export
from exporter.fetch import Fetcher
from exporter.file import FileSource
from exporter.http import HttpSource
from exporter.loop import Loop
from exporter.metrics import Metrics
from exporter.settings import ExporterSettings
from exporter.source import Source
from exporter.synthetic import SyntheticSource
from runtime.object_store import ObjectStore, ObjectStoreError
from runtime.object_stores import open_store
from runtime.process import Stop, stop_on_signals, take_no_arguments
from runtime.settings import ProcessSettings, StoreSettings, load
from runtime.settings import stop as stop_process
from runtime.telemetry import configure_logging, serve_metrics


@contextmanager
def open_source(settings: ExporterSettings, store: ObjectStore, stop: Stop) -> Iterator[Source]:
    if settings.source == "file" and settings.path is not None:
        yield FileSource(settings.path)
    elif settings.source == "http" and settings.url is not None:
        with httpx.Client(timeout=settings.timeout, follow_redirects=True) as client:
            fetcher = Fetcher(client, rate=settings.rate, tries=settings.tries, wait=stop.wait)
            yield HttpSource(fetcher, settings.url, store, max_pages=settings.max_pages)
    else:
        yield SyntheticSource(seed=settings.seed, count=settings.items)


def main() -> int:
    """The process's exit code: 0 where the run succeeded, or where it was stopped between runs."""
    take_no_arguments("exporter", __doc__)
    settings, store_settings, process = load(ExporterSettings), load(StoreSettings), load(ProcessSettings)
    configure_logging(process)
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    serve_metrics(process, registry)
    stop = stop_on_signals(process.parent_pid)
    try:
        store = open_store(store_settings)
    except ObjectStoreError as error:
        stop_process(str(error))
    with open_source(settings, store, stop) as source:

        def run(now: datetime) -> Export:
            return export(source, store, now=now, max_shrink=None if settings.allow_shrink else settings.max_shrink)

        loop = Loop(run, metrics, stop)
        if settings.every:
            loop.every(settings.every)
            return 0
        return 0 if loop.once() else 1


if __name__ == "__main__":
    sys.exit(main())
