"""`python -m model_builder`: one build; reads the settings, opens the connections, wires, runs."""

from __future__ import annotations

import logging
import sys
import time

from contracts.artifact import ArtifactError
from model_builder.build import Outcome, build
from model_builder.publish import PublishError
from model_builder.settings import ModelBuilderSettings
from runtime import settings as environment
from runtime.catalog import CatalogError
from runtime.event_table import EventTable, EventTableError, open_catalog
from runtime.object_store import ObjectStoreError
from runtime.object_stores import open_store
from runtime.process import take_no_arguments
from runtime.settings import LakeSettings, ProcessSettings, StoreSettings
from runtime.telemetry import configure_logging

log = logging.getLogger("model_builder")


def main() -> int:
    """0 when the build ended, whatever its verdict; 1 when it failed."""
    take_no_arguments("model_builder", __doc__)
    process = environment.load(ProcessSettings)
    settings = environment.load(ModelBuilderSettings)
    lake, store_settings = environment.load(LakeSettings), environment.load(StoreSettings)
    configure_logging(process)
    start = time.perf_counter()
    try:
        store = open_store(store_settings)
        with open_catalog(lake, store_settings) as catalog:
            outcome = build(store, EventTable.open(catalog), settings)
    except (ArtifactError, CatalogError, EventTableError, ObjectStoreError, PublishError) as error:
        log.error("the build failed: %s", error)
        return 1
    _report(outcome, time.perf_counter() - start)
    return 0


def _report(outcome: Outcome, seconds: float) -> None:
    extra: dict[str, object] = {"status": outcome.status, "seconds": round(seconds, 2)}
    if manifest := outcome.manifest:
        extra |= {"model_version": manifest.model_version, "trainer": manifest.trainer, **manifest.counts}
        for who, metrics in manifest.metrics.items():
            extra |= {f"{who}.{name}": round(value, 4) for name, value in metrics.items()}
    log.info("%s", outcome.reason, extra=extra)


if __name__ == "__main__":
    sys.exit(main())
