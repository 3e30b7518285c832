"""Kafka to the lake: the embedded archiver, or the sink on Kafka Connect."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing

from prometheus_client import CollectorRegistry

from connectors.archiver import Archiver, EventsLostError
from connectors.connect_api import ConnectApi, ConnectError
from connectors.dead_letters import DeadLetterTopic
from connectors.metrics import ArchiverCollector
from connectors.prepare import prepare
from connectors.register import register, watch
from connectors.settings import ConnectorsSettings, ConnectSettings
from connectors.sink_config import SinkConfigError, connector_name, sink_config
from connectors.status import report
from connectors.topics import TopicAdmin, wanted_topics
from runtime import settings as environment
from runtime.event_stream import (
    EventDecoder,
    EventStreamError,
    PartitionConsumer,
    RawProducer,
    check_registry,
    registry_client,
)
from runtime.event_table import EventTable, EventTableError, open_catalog
from runtime.process import Stop, stop_on_signals
from runtime.settings import KafkaSettings, LakeSettings, ProcessSettings, StoreSettings, TopicSettings
from runtime.telemetry import configure_logging, serve_metrics

log = logging.getLogger("connectors")

EXIT_LOST = 3
"""Exit status when events were lost: starting again does not bring them back."""

_COMMANDS = {
    "archive": "the embedded sink: append the events' topic to the lake's table",
    "prepare": "create the lake's table, the topics and the schemas where they are missing",
    "register": "prepare, then create or update the sink on Kafka Connect and wait until it runs",
    "watch": "register, then restart what fails until stopped",
    "render": "print the sink's configuration, secrets as placeholders",
    "status": "states of the sink and its tasks, and its lag",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when done or stopped, 1 on a failure that a restart may mend, 3 when events were lost."""
    parser = argparse.ArgumentParser(
        prog="python -m connectors",
        description=__doc__,
        epilog="Its settings are environment variables: see docs/contracts.md.",
    )
    commands = parser.add_subparsers(required=True, dest="command")
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == "status":
            command.add_argument("--json", action="store_true", help="one JSON object")
    chosen = parser.parse_args(arguments)
    process = environment.load(ProcessSettings)
    configure_logging(process)
    stop = stop_on_signals(process.parent_pid)
    try:
        with ExitStack() as stack:
            match chosen.command:
                case "archive":
                    _archive(stack, process, stop)
                case "prepare":
                    _prepare(stack)
                case "register":
                    _register(stack, stop, forever=False)
                case "watch":
                    _register(stack, stop, forever=True)
                case "render":
                    _print(json.dumps(_rendered(_Settings()), indent=2))
                case _:
                    return _status(stack, as_json=chosen.json)
    except EventsLostError as error:
        log.error("%s", error)
        return EXIT_LOST
    except (ConnectError, EventStreamError, EventTableError, SinkConfigError) as error:
        log.error("%s", error)
        return 1
    return 0


def _archive(stack: ExitStack, process: ProcessSettings, stop: Stop) -> None:
    settings, kafka = environment.load(ConnectorsSettings), environment.load(KafkaSettings)
    lake, store = environment.load(LakeSettings), environment.load(StoreSettings)
    consumer = stack.enter_context(closing(PartitionConsumer(kafka)))
    schemas = stack.enter_context(registry_client(kafka))
    # one that refuses us is found out now, not with the first event
    check_registry(schemas)
    archiver = Archiver(
        consumer=consumer,
        decoder=EventDecoder(schemas),
        dead_letters=DeadLetterTopic(RawProducer(kafka)),
        table=EventTable.open(stack.enter_context(open_catalog(lake, store))),
        cluster=kafka.cluster or consumer.cluster_id(),
        settings=settings,
    )
    registry = CollectorRegistry()
    registry.register(ArchiverCollector(archiver.counts))
    serve_metrics(process, registry)
    archiver.run(stop)


class _Settings:
    """What the commands of the sink read; the cluster's name is asked of the broker where it is not set."""

    def __init__(self) -> None:
        self.kafka = environment.load(KafkaSettings)
        self.topics = environment.load(TopicSettings)
        self.lake = environment.load(LakeSettings)
        self.store = environment.load(StoreSettings)
        self.admin = TopicAdmin(self.kafka)
        self.cluster = self.admin.cluster()


def _prepare(stack: ExitStack, settings: _Settings | None = None) -> None:
    settings = settings or _Settings()
    prepare(
        stack.enter_context(open_catalog(settings.lake, settings.store)),
        settings.admin,
        wanted_topics(settings.topics, settings.cluster),
        stack.enter_context(registry_client(settings.kafka)),
    )
    log.info("table, topics and schemas are there", extra={"kafka_cluster": settings.cluster})


def _rendered(settings: _Settings) -> dict[str, str]:
    return sink_config(
        kafka=settings.kafka,
        lake=settings.lake,
        store=settings.store,
        topics=settings.topics,
        connect=environment.load(ConnectSettings),
        cluster=settings.cluster,
    )


def _register(stack: ExitStack, stop: Stop, *, forever: bool) -> None:
    connect, settings = environment.load(ConnectSettings), _Settings()
    # before anything is made: a setting that the sink cannot work with
    config, name = _rendered(settings), connector_name(settings.cluster)
    _prepare(stack, settings)
    api = stack.enter_context(closing(ConnectApi(connect)))
    changed = register(api, name, config, connect.timeout_seconds, stop)
    log.info("%s runs%s", name, "" if changed else ", its configuration had not changed")
    if forever:
        watch(api, name, config, stop, every_seconds=connect.watch_seconds, timeout_seconds=connect.timeout_seconds)


def _status(stack: ExitStack, *, as_json: bool) -> int:
    connect, kafka = environment.load(ConnectSettings), environment.load(KafkaSettings)
    name = connector_name(TopicAdmin(kafka).cluster())
    consumer = stack.enter_context(closing(PartitionConsumer(kafka)))
    found = report(stack.enter_context(closing(ConnectApi(connect))), consumer, name)
    _print(json.dumps(found.as_json()) if as_json else "\n".join(found.as_table()))
    return 0 if found.running else 1


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
