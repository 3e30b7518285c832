"""The rows that are not loaded: all of them in a file, the first ones for the person who waits."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from runtime.object_store import ObjectStore
from showrunner.ingesting.rows import RejectedRow

SHOWN: Final = 10


class RejectedRows:
    """Gathers rejected rows on disk, as there may be as many as a file has lines. To be used in a `with`.

    Attributes:
        count: how many there are.
        first: the first SHOWN of them.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: list[RejectedRow] = []
        self._folder = tempfile.TemporaryDirectory(prefix="showrunner-rejected-")
        self._path = Path(self._folder.name) / "rejected.jsonl"
        self._file = self._path.open("w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._folder.cleanup()

    def add(self, rows: Iterable[RejectedRow]) -> None:
        for row in rows:
            self.count += 1
            if len(self.first) < SHOWN:
                self.first.append(row)
            self._file.write(json.dumps(asdict(row)) + "\n")

    def put(self, store: ObjectStore, key: str) -> None:
        """Store them as JSON Lines (`line`, `reason`, `row`), where there are any."""
        self._file.flush()
        if self.count:
            store.put(key, self._path)
