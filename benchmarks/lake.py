"""Whether appends and scans stay cheap: 500 commits to two tables, one with maintenance as the archiver does it.

A flush of 400 rows per commit, 20 commits between two runs of maintenance. The tables take turns, so that whatever
else the machine does slows both. A scan reads what came since the last 20 commits, the same number of rows at the
beginning and at the end; the full scan reads everything. It is a time-lapse: an hour of demo passes in about a
minute, so the ages after which maintenance lets go are 60 times shorter (2 s for 2 minutes, 15 s for 15 minutes).

    python benchmarks/lake.py [--commits 500]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean, median
from uuid import uuid4

import pyarrow as pa
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contracts.events import ENGAGEMENT_EVENTS, ENGAGEMENT_PARTITIONS
from contracts.watermark import Watermark
from runtime.event_table import EVENT_ROW_SCHEMA, EventTable, open_catalog
from runtime.settings import LakeSettings

ROWS = 400
BLOCK = 20
COLUMNS = ("user_id", "item_id", "event_type", "value", "occurred_at")


@dataclass
class Course:
    """One table's measurements, in milliseconds."""

    name: str
    table: EventTable
    folder: Path
    appends: list[float] = field(default_factory=list)
    scans: list[float] = field(default_factory=list)
    """Of what each block of 20 commits brought."""
    full_scans: list[float] = field(default_factory=list)
    maintenance: list[float] = field(default_factory=list)
    watermark: Watermark = field(default_factory=Watermark)

    def append(self, rows: pa.Table, commit: int) -> None:
        self.appends.append(timed(lambda: self.table.append(rows, {"archiver.next-offsets": str(commit)})))

    def scan(self) -> None:
        since = self.watermark
        self.scans.append(median(timed(lambda: self.table.read_new(since, COLUMNS)) for _ in range(3)))
        self.watermark = self.table.read_new(since, COLUMNS).watermark
        self.full_scans.append(timed(lambda: self.table.read_new(Watermark(), COLUMNS)))

    def maintain(self) -> None:
        self.maintenance.append(
            timed(lambda: self.table.maintain(10, retention_seconds=2, orphan_age_seconds=15)),
        )

    def growth(self, measured: list[float], size: int) -> float:
        return round(mean(measured[-size:]) / mean(measured[:size]), 2)

    def line(self) -> str:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        metadata = sum(path.stat().st_size for path in files if path.parent.name == "metadata")
        statistics = self.table.statistics()
        cells = (
            f"{mean(self.appends[:BLOCK]):.0f}", f"{mean(self.appends[-BLOCK:]):.0f}",
            f"{self.scans[0]:.0f}", f"{self.scans[-1]:.0f}",
            f"{self.full_scans[0]:.0f}", f"{self.full_scans[-1]:.0f}",
            f"{statistics.files}", f"{statistics.snapshots}", f"{len(files)}", f"{metadata / 2**20:.1f}",
        )  # fmt: skip
        return f"{self.name:<22}" + "".join(f"{cell:>10}" for cell in cells)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def flush(commit: int) -> pa.Table:
    """What the archiver appends at once: events of all partitions, each partition's offsets going on."""
    now = datetime.now(UTC)
    events = []
    for number in range(commit * ROWS, (commit + 1) * ROWS):
        offset, partition = divmod(number, ENGAGEMENT_PARTITIONS)
        events.append(
            {
                "event_id": str(uuid4()),
                "user_id": str(number * 7919 % 2000),
                "item_id": f"synthetic-{number * 104_729 % 1000}",
                "event_type": "RATING",
                "value": number % 10 / 2 + 0.5,
                "occurred_at": now - timedelta(seconds=2),
                "source": "generator",
                "kafka_cluster": "5f3c2a1e-1234-4abc-8def-0123456789ab",
                "kafka_topic": ENGAGEMENT_EVENTS,
                "kafka_partition": partition,
                "kafka_offset": offset,
                "kafka_timestamp": now,
            }
        )
    return pa.Table.from_pylist(events, schema=EVENT_ROW_SCHEMA)


def open_table(folder: Path) -> EventTable:
    catalog_uri = SecretStr(f"sqlite:///{folder}/catalog.db")
    return EventTable.open(open_catalog(LakeSettings(catalog_uri=catalog_uri, warehouse=f"file://{folder}"), None))


def is_exact(course: Course, commits: int) -> bool:
    """Every row exactly once, in the table as it is stored and not only as `read_new` deduplicates it."""
    read = course.table.read_new(Watermark(), ("kafka_partition", "kafka_offset")).rows
    numbers = [
        offset * ENGAGEMENT_PARTITIONS + partition
        for partition, offset in zip(*(column.to_pylist() for column in read.columns), strict=True)
    ]
    return sorted(numbers) == list(range(commits * ROWS)) and course.table.statistics().rows == len(numbers)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--commits", type=int, default=500)
    commits = arguments.parse_args().commits
    with tempfile.TemporaryDirectory() as name:
        # imports, threads and caches are warm before the first figure is taken
        warm = Course("", open_table(Path(name, "warm")), Path(name, "warm"))
        for commit in range(BLOCK):
            warm.append(flush(commit), commit)
        warm.scan()
        warm.maintain()
        maintained, neglected = (
            Course(title, open_table(Path(name, title)), Path(name, title))
            for title in ("maintained", "not maintained")
        )
        for commit in range(commits):
            rows = flush(commit)
            for course in (maintained, neglected) if commit % 2 else (neglected, maintained):
                course.append(rows, commit)
            if commit % BLOCK == BLOCK - 1:
                maintained.scan()
                neglected.scan()
                maintained.maintain()
        exact = is_exact(maintained, commits) and is_exact(neglected, commits)
        print(f"{commits} commits of {ROWS} rows; milliseconds, mean of the first and of the last {BLOCK} commits")
        heads = (
            "append",
            "at end",
            "scan new",
            "at end",
            "scan all",
            "at end",
            "files",
            "snapshots",
            "on disk",
            "meta MiB",
        )
        print(f"{'':<22}" + "".join(f"{head:>10}" for head in heads))
        print(maintained.line())
        print(neglected.line())
        share = sum(maintained.maintenance) / (sum(maintained.maintenance) + sum(maintained.appends))
        print(
            f"maintenance: {mean(maintained.maintenance):.0f} ms per {BLOCK} commits, {share:.0%} of the writer's work"
        )
        figures = {
            "append_growth": maintained.growth(maintained.appends, BLOCK),
            "scan_growth": maintained.growth(maintained.scans, 1),
            "append_growth_unmaintained": neglected.growth(neglected.appends, BLOCK),
            "scan_growth_unmaintained": neglected.growth(neglected.scans, 1),
            "maintenance_share": round(share, 3),
            "commits": commits,
            "rows_exact": exact,
        }
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
