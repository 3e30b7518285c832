"""A folder that holds a whole lake: the object store, the Iceberg catalog and its tables, caches and logs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from runtime.settings import LakeSettings, StoreSettings


class DataDirError(Exception):
    """The folder cannot be used; the message says why."""


class DataDirBusyError(DataDirError):
    """Somebody else works on this folder."""


@dataclass(frozen=True)
class DataDir:
    """Paths below `root` (absolute), and the settings that point the rooms there."""

    root: Path

    @classmethod
    def create(cls, path: Path) -> DataDir:
        """Make the folders that are not there yet. Raises DataDirError where they cannot be made."""
        data_dir = cls(path.expanduser().resolve())
        try:
            for folder in (data_dir.store, data_dir.lake, data_dir.cache, data_dir.logs):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataDirError(f"{data_dir.root} cannot be used as a data folder: {error}") from error
        return data_dir

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def environment(self) -> dict[str, str]:
        """Environment variables for rooms that are to work on this folder."""
        return {
            "STORE_URL": self.store.as_uri(),
            "LAKE_CATALOG_URI": f"sqlite:///{self.lake / 'catalog.db'}",
            "LAKE_WAREHOUSE": (self.lake / "warehouse").as_uri(),
            "RECOMMENDER_CACHE_DIR": str(self.cache),
        }

    def settings(self) -> tuple[StoreSettings, LakeSettings]:
        """The same for rooms that run within this process; the environment has no say."""
        own = self.environment()
        return (
            # constructed: validation would fill in what the environment says of fields not given here
            StoreSettings.model_construct(url=own["STORE_URL"]),
            LakeSettings.model_construct(
                catalog_uri=SecretStr(own["LAKE_CATALOG_URI"]), warehouse=own["LAKE_WAREHOUSE"]
            ),
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one demo or one import. Raises DataDirBusyError where another has it."""
        with (self.root / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataDirBusyError(
                    f"a demo or an import runs on {self.root}; wait for its end, or choose another with --data-dir",
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield
