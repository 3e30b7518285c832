"""What the demo shows: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from contracts.artifact import Manifest
from showrunner.demo.builds import Builds
from showrunner.demo.status import Status

PLAIN_SECONDS = 10.0


class Display(Protocol):
    def __enter__(self) -> Display: ...

    def __exit__(self, *error: object) -> None: ...

    def say(self, line: str) -> None:
        """A line that stays."""

    def show(self, status: Status, builds: Builds, rates: tuple[float, float]) -> None:
        """How it stands now; `rates` are events produced and requests served per second."""


def quality(model: Manifest) -> str:
    """The model's NDCG@10 beside popularity's, as far as they were measured."""
    candidate = model.metrics.get("candidate", {}).get("ndcg@10")
    popularity = model.metrics.get("popularity", {}).get("ndcg@10")
    if candidate is None or popularity is None:
        return "not yet measurable"
    return f"NDCG@10 {candidate:.3f} (popularity {popularity:.3f})"


class LiveTable:
    """For a terminal."""

    def __init__(self, console: Console, url: str) -> None:
        self._url = url
        self._live = Live(console=console, refresh_per_second=4, transient=False)

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        self._live.console.print(line, highlight=False)

    def show(self, status: Status, builds: Builds, rates: tuple[float, float]) -> None:
        table = Table(title="Showrunner", title_justify="left", show_header=False)
        for name, value in rows(status, builds, rates, self._url):
            table.add_row(name, value)
        self._live.update(table)


class PlainLines:
    """For a pipe, a log, a CI job: one line now and then, and whenever the model changes."""

    def __init__(self, console: Console, url: str) -> None:
        self._console = console
        self._url = url
        self._next = 0.0

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to put back."""

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)

    def show(self, status: Status, builds: Builds, rates: tuple[float, float]) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_SECONDS
            self.say(" · ".join(f"{name}: {value}" for name, value in rows(status, builds, rates, self._url)))


def rows(status: Status, builds: Builds, rates: tuple[float, float], url: str) -> list[tuple[str, str]]:
    """(name, value) of what is worth knowing."""
    model = status.model
    left = builds.seconds_left()
    build = "running" if builds.running else "waits for events" if left is None else f"in {left:.0f} s"
    if builds.failed and not builds.running:
        build += " (the last one failed: see model_builder.log)"
    return [
        ("events produced", f"{_number(status.produced)} ({rates[0]:.0f}/s)"),
        ("events in the lake", _number(status.in_lake)),
        *([("dead letters", _number(status.dead_letters))] if status.dead_letters else []),
        ("viewers", _number(status.viewers)),
        ("model", "none yet" if model is None else f"{model.model_version} ({model.trainer})"),
        *([] if model is None else [("quality", quality(model))]),
        ("next build", build),
        ("requests served", f"{_number(status.served)} ({rates[1]:.0f}/s)"),
        ("open", url),
    ]


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
