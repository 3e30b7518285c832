"""`python -m connectors archive`: reads the settings, opens the connections, wires, runs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing

from prometheus_client import CollectorRegistry

from connectors.archiver import Archiver, EventsLostError
from connectors.dead_letters import DeadLetterTopic
from connectors.metrics import ArchiverCollector
from connectors.settings import ConnectorsSettings
from runtime import settings as environment
from runtime.event_stream import EventDecoder, EventStreamError, PartitionConsumer, RawProducer, registry_client
from runtime.event_table import EventTable, EventTableError, open_catalog
from runtime.process import stop_on_signals
from runtime.settings import KafkaSettings, LakeSettings, ProcessSettings, StoreSettings
from runtime.telemetry import configure_logging, serve_metrics

log = logging.getLogger("connectors")

EXIT_LOST = 3
"""Exit status when events were lost: starting again does not bring them back."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when stopped, 1 on a failure that a restart may mend, 3 when events were lost."""
    parser = argparse.ArgumentParser(prog="python -m connectors", description=__doc__)
    parser.add_subparsers(required=True, dest="command").add_parser(
        "archive",
        help="the embedded sink: append the events' topic to the lake's table",
    )
    parser.parse_args(arguments)
    process = environment.load(ProcessSettings)
    settings = environment.load(ConnectorsSettings)
    kafka, lake = environment.load(KafkaSettings), environment.load(LakeSettings)
    store = environment.load(StoreSettings)
    configure_logging(process)
    stop = stop_on_signals(process.parent_pid)
    with ExitStack() as stack:
        consumer = stack.enter_context(closing(PartitionConsumer(kafka)))
        schemas = stack.enter_context(registry_client(kafka))
        try:
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
        except EventsLostError as error:
            log.error("%s", error)
            return EXIT_LOST
        except (EventStreamError, EventTableError) as error:
            log.error("%s", error)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
