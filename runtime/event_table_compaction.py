"""Compaction: many small data files of a day become one, in a snapshot that replaces exactly the files it read.

It works beside other writers: rows appended meanwhile are in files it does not touch. A file is rewritten only with
others of its size (a tier), so that a row is rewritten about once per tier and not each time: with the default of 8
files per tier, four times on its way from 400 rows to a million.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import log
from typing import Any, Final
from uuid import uuid4

from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan, write_file
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey
from pyiceberg.table import FileScanTask, Table, WriteTask

from runtime.event_table_commit import for_commit
from runtime.event_table_schema import FIELD_IDS, OFFSET
from runtime.event_table_summary import carried_properties

_COMMIT_ATTEMPTS: Final = 50


@dataclass(frozen=True)
class Compaction:
    """Small files of one partition that are to become one."""

    tasks: tuple[FileScanTask, ...]

    @property
    def rows(self) -> int:
        return sum(task.file.record_count for task in self.tasks)


def plan_compactions(table: Table, *, min_files: int, target_file_bytes: int) -> list[Compaction]:
    """What is worth compacting now, newest day first.

    Args:
        table: as loaded.
        min_files: of a tier in the newest day, where files keep coming; in older days two are enough.
        target_file_bytes: files of at least half of it are left alone, and no more than this is read at once.
    """
    days: dict[Any, list[FileScanTask]] = defaultdict(list)
    for task in table.scan().plan_files():
        # files of another partitioning, or with deletes of their rows, are for an engine that understands them
        if task.file.spec_id == table.metadata.default_spec_id and not task.delete_files:
            days[task.file.partition[0]].append(task)
    newest = max((day for day in days if day is not None), default=None)
    compactions = []
    for day in sorted(days, key=lambda day: (day is not None, day), reverse=True):
        small = [task for task in days[day] if task.file.file_size_in_bytes < target_file_bytes / 2]
        small.sort(key=lambda task: task.file.record_count)
        count = _files_to_merge(small, min_files if day in (newest, None) else 2)
        chosen: list[FileScanTask] = []
        size = 0
        for task in small[:count]:
            size += task.file.file_size_in_bytes
            if size > target_file_bytes:
                break
            chosen.append(task)
        if len(chosen) > 1:
            compactions.append(Compaction(tuple(sorted(chosen, key=_first_offset))))
    return compactions


def _files_to_merge(ascending: list[FileScanTask], min_files: int) -> int:
    """How many of the smallest files to merge: up to and including the largest tier that is full, else none."""
    least = max(min_files, 2)
    tiers = [int(log(max(task.file.record_count, 1), least)) for task in ascending]
    full = [tier for tier in set(tiers) if tiers.count(tier) >= least]
    return sum(tier <= max(full) for tier in tiers) if full else 0


def _first_offset(task: FileScanTask) -> bytes:
    # little-endian bytes do not sort as numbers do, big-endian ones of offsets do
    return (task.file.lower_bounds or {}).get(FIELD_IDS[OFFSET], b"")[::-1]


def compact(load: Callable[[], Table], compaction: Compaction) -> bool:
    """Replace the files by one with the same rows. False where another maintainer replaced some of them first."""
    table = load()
    try:
        merged = list(_write_merged(table, compaction))
    except FileNotFoundError:
        return False
    for attempt in range(_COMMIT_ATTEMPTS):
        # the writers' state is carried over from exactly the snapshot that this one follows, so pyiceberg must not
        # retry by itself: it would put an older state on top of a newer one
        follows = for_commit(table, retries=False)
        transaction = follows.transaction()
        try:
            carried = carried_properties(table.metadata)
            with transaction.update_snapshot(snapshot_properties=carried).overwrite() as overwrite:
                for task in compaction.tasks:
                    overwrite.delete_data_file(task.file)
                for file in merged:
                    overwrite.append_data_file(file)
            transaction.commit_transaction()
            return True
        except CommitFailedException:
            time.sleep(random.uniform(0, 0.02 * min(attempt + 1, 20)))  # noqa: S311 - spreads writers, no secret
            table = load()
        except ValidationException:
            break
    for file in merged:
        with suppress(OSError):
            table.io.delete(file.file_path)
    return False


def _write_merged(table: Table, compaction: Compaction) -> Iterator[DataFile]:
    scan = ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue())
    file = compaction.tasks[0].file
    values = [PartitionFieldValue(field, file.partition[place]) for place, field in enumerate(table.spec().fields)]
    task = WriteTask(
        write_uuid=uuid4(),
        task_id=0,
        schema=table.schema(),
        # as a table first: files of several writers have text of 32-bit and of 64-bit lengths
        record_batches=scan.to_table(compaction.tasks).to_batches(),
        partition_key=PartitionKey(values, table.spec(), table.schema()),
    )
    return write_file(io=table.io, table_metadata=table.metadata, tasks=iter([task]))
