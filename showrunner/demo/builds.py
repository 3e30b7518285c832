"""When the demo builds: as soon as there is something to learn, then on a timer, never two at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from showrunner.demo.child import Child

FIRST_TRY_SECONDS = 15.0
RETRY_SECONDS = 5.0


@dataclass
class Builds:
    """A CronJob's stand-in: starts the builder's process every `every` seconds, skipping while one runs.

    Until a first model is there it does not wait that long: it starts when `history` events are archived, or
    FIRST_TRY_SECONDS after the first of them, and again RETRY_SECONDS after a build that gave none.
    """

    builder: Child
    every: float
    history: int
    clock: Callable[[], float] = time.monotonic
    _first_event: float | None = None
    _last_start: float | None = None
    _has_model: bool = False
    failed: bool = False

    @property
    def running(self) -> bool:
        return self.builder.running

    def tick(self, archived: int, has_model: bool) -> None:
        """Start a build if one is due; `archived` counts the events in the lake."""
        now = self.clock()
        self._has_model = has_model
        if archived and self._first_event is None:
            self._first_event = now
        if self.running:
            return
        self.failed = self.builder.exit_status not in (None, 0)
        if self._due(now, archived):
            self._last_start = now
            self.builder.start()

    def seconds_left(self) -> float | None:
        """Until the next build; None where it waits for events."""
        if self._last_start is None:
            return None
        return max(0.0, self._last_start + (self.every if self._has_model else RETRY_SECONDS) - self.clock())

    def _due(self, now: float, archived: int) -> bool:
        if self._first_event is None:
            return False
        if self._last_start is None:
            return archived >= self.history or now - self._first_event >= FIRST_TRY_SECONDS
        return self.seconds_left() == 0.0
