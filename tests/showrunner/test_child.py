from __future__ import annotations

import time
from pathlib import Path

import pytest

from showrunner.demo.child import Child, ChildFailedError
from tests.processes import eventually


def child(tmp_path: Path, module: str, source: str, fatal: frozenset[int] = frozenset()) -> Child:
    (tmp_path / f"{module}.py").write_text(source)
    return Child(module, [module], {"PYTHONPATH": str(tmp_path)}, tmp_path / f"{module}.log", fatal)


def test_what_fails_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("showrunner.demo.child.RESTART_SECONDS", 0.01)
    one = child(tmp_path, "room_fails", "print('oh no', flush=True); raise SystemExit(1)")
    one.start()

    def until_given_up() -> None:
        while one.restarts <= 5:
            one.keep_up()
            time.sleep(0.01)

    with pytest.raises(ChildFailedError, match=r"room_fails ended with status 1 (?s:.*)oh no"):
        until_given_up()
    assert one.restarts == 5
    one.wait(time.monotonic() + 1)


def test_a_fatal_status_is_not_tried_again(tmp_path: Path) -> None:
    one = child(tmp_path, "room_fatal", "raise SystemExit(3)", frozenset({3}))
    one.start()
    eventually(lambda: not one.running)
    with pytest.raises(ChildFailedError, match="status 3"):
        one.keep_up()
    one.wait(time.monotonic() + 1)


def test_a_clean_end_is_left_alone(tmp_path: Path) -> None:
    one = child(tmp_path, "room_done", "")
    one.start()
    eventually(lambda: not one.running)
    one.keep_up()
    assert not one.running
    assert one.wait(time.monotonic() + 1)


def test_who_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    one = child(tmp_path, "room_deaf", deaf)
    one.start()
    eventually(lambda: "ready" in one.last_words())
    one.ask_to_stop()
    assert not one.wait(time.monotonic() + 0.3)
    assert not one.running
