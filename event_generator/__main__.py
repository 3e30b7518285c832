"""`python -m event_generator`: reads the settings, opens the connections, wires, runs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

from prometheus_client import CollectorRegistry

from contracts.world import World
from event_generator.catalog import CatalogFollower
from event_generator.generate import FLUSH_SECONDS, generate
from event_generator.metrics import DeliveryCollector
from event_generator.resume import resume
from event_generator.settings import EventGeneratorSettings
from event_generator.simulation import Simulation
from runtime import settings as environment
from runtime.event_stream import EventProducer, EventStreamError, registry_client
from runtime.event_table import EventTable, EventTableError, open_catalog
from runtime.object_store import ObjectStoreError
from runtime.object_stores import open_store
from runtime.process import stop_on_signals
from runtime.settings import KafkaSettings, LakeSettings, ProcessSettings, StoreSettings
from runtime.telemetry import configure_logging, serve_metrics

log = logging.getLogger("event_generator")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every event sent was acknowledged, 1 when some were not."""
    parser = argparse.ArgumentParser(prog="python -m event_generator", description=__doc__)
    parser.add_argument("--rate", help="events per second, 0 for as fast as can be (EVENT_GENERATOR_RATE)")
    parser.add_argument("--limit", help="stop after so many events (EVENT_GENERATOR_LIMIT)")
    options = parser.parse_args(arguments)
    process = environment.load(ProcessSettings)
    settings = environment.load(EventGeneratorSettings, rate=options.rate, limit=options.limit)
    kafka = environment.load(KafkaSettings)
    store_settings = environment.load(StoreSettings)
    configure_logging(process)
    stop = stop_on_signals(process.parent_pid)

    simulation = Simulation(World(settings.seed), settings.viewers, settings.arrivals, settings.sequence_seed)
    producer: EventProducer | None = None
    try:
        with registry_client(kafka) as schemas:
            sender = producer = EventProducer(kafka, schemas)
            registry = CollectorRegistry()
            registry.register(DeliveryCollector(lambda: sender.delivery, lambda: simulation.viewers))
            serve_metrics(process, registry)
            catalog = CatalogFollower(open_store(store_settings), simulation.set_items)
            if not catalog.wait(stop):
                return 0
            if settings.resume:
                with open_catalog(environment.load(LakeSettings), store_settings) as lake:
                    log.info("going on after %d events", resume(simulation, EventTable.open(lake)))
            delivery = generate(simulation, sender, settings, stop, catalog.refresh)
    except (EventStreamError, EventTableError, ObjectStoreError) as error:
        log.error("%s", error)
        if producer is not None:
            # where it is Kafka that refuses us there is nothing to wait for, and nothing new to say
            with suppress(EventStreamError):
                producer.flush(FLUSH_SECONDS)
        return 1
    return 0 if delivery.acknowledged == delivery.sent else 1


if __name__ == "__main__":
    sys.exit(main())
