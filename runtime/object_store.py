"""ObjectStore: what the rooms need of a bucket. S3 and a directory keep the same laws (tests/runtime/laws)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class ObjectStoreError(Exception):
    """Something is wrong with the store or the request; the message names the key."""


class ObjectNotFoundError(ObjectStoreError):
    """No object has this key."""


class PreconditionFailedError(ObjectStoreError):
    """A conditional put came too late: the object is not the one (or not absent) as the caller said."""


class StoreUnavailableError(ObjectStoreError):
    """The store could not be reached, or refused the credentials, or failed; trying again later may help."""


class InvalidKeyError(ObjectStoreError, ValueError):
    """A key must be 1 to 1,024 bytes of UTF-8: segments without control characters, joined by single '/', none of them
    empty or starting with '.'."""


@dataclass(frozen=True)
class ObjectInfo:
    """What is known of an object without reading it. `etag` changes whenever the content is put anew."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Object:
    """An object's content and the etag it had."""

    data: bytes
    etag: str


class ObjectStore(Protocol):
    """Puts are atomic: a reader sees the whole old object or the whole new one, never a part."""

    def put(self, key: str, data: bytes | Path, *, if_match: str | None = None, if_absent: bool = False) -> str:
        """Store bytes, or a file's content, and return the etag.

        Args:
            key: see InvalidKeyError.
            data: the content, or the path of a file with it (streamed).
            if_match: only if the object's etag is still this one.
            if_absent: only if there is no such object yet.

        Raises:
            PreconditionFailedError: the condition does not hold; nothing was changed.
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
        """The object's size and etag, None where there is none."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose key starts with `prefix`, in the order of their keys' UTF-8 bytes."""

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""
