"""Reloader: follows `models/current.json` and swaps the published model in; whatever fails, the old one stays."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from pydantic import ValidationError

from contracts import layout
from contracts.artifact import ArtifactError
from contracts.pointers import ModelPointer
from recommender.current_model import CurrentModel
from recommender.metrics import Metrics
from recommender.model_cache import ModelCache
from recommender.recommendations import warm
from recommender.served_model import ServedModel
from runtime.object_store import ObjectStore, ObjectStoreError
from runtime.process import Stop

log = logging.getLogger(__name__)

JITTER: Final = 0.2
MAX_BACKOFF_SECONDS: Final = 60.0


class PointerError(Exception):
    """`models/current.json` is missing or not a pointer."""


_EXPECTED: Final = (ObjectStoreError, ArtifactError, PointerError, OSError)


class Outcome(StrEnum):
    """What one look at the pointer led to."""

    UNCHANGED = "unchanged"
    LOADED = "loaded"
    NOT_PUBLISHED = "not published"
    FAILED = "failed"
    BACKING_OFF = "backing off"


class Reloader:
    """Looks at the pointer's etag every `poll_seconds`, give or take a fifth, so that pods do not come all at once."""

    def __init__(
        self,
        store: ObjectStore,
        cache: ModelCache,
        current: CurrentModel,
        metrics: Metrics,
        *,
        poll_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._cache = cache
        self._current = current
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._served_etag: str | None = None
        self._failing: str | None = None
        """What the last failure was about: a pointer's etag, or a word where there was none."""
        self._failures = 0
        self._retry_at = 0.0

    def start(self, stop: Stop) -> threading.Thread:
        """Run in a thread of its own until `stop`."""
        thread = threading.Thread(target=self.run, args=(stop,), name="reloader", daemon=True)
        thread.start()
        return thread

    def run(self, stop: Stop) -> None:
        jitter = random.Random()  # noqa: S311 - spreads load, guards nothing
        while not stop:
            self.poll()
            stop.wait(self._poll_seconds * jitter.uniform(1 - JITTER, 1 + JITTER))

    def poll(self) -> Outcome:
        """One look at the pointer. Never raises."""
        etag = None
        try:
            info = self._store.head(layout.MODELS_CURRENT)
            if info is None:
                return self._pointer_missing()
            etag = info.etag
            if etag == self._served_etag:
                self._recovered()
                return Outcome.UNCHANGED
            if etag == self._failing and self._clock() < self._retry_at:
                return Outcome.BACKING_OFF
            outcome = self._follow_pointer()
        except Exception as error:  # noqa: BLE001 - whatever it is, the old model stays and the thread lives
            return self._failed(etag or "store", error)
        self._recovered()
        return outcome

    def _follow_pointer(self) -> Outcome:
        found = self._store.get(layout.MODELS_CURRENT)
        try:
            pointer = ModelPointer.model_validate_json(found.data)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "document"
            raise PointerError(f"{layout.MODELS_CURRENT}: {where}: {first['msg']}") from error
        if not layout.is_version(pointer.champion):
            raise PointerError(f"{layout.MODELS_CURRENT}: champion is not a model_version")
        old = self._current.model
        if old is not None and old.version == pointer.champion:
            self._served_etag = found.etag
            return Outcome.UNCHANGED
        started = self._clock()
        try:
            model = ServedModel.build(self._cache.fetch(pointer.champion))
            warm(model)
        except ArtifactError as error:
            raise ArtifactError(f"model {pointer.champion}: {error}") from error
        self._current.swap(model)
        self._served_etag = found.etag
        self._metrics.swapped(model)
        log.info(
            "model %s is served",
            model.version,
            extra={
                "replaces": old.version if old else None,
                "items": len(model.items),
                "viewers": len(model.user_rows),
                "seconds": round(self._clock() - started, 3),
            },
        )
        self._cache.keep_only({model.version, old.version if old else model.version})
        return Outcome.LOADED

    def _pointer_missing(self) -> Outcome:
        if self._current.model is None:
            self._current.why_none = "No model has been published yet."
            if self._failing != "missing":
                log.info("waiting for the first model", extra={"key": layout.MODELS_CURRENT})
            self._failing = "missing"
            return Outcome.NOT_PUBLISHED
        return self._failed("missing", PointerError(f"{layout.MODELS_CURRENT} is gone"))

    def _failed(self, about: str, error: Exception) -> Outcome:
        self._metrics.reload_failed()
        self._current.trouble = str(error) or type(error).__name__
        self._current.why_none = "The published model could not be loaded; the service's log says why."
        self._failures = self._failures + 1 if about == self._failing else 1
        self._retry_at = self._clock() + min(self._poll_seconds * 2**self._failures, MAX_BACKOFF_SECONDS)
        if about != self._failing:
            served = self._current.model.version if self._current.model else None
            unexpected = None if isinstance(error, _EXPECTED) else error
            log.error("reload failed: %s", error, extra={"still_served": served}, exc_info=unexpected)
        self._failing = about
        return Outcome.FAILED

    def _recovered(self) -> None:
        if self._failures:
            log.info("recovered: what is published is served")
        self._failing, self._failures = None, 0
        self._current.confirmed()
        self._metrics.confirmed()
