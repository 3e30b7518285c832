from __future__ import annotations

from pathlib import Path

from showrunner.demo.builds import FIRST_TRY_SECONDS, RETRY_SECONDS, Builds
from showrunner.demo.child import Child


class FakeBuilder(Child):
    """A builder that runs until told to end."""

    def __init__(self) -> None:
        super().__init__("model_builder", (), {}, Path("/dev/null"))
        self.starts = 0
        self._running = False
        self._status: int | None = None

    def start(self) -> None:
        self.starts += 1
        self._running, self._status = True, None

    def end(self, status: int = 0) -> None:
        self._running, self._status = False, status

    @property
    def running(self) -> bool:
        return self._running

    @property
    def exit_status(self) -> int | None:
        return self._status


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def made(history: int = 100) -> tuple[Builds, FakeBuilder, Clock]:
    builder, clock = FakeBuilder(), Clock()
    return Builds(builder, every=120, history=history, clock=clock), builder, clock


def test_the_first_build_waits_for_the_history() -> None:
    builds, builder, _ = made()
    builds.tick(0, has_model=False)
    builds.tick(99, has_model=False)
    assert (builder.starts, builds.seconds_left()) == (0, None)
    builds.tick(100, has_model=False)
    assert builder.starts == 1


def test_a_slow_history_is_not_waited_for_forever() -> None:
    builds, builder, clock = made()
    builds.tick(1, has_model=False)
    clock.now += FIRST_TRY_SECONDS
    builds.tick(2, has_model=False)
    assert builder.starts == 1


def test_never_two_at_once_and_then_at_the_interval() -> None:
    builds, builder, clock = made()
    builds.tick(100, has_model=False)
    clock.now += 500
    builds.tick(200, has_model=False)
    assert builder.starts == 1
    builder.end()
    builds.tick(200, has_model=True)
    assert builder.starts == 2  # long overdue
    builder.end()
    clock.now += 119
    builds.tick(300, has_model=True)
    assert (builder.starts, builds.seconds_left()) == (2, 1.0)
    clock.now += 1
    builds.tick(300, has_model=True)
    assert builder.starts == 3


def test_until_there_is_a_model_it_tries_again_soon() -> None:
    builds, builder, clock = made()
    builds.tick(100, has_model=False)
    builder.end(1)
    builds.tick(100, has_model=False)
    assert builds.failed
    clock.now += RETRY_SECONDS
    builds.tick(100, has_model=False)
    assert builder.starts == 2
