"""DirectoryStore: an object store in a folder, for one machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from runtime.object_store import (
    CHUNK,
    Object,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectStoreError,
    PreconditionFailedError,
    StoreUnavailableError,
    check_key,
    check_prefix,
    check_put,
    check_range,
    is_key,
    replacing,
)

_ABANDONED = 24 * 3600.0
"""Seconds after which a temporary file belongs to a process that was killed."""


class DirectoryStore:
    """Objects are files under `root`, keys their relative paths; symbolic links are not followed.

    Content is written to `<root>/.tmp/` and renamed into place, so a file in place never changes. An etag is the
    file's inode, time and size: it is known without reading. Whoever changes what a key names holds one lock, so
    that conditions hold across threads and processes of a machine (not across machines over NFS).
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._tmp = self._root / ".tmp"
        self._swept = False

    def __repr__(self) -> str:
        return f"DirectoryStore({str(self._root)!r})"

    def put(self, key: str, data: bytes | Path, *, if_match: str | None = None, if_absent: bool = False) -> str:
        check_put(key, if_match, if_absent)
        path = self._path(key)
        with data.open("rb") if isinstance(data, Path) else BytesIO(data) as content, self._errors(key):
            self._make_tmp()
            temp = self._tmp / uuid4().hex
            try:
                with temp.open("xb") as file:
                    shutil.copyfileobj(content, file, CHUNK)
                    file.flush()
                    os.fsync(file.fileno())
                with self._lock():
                    etag = self._commit(key, temp, path, if_match, if_absent)
            finally:
                temp.unlink(missing_ok=True)
            for folder in path.relative_to(self._root).parents:
                _fsync(self._root / folder)
        return etag

    def get(self, key: str) -> Object:
        with self._errors(key), self._open(key) as file:
            return Object(file.read(), _etag(os.fstat(file.fileno())))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        check_range(key, start, length)
        with self._errors(key), self._open(key) as file:
            end = min(start + length, os.fstat(file.fileno()).st_size)
            if start >= end:
                return b""
            file.seek(start)
            return file.read(end - start)

    def download(self, key: str, path: Path) -> str:
        with self._open(key) as file, replacing(path) as target:
            shutil.copyfileobj(file, target, CHUNK)
            return _etag(os.fstat(file.fileno()))

    def head(self, key: str) -> ObjectInfo | None:
        path = self._path(key)
        with self._errors(key):
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return ObjectInfo(key, found.st_size, _etag(found)) if stat.S_ISREG(found.st_mode) else None

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        folder, slash, _ = prefix.rpartition("/")
        return self._walk(self._path(folder) if folder else self._root, folder + slash, prefix)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with self._errors(key):
            if not self._root.is_dir():
                return
            self._make_tmp()
            with self._lock():
                if not path.is_file():
                    return
                path.unlink()
                # an empty folder would keep its name from being a key
                with suppress(OSError):
                    for folder in path.relative_to(self._root).parents[:-1]:
                        (self._root / folder).rmdir()
            _fsync(next(folder for folder in path.parents if folder.is_dir()))

    def _path(self, key: str) -> Path:
        check_key(key)
        path = self._root.joinpath(*key.split("/"))
        if os.path.realpath(path) != str(path):
            raise ObjectStoreError(f"{key!r}: there is a symbolic link at {path}, which the store does not follow")
        return path

    def _open(self, key: str) -> BinaryIO:
        path = self._path(key)
        with self._errors(key):
            try:
                return path.open("rb")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise ObjectNotFoundError(f"{key!r}: no such object in {self._root}") from None

    def _commit(self, key: str, temp: Path, path: Path, if_match: str | None, if_absent: bool) -> str:
        old = path.stat() if path.is_file() else None
        if if_absent and old is not None:
            raise PreconditionFailedError(f"{key!r}: exists already")
        if if_match is not None and (old is None or _etag(old) != if_match):
            raise PreconditionFailedError(f"{key!r}: {'is gone' if old is None else 'was put anew by someone else'}")
        # inodes are used again and the kernel's clock ticks slowly: only a time that always grows makes etags differ
        moment = max(time.time_ns(), old.st_mtime_ns + 1 if old else 0)
        os.utime(temp, ns=(moment, moment))
        etag = _etag(temp.stat())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temp.replace(path)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            taken = "other keys start with it and '/'" if path.is_dir() else "a folder in it is itself an object"
            raise ObjectStoreError(f"{key!r}: cannot be a file in {self._root}: {taken}; choose another key") from None
        return etag

    def _walk(self, folder: Path, base: str, prefix: str) -> Iterator[ObjectInfo]:
        with self._errors(base or prefix):
            try:
                with os.scandir(folder) as scan:
                    entries = [(entry, entry.is_dir(follow_symlinks=False)) for entry in scan]
            except (FileNotFoundError, NotADirectoryError):
                return
        # a folder sorts as its name with the slash that its keys have there
        entries.sort(key=lambda pair: os.fsencode(pair[0].name + "/" * pair[1]))
        for entry, is_folder in entries:
            key = base + entry.name
            if not is_key(key) or not (key.startswith(prefix) or (is_folder and prefix.startswith(key + "/"))):
                continue
            if is_folder:
                yield from self._walk(Path(entry.path), key + "/", prefix)
            elif entry.is_file(follow_symlinks=False):
                with self._errors(key):
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # deleted since the folder was read
                        continue
                yield ObjectInfo(key, found.st_size, _etag(found))

    def _make_tmp(self) -> None:
        self._tmp.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            self._swept = True
            for left in self._tmp.iterdir():
                with suppress(FileNotFoundError):
                    if left.name != "lock" and left.stat().st_mtime < time.time() - _ABANDONED:
                        left.unlink()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self._tmp / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released when the file closes, also by kill -9
            yield

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailableError(f"{key!r}: {error.strerror or error} in {self._root}") from error


def _etag(found: os.stat_result) -> str:
    return f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"


def _fsync(folder: Path) -> None:
    # a rename is on disk only when its folder is; a folder that a delete has pruned meanwhile needs no more
    with suppress(FileNotFoundError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
