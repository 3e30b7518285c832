"""A room as a process: it stops cleanly on SIGTERM and SIGINT, and when its supervisor is gone."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from collections.abc import Sequence
from types import FrameType

log = logging.getLogger(__name__)


class Stop:
    """Says when to stop. Set by a signal or by hand; loops wait on it instead of sleeping."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`; True at once when it is time to stop."""
        return self._event.wait(seconds)

    def set(self) -> None:
        self._event.set()


def take_no_arguments(room: str, description: str | None, arguments: Sequence[str] | None = None) -> None:
    """Answer `--help`, and refuse any other argument: the room is told everything by its environment."""
    epilog = "Its settings are environment variables: see docs/contracts.md."
    argparse.ArgumentParser(prog=f"python -m {room}", description=description, epilog=epilog).parse_args(arguments)


def stop_on_signals(parent_pid: int | None = None) -> Stop:
    """A Stop that SIGTERM and SIGINT set, and the end of the process `parent_pid` where one is given."""
    stop = Stop()

    def handle(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature is Python's
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    if parent_pid is not None:
        threading.Thread(target=_watch, args=(parent_pid, stop), name="parent-watch", daemon=True).start()
    return stop


def _watch(parent_pid: int, stop: Stop) -> None:
    # an orphan is given a new parent; polling works on every Unix, prctl only on Linux
    while not stop.wait(0.5):
        if os.getppid() != parent_pid:
            log.warning("the supervisor is gone, stopping", extra={"parent_pid": parent_pid})
            os.kill(os.getpid(), signal.SIGTERM)
            return
