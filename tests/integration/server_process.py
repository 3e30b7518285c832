"""Server processes that tests start and end themselves."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

START_SECONDS = 120.0
STOP_SECONDS = 15.0

_MOST_TRIES = 100


def server_port() -> int:
    """A free port below those that the system gives to clients, so that a server finds it free when it starts again."""
    for _ in range(_MOST_TRIES):
        port = random.randrange(20_000, 29_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class ServerProcess:
    """One server: started, killed, started again over the same data, and always ended by its own process id.

    Args:
        command: what runs.
        log: file for its output, appended to.
        ready: given what it has logged since its start, whether it can be used.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        ready: Callable[[str], bool],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._command, self._ready = list(command), ready
        # the caller's cloud credentials are no business of a test's server
        mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._environment, self._cwd = {**mine, **(environment or {})}, cwd
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once the server is ready."""
        assert not self.running
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            told = self.log.read_bytes()[begin:].decode(errors="replace")
            # looked at after the log: one that died has not become ready
            alive = self.running
            if self._ready(told) and alive:
                return
            if not alive or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"{self._command[0]} {'is not ready' if alive else 'died'}:\n{told[-4000:]}")
            time.sleep(0.1)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL; the data stays for the next `start()`."""
        self._end(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self._end(how)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
