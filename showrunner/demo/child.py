"""A room as a child process of the demo: started, watched, started again, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

RESTART_SECONDS = 1.0
MOST_RESTARTS = 5
LOG_TAIL_BYTES = 4_000


class ChildFailedError(Exception):
    """A room that does not stay up; the message ends with what it last said."""


@dataclass
class Child:
    """`python -m <arguments>` with an environment of its own, its output in a log file."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path
    fatal: frozenset[int] = frozenset()
    """Exit statuses after which starting again is of no use."""
    restarts: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None
    _restart_at: float | None = field(default=None)

    def start(self) -> None:
        if self._log is None:
            if self.log_path.exists():
                # what the last start ended with may be what somebody looks for
                self.log_path.replace(self.log_path.with_name(f"{self.log_path.name}.1"))
            self._log = self.log_path.open("wb")
        self._process = subprocess.Popen(  # noqa: S603 - our own rooms
            [sys.executable, "-m", *self.arguments],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # ctrl-C goes to the supervisor alone, which stops the rooms in their order
            start_new_session=True,
        )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """How it ended; None while it runs or before it was started."""
        return None if self._process is None else self._process.poll()

    def keep_up(self) -> None:
        """Start it again where it ended with a failure, with a pause between.

        Raises:
            ChildFailedError: it ended in a way that a start does not mend, or too often.
        """
        status = self.exit_status
        if status in (None, 0):
            return
        if status in self.fatal or self.restarts >= MOST_RESTARTS:
            raise ChildFailedError(f"{self.name} ended with status {status} ({self.log_path}):\n{self.last_words()}")
        now = time.monotonic()
        if self._restart_at is None:
            self._restart_at = now + RESTART_SECONDS * 2**self.restarts
        elif now >= self._restart_at:
            self._restart_at = None
            self.restarts += 1
            self.start()

    def last_words(self) -> str:
        """The end of its log."""
        with self.log_path.open("rb") as file:
            file.seek(max(0, self.log_path.stat().st_size - LOG_TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-5:])

    def ask_to_stop(self) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, deadline: float) -> bool:
        """Wait until it ended, at most until `deadline` (monotonic); then it is killed. Whether it ended by itself."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        finally:
            if self._log is not None:
                self._log.close()
                self._log = None
        return True
