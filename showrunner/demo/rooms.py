"""Which processes the demo runs, and with which environment: the same rooms as on a cluster, other URLs."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from uuid import uuid4

from connectors.__main__ import EXIT_LOST
from showrunner.data_dir import DataDir
from showrunner.demo.child import Child
from showrunner.demo.options import DemoOptions
from showrunner.embedded.broker import Broker
from showrunner.embedded.registry import Registry

EXPORT_SECONDS = 60


@dataclass(frozen=True)
class Rooms:
    """The demo's processes, and where each serves its metrics."""

    exporter: Child
    generator: Child
    archiver: Child
    recommender: Child
    builder: Child
    metrics: dict[str, str]

    @property
    def lasting(self) -> tuple[Child, ...]:
        """Those that run all the time, in the order in which they start."""
        return (self.exporter, self.archiver, self.recommender, self.generator)


def rooms(data_dir: DataDir, options: DemoOptions, broker: Broker, registry: Registry, history: int) -> Rooms:
    """The demo's processes, not yet started; `history` events come first."""
    ports = dict(zip(("generator", "archiver"), _free_ports(2), strict=True))
    shared = {
        **data_dir.environment(),
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "KAFKA_SCHEMA_REGISTRY_URL": registry.url,
        # its offsets begin anew with each broker, so each is a cluster of its own
        "KAFKA_CLUSTER": str(uuid4()),
        "PROCESS_PARENT_PID": str(os.getpid()),
        "PROCESS_METRICS_HOST": "127.0.0.1",
        # small matrices and a shared machine: BLAS threads would take more than they give
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }

    def child(name: str, *arguments: str, fatal: frozenset[int] = frozenset(), **environment: object) -> Child:
        own = {key: str(value) for key, value in environment.items()}
        return Child(name, arguments, {**shared, **own}, data_dir.logs / f"{name}.log", fatal)

    return Rooms(
        exporter=child(
            "exporter",
            "exporter",
            EXPORTER_SOURCE="synthetic",
            EXPORTER_SEED=options.seed,
            EXPORTER_ITEMS=options.items,
            EXPORTER_EVERY=EXPORT_SECONDS,
        ),
        generator=child(
            "event_generator",
            "event_generator",
            EVENT_GENERATOR_SEED=options.seed,
            EVENT_GENERATOR_VIEWERS=options.viewers,
            EVENT_GENERATOR_RATE=options.rate,
            EVENT_GENERATOR_BACKFILL=history,
            EVENT_GENERATOR_RESUME=not history,
            PROCESS_METRICS_PORT=ports["generator"],
        ),
        archiver=child(
            "connectors",
            "connectors",
            "archive",
            fatal=frozenset({EXIT_LOST}),
            PROCESS_METRICS_PORT=ports["archiver"],
        ),
        recommender=child(
            "recommender",
            "recommender",
            RECOMMENDER_HOST=options.host,
            RECOMMENDER_PORT=options.port,
            RECOMMENDER_POLL_SECONDS=1,
        ),
        builder=child("model_builder", "model_builder"),
        metrics={
            **{name: f"http://127.0.0.1:{port}/metrics" for name, port in ports.items()},
            "recommender": f"http://{options.host}:{options.port}/metrics",
        },
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
