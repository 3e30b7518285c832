"""A file that a person gave: hashed as it lies on disk, read as what it says, its position always known."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

SUFFIXES: Final = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".parquet")


class IngestError(Exception):
    """A file cannot be imported; the message names the file, what is wrong and the remedy."""


@dataclass(frozen=True)
class InputFile:
    """An open file.

    `file` holds the bytes on disk, `size` of them with this `sha256`; `read` and `readline` give what they stand for,
    which is something else where the file is compressed. `suffix` is one of SUFFIXES without `.gz`.
    """

    path: Path
    suffix: str
    file: BinaryIO
    size: int
    sha256: str
    _content: BinaryIO
    _changed_ns: int

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, none at the end. Raises IngestError."""
        try:
            return self._content.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise IngestError(f"{self.path}: cannot be read to its end: {error}") from error

    def readline(self, size: int) -> bytes:
        """Up to the line's end, and up to `size` bytes, none at the end. Raises IngestError."""
        try:
            return self._content.readline(size)
        except (OSError, EOFError, zlib.error) as error:
            raise IngestError(f"{self.path}: cannot be read to its end: {error}") from error

    def position(self) -> int:
        """How many of `size` bytes have been read."""
        return self.file.tell()

    def check_unchanged(self) -> None:
        """Raises IngestError where the file on disk is no longer the one that was hashed."""
        now = os.fstat(self.file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.size, self._changed_ns):
            raise IngestError(f"{self.path}: it was changed while it was read; import it again once it is complete")


@contextmanager
def opened(path: Path) -> Iterator[InputFile]:
    """Open and hash a file.

    Raises:
        IngestError: its suffix is not one of SUFFIXES, or it is missing, unreadable or empty.
    """
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)
    if suffix is None:
        raise IngestError(f"{path}: its name must end with one of {', '.join(SUFFIXES)}")
    try:
        file = path.open("rb")
    except OSError as error:
        raise IngestError(f"{path}: {error.strerror or error}") from error
    with file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise IngestError(f"{path}: is no regular file, and it has to be read twice; save it to one first")
        if found.st_size == 0:
            raise IngestError(f"{path}: is empty")
        try:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
        except OSError as error:
            raise IngestError(f"{path}: {error.strerror or error}") from error
        content = gzip.GzipFile(fileobj=file) if suffix.endswith(".gz") else file
        yield InputFile(
            path,
            suffix.removesuffix(".gz"),
            file,
            found.st_size,
            sha256,
            content,  # type: ignore[arg-type] # a GzipFile has all of BinaryIO that is used here
            found.st_mtime_ns,
        )
