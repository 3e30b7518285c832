"""`showrunner build`: the model builder's one build, with a progress bar."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from model_builder.build import Outcome, build
from model_builder.settings import ModelBuilderSettings
from runtime import settings as environment
from runtime.event_table import EventTable, open_catalog
from runtime.object_stores import open_store
from showrunner.data_dir import DataDir


class StageBars:
    """One bar a stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: float) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=1.0)
        self._progress.update(self._tasks[stage], completed=done)


def build_once(data_dir: DataDir, console: Console) -> Outcome:
    """Build on `data_dir` and say what came of it. Raises as model_builder.build does."""
    settings = environment.load(ModelBuilderSettings)
    store_settings, lake = data_dir.settings()
    columns = (TextColumn("{task.description:>10}"), BarColumn(), TimeElapsedColumn())
    with (
        open_catalog(lake, store_settings) as catalog,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        outcome = build(open_store(store_settings), EventTable.open(catalog), settings, StageBars(progress))
    console.print(f"{outcome.status}: {outcome.reason}", highlight=False, soft_wrap=True)
    if manifest := outcome.manifest:
        numbers = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in manifest.counts.items())
        console.print(f"{manifest.model_version} ({manifest.trainer}): {numbers}", highlight=False, soft_wrap=True)
    return outcome
