"""ObjectStore: what the rooms need of a bucket. S3 and a directory keep the same laws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from uuid import uuid4

MAX_KEY_BYTES: Final = 1024
"""S3's limit, a prefix in the store's URL included."""
MAX_SEGMENT_BYTES: Final = 255
"""The limit of the usual file systems."""
CHUNK: Final = 1 << 20
"""Bytes at a time when an object is streamed to a file."""


class ObjectStoreError(Exception):
    """Something is wrong with the store or the request; the message names the key."""


class ObjectNotFoundError(ObjectStoreError):
    """No object has this key."""


class PreconditionFailedError(ObjectStoreError):
    """A conditional put came too late: the object is not the one (or not absent) as the caller said."""


class StoreUnavailableError(ObjectStoreError):
    """The store could not be reached, or failed; trying again later may help."""


class StoreRefusedError(StoreUnavailableError):
    """The store refused the credentials, or its certificate is not trusted; somebody must mend the settings."""


class InvalidKeyError(ObjectStoreError, ValueError):
    """A key must be 1 to 1,024 bytes of UTF-8: segments of 1 to 255 bytes joined by single '/', without control
    characters, none starting with '.', none starting or ending with white space."""


@dataclass(frozen=True)
class ObjectInfo:
    """What is known of an object without reading it. `etag` differs whenever the content does (S3: only then)."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Object:
    """An object's content and the etag it had."""

    data: bytes
    etag: str


class ObjectStore(Protocol):
    """Puts are atomic: a reader sees the whole old object or the whole new one, never a part.

    A key should not be the folder of another (`a` and `a/b`). Buckets differ in whether they can hold both; a store
    that cannot refuses the second put with an ObjectStoreError that names the key, and keeps the first object.
    """

    def put(self, key: str, data: bytes | Path, *, if_match: str | None = None, if_absent: bool = False) -> str:
        """Store bytes, or a file's content, and return the etag.

        Args:
            key: see InvalidKeyError.
            data: the content, or the path of a file with it (streamed).
            if_match: only if the object's etag is still this one.
            if_absent: only if there is no such object yet.

        Raises:
            PreconditionFailedError: the condition does not hold; nothing was changed.
            StoreUnavailableError: where a conditional put ends so, it may or may not have happened.
            ValueError: both conditions are given.
        """

    def get(self, key: str) -> Object:
        """The whole object. Raises ObjectNotFoundError."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Bytes [start, start + length), cut at the object's end; empty at or beyond it.

        Raises:
            ObjectNotFoundError: no such object.
            ValueError: `start` or `length` is negative.
        """

    def download(self, key: str, path: Path) -> str:
        """Write the object to a file (atomically, streamed) and return its etag. Raises ObjectNotFoundError."""

    def head(self, key: str) -> ObjectInfo | None:
        """The object's size and etag, None where there is none. Cheap: the content is not read."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose key starts with `prefix`, in the order of their keys' UTF-8 bytes.

        Raises:
            InvalidKeyError: no valid key can start so.
        """

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""


def check_key(key: str) -> None:
    """Raises InvalidKeyError, which says what is wrong with `key`."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidKeyError(f"{key!r}: a key must be text that UTF-8 can encode") from None
    if not 1 <= size <= MAX_KEY_BYTES:
        raise InvalidKeyError(f"{key[:64]!r}: a key must have 1 to {MAX_KEY_BYTES} bytes, this one has {size}")
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in key):
        raise InvalidKeyError(f"{key!r}: a key must not have control characters")
    for segment in key.split("/"):
        if not segment or segment.startswith(".") or segment != segment.strip():
            raise InvalidKeyError(
                f"{key!r}: between '/' there must be a name that does not start with '.', "
                "nor start or end with white space"
            )
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            raise InvalidKeyError(f"{key[:64]!r}: a name between '/' must have at most {MAX_SEGMENT_BYTES} bytes")


def check_prefix(prefix: str) -> None:
    """Raises InvalidKeyError where no valid key can start with `prefix`."""
    # one more letter completes what a prefix may leave open: a slash, or white space within a name
    if prefix and not is_key(prefix):
        check_key(prefix + "x")


def is_key(text: str) -> bool:
    """Whether `text` is a valid key; what others put in a bucket under other names is not ours to list."""
    try:
        check_key(text)
    except InvalidKeyError:
        return False
    return True


def check_put(key: str, if_match: str | None, if_absent: bool) -> None:
    """Raises as `ObjectStore.put` says for arguments that cannot be."""
    check_key(key)
    if if_match is not None and if_absent:
        raise ValueError(f"{key!r}: if_match and if_absent exclude each other")


def check_range(key: str, start: int, length: int) -> None:
    """Raises as `ObjectStore.get_range` says for arguments that cannot be."""
    check_key(key)
    if start < 0 or length < 0:
        raise ValueError(f"{key!r}: a range needs start and length of 0 or more, got {start} and {length}")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that appears at `path` whole when the block ends, and not at all when it raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
