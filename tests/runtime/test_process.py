from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from runtime.process import Stop

ROOM = """
import sys
from runtime.process import stop_on_signals
stop = stop_on_signals(int(sys.argv[1]) if len(sys.argv) > 1 else None)
print("ready", flush=True)
while not stop.wait(30):
    pass
print("stopped cleanly", flush=True)
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", ROOM, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait(signum: signal.Signals) -> None:
    process = start()
    process.send_signal(signum)
    assert process.communicate(timeout=5)[0] == "stopped cleanly\n"
    assert process.returncode == 0


def test_a_room_ends_with_its_supervisor() -> None:
    supervisor = textwrap.dedent("""
        import os, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())], stdout=subprocess.PIPE)
        child.stdout.readline()
        print(child.pid, flush=True)
        os.kill(os.getpid(), 9)
    """)
    done = subprocess.run([sys.executable, "-c", supervisor, ROOM], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    deadline = time.monotonic() + 5
    while _alive(pid):
        assert time.monotonic() < deadline, "the orphan did not stop"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # where nobody reaps orphans at once a zombie is as good as gone
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - not a file of ours
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_stop_set_by_hand_wakes_whoever_waits() -> None:
    stop = Stop()
    assert not stop
    assert not stop.wait(0.01)
    stop.set()
    assert stop.wait(30)
    assert stop
