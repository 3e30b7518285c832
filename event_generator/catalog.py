"""Which catalogue the viewers choose from: the current run, followed as it changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from runtime.catalog import CatalogError, current_run, read_items
from runtime.object_store import ObjectStore, StoreRefusedError, StoreUnavailableError
from runtime.process import Stop

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
SetItems = Callable[[Sequence[str], Sequence[Sequence[str]]], None]


class CatalogFollower:
    """Calls `set_items(item_ids, genres)` for the current run, and again when there is a newer one."""

    def __init__(self, store: ObjectStore, set_items: SetItems) -> None:
        self._store = store
        self._set_items = set_items
        self._run: str | None = None

    def wait(self, stop: Stop) -> bool:
        """Wait until there is a catalogue; False when stopped before.

        Raises:
            StoreRefusedError: the store refuses us, or is not to be trusted: no waiting helps.
        """
        while not stop:
            self.refresh()
            if self._run is not None:
                return True
            stop.wait(POLL_SECONDS)
        return False

    def refresh(self) -> None:
        """Take the current run if it is a new one; keep the one there is where the store is away."""
        try:
            pointer = current_run(self._store)
            if pointer is None or pointer.run == self._run:
                return
            items = read_items(self._store, pointer.run)
        except (CatalogError, StoreUnavailableError) as error:
            if isinstance(error, StoreRefusedError) and self._run is None:
                raise
            log.warning("the catalogue cannot be read, keeping the one there is: %s", error)
            return
        self._set_items(items["item_id"].to_pylist(), items["genres"].to_pylist())
        self._run = pointer.run
        log.info("choosing from %d items", items.num_rows, extra={"catalog_run": pointer.run})
