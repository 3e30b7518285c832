"""`showrunner demo`: starts the rooms, watches over them, shows how it goes, and stops them in their order."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from rich.console import Console

from runtime.catalog import current_run
from runtime.event_table import EventTable, open_catalog
from runtime.object_store import ObjectStore
from runtime.object_stores import open_store
from runtime.process import Stop
from showrunner.data_dir import DataDir
from showrunner.demo.builds import Builds
from showrunner.demo.child import Child
from showrunner.demo.display import Display, LiveTable, PlainLines, quality
from showrunner.demo.options import DemoOptions
from showrunner.demo.rooms import Rooms, rooms
from showrunner.demo.status import Status, gather
from showrunner.embedded.broker import Broker
from showrunner.embedded.registry import Registry

LOOK_SECONDS = 0.5
GENERATOR_STOP_SECONDS = 1.0
STOP_SECONDS = 4.5
INGESTED = "ingest"


class DemoError(Exception):
    """The demo cannot start or go on; the message says why and what to do."""


def check_port(host: str, port: int) -> None:
    """Raises DemoError where somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DemoError(f"cannot listen on {host}:{port} ({error.strerror}); choose another with --port") from error


def run(data_dir: DataDir, options: DemoOptions, stop: Stop, console: Console) -> None:
    """Run the demo until `stop`.

    Raises:
        DemoError, DataDirBusyError: it cannot start.
        ChildFailedError: a room does not stay up.
    """
    check_port(options.host, options.port)
    url = f"http://{options.host}:{options.port}"
    display: Display = LiveTable(console, url) if console.is_terminal else PlainLines(console, url)
    with ExitStack() as stack:
        stack.enter_context(data_dir.locked())
        store_settings, lake = data_dir.settings()
        store = open_store(store_settings)
        with open_catalog(lake, store_settings) as catalog:
            archived_before = EventTable.open(catalog).statistics().rows
        current = current_run(store)
        own_data = current is not None and current.source == INGESTED
        history = 0 if archived_before else options.history
        broker, registry = stack.enter_context(Broker()), stack.enter_context(Registry())
        started = rooms(data_dir, options, broker, registry, history)
        builds = Builds(started.builder, options.build_every, history)
        stack.enter_context(display)
        running = [child for child in started.lasting if not (own_data and child is started.generator)]
        display.say(f"starting on {data_dir.root} ({archived_before:,} events in its lake), logs in {data_dir.logs}")
        if own_data:
            display.say("the catalogue was ingested: no synthetic viewers join it")
        try:
            for child in running:
                child.start()
            _Watch(started, running, builds, store, display, archived_before, url).until(stop)
        finally:
            display.say("stopping")
            if not shut_down(started):
                display.say(f"the archiver was cut off; events may be missing: {started.archiver.log_path}")


@dataclass
class _Watch:
    """The supervisor's loop."""

    rooms: Rooms
    running: list[Child]
    builds: Builds
    store: ObjectStore
    display: Display
    archived_before: int
    url: str
    _status: Status = field(default_factory=Status)
    _looked: float | None = None

    def until(self, stop: Stop) -> None:
        while not stop.wait(LOOK_SECONDS):
            for child in self.running:
                child.keep_up()
            status = gather(self.rooms.metrics, self.store, self.archived_before, self._status)
            self.builds.tick(status.in_lake or 0, has_model=status.model is not None)
            self._announce(status)
            self.display.show(status, self.builds, self._rates(status))
            self._status = status

    def _announce(self, status: Status) -> None:
        old, new = self._status.model, status.model
        if new is None or (old is not None and old.model_version == new.model_version):
            return
        self.display.say(f"serving model {new.model_version} ({new.trainer}, {quality(new)})")
        if old is None:
            example = """-H 'content-type: application/json' -d '{"user_id": 1, "num_items": 10}'"""
            self.display.say(f"open {self.url} or: curl -s {self.url}/recommend {example}")

    def _rates(self, status: Status) -> tuple[float, float]:
        now = time.monotonic()
        seconds = now - self._looked if self._looked is not None else 0.0
        self._looked = now

        def rate(new: int | None, old: int | None) -> float:
            return max(0, (new or 0) - (old or 0)) / seconds if seconds and old is not None else 0.0

        return (rate(status.produced, self._status.produced), rate(status.served, self._status.served))


def shut_down(rooms: Rooms) -> bool:
    """Stop the rooms within STOP_SECONDS: first who makes events, then who archives them, beside it the others.

    Returns:
        Whether the archiver ended by itself, with all events in the lake.
    """
    deadline = time.monotonic() + STOP_SECONDS
    for child in (rooms.generator, rooms.builder, rooms.recommender, rooms.exporter):
        child.ask_to_stop()
    # what the generator still sends as it ends must reach the archiver
    rooms.generator.wait(time.monotonic() + GENERATOR_STOP_SECONDS)
    rooms.archiver.ask_to_stop()
    complete = rooms.archiver.wait(deadline)
    for child in (rooms.recommender, rooms.exporter, rooms.builder):
        child.wait(deadline)
    return complete
