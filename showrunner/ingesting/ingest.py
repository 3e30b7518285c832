"""`showrunner ingest`: a team's own history and catalogue, into the lake that `build` trains on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from contracts import layout
from runtime.catalog import Outcome, current_run, read_items
from runtime.event_table import EventTable, open_catalog
from runtime.object_store import ObjectStore
from runtime.object_stores import open_store
from showrunner.data_dir import DataDir
from showrunner.ingesting.file import IngestError, InputFile, opened
from showrunner.ingesting.items import load_items
from showrunner.ingesting.ratings import RatingsCounts, last_loaded_line, load_ratings
from showrunner.ingesting.rejected import SHOWN, RejectedRows

SYNTHETIC: Final = "synthetic"
"""The demo's source, whose ids begin at 1 like those of many others."""


def ingest(
    data_dir: DataDir,
    *,
    ratings: Path | None,
    items: Path | None,
    where: str = "",
    output: Console,
    errors: Console,
) -> None:
    """Load the files into `data_dir` and say what came of it.

    Args:
        data_dir: the lake.
        ratings: the events, see the command's help; None for none.
        items: the catalogue; None leaves the current one as it is.
        where: arguments that the next command needs to find the same lake.
        output: takes the progress and the summary.
        errors: takes what could not be loaded.

    Raises:
        IngestError: neither file is given, or one cannot be read.
        DataDirBusyError: another import, or a demo, runs on the same folder.
        CatalogError, EventTableError, ObjectStoreError: the lake cannot be used.
    """
    if ratings is None and items is None:
        raise IngestError("nothing to load: name a file with --ratings, with --items, or both")
    with data_dir.locked():
        store = open_store(data_dir.settings()[0])
        current = current_run(store)
        if current is not None and current.source == SYNTHETIC:
            _say(
                errors,
                f"warning: {data_dir.root} has the demo's catalogue, and the demo's viewers have ids such as yours may "
                "be; --data-dir with a folder of your own keeps them apart",
            )
        if items is not None:
            _ingest_items(items, store, output, errors)
        if ratings is not None:
            with opened(ratings) as file:
                _ingest_ratings(file, data_dir, store, output, errors)
        if current_run(store) is None:
            _say(output, f"next: showrunner ingest --items FILE{where} (there is no catalogue yet)")
        else:
            _say(output, f"next: showrunner build{where}")


def _ingest_items(path: Path, store: ObjectStore, output: Console, errors: Console) -> None:
    done = load_items(path, store)
    published = done.publication.outcome is Outcome.PUBLISHED
    where = layout.catalog_rejected(done.publication.run) if published else None
    lines = [f"{entry.position}: {entry.reason}" for entry in done.rejected[:SHOWN]]
    _report_rejected(errors, path, lines, len(done.rejected), where)
    what = "published" if published else "as they were"
    _say(output, f"items: {done.items:,} {what}, {len(done.rejected):,} rejected")


def _ingest_ratings(file: InputFile, data_dir: DataDir, store: ObjectStore, output: Console, errors: Console) -> None:
    store_settings, lake = data_dir.settings()
    with open_catalog(lake, store_settings) as catalog, RejectedRows() as rejected:
        table = EventTable.open(catalog)
        with _progress(output, file) as progress:
            counts = load_ratings(
                file,
                table,
                loaded_until=last_loaded_line(table, file),
                catalogue=_item_ids(store),
                rejected=rejected,
                progress=progress,
            )
        key = layout.import_rejected(file.sha256)
        rejected.put(store, key)
        word = "row" if file.suffix == ".parquet" else "line"
        lines = [f"{word} {row.line}: {row.reason}" for row in rejected.first]
        _report_rejected(errors, file.path, lines, rejected.count, key)
    _summarise(counts, rejected.count, file.path, output, errors)


def _summarise(counts: RatingsCounts, rejected: int, path: Path, output: Console, errors: Console) -> None:
    if not counts.loaded + counts.present:
        raise IngestError(f"{path}: has no row that can be loaded ({rejected:,} rejected)")
    if counts.unknown:
        _say(errors, f"warning: {counts.unknown:,} rows are of items that are not in the catalogue; they wait for them")
    _say(
        output,
        f"ratings: {counts.loaded:,} rows loaded, {counts.present:,} were there already, {rejected:,} rejected",
    )


def _report_rejected(errors: Console, path: Path, lines: Sequence[str], count: int, key: str | None) -> None:
    for line in lines:
        _say(errors, f"{path}: {line}")
    if count:
        where = f"; all of them with their reasons: {key} in the object store" if key else ""
        _say(errors, f"{path}: {count:,} rejected{where}")


def _item_ids(store: ObjectStore) -> pa.Array | None:
    current = current_run(store)
    return None if current is None else read_items(store, current.run)["item_id"].combine_chunks()


@contextmanager
def _progress(console: Console, file: InputFile) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(file.path.name, total=file.size)
        yield lambda position: progress.update(task, completed=position)


def _say(console: Console, text: str) -> None:
    # what stands in a person's file is no markup
    console.print(text, markup=False, highlight=False, soft_wrap=True)
