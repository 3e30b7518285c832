"""Where a catalogue comes from: the interface that every source keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class SourceError(Exception):
    """The source cannot be read to its end; what was read so far is no catalogue."""


@dataclass(frozen=True)
class Entry:
    """One entry as the source has it.

    `fields` are those of contracts.items.Item, not yet validated; absent where the source has none. `problem` says
    why the entry could not even be taken apart.
    """

    position: str
    """For people: `line 17`."""
    raw: Any
    """As it came, for the list of the rejected."""
    fields: Mapping[str, Any]
    problem: str | None = None


class Source(Protocol):
    """A catalogue's origin. `name` is what manifests and the pointer say of it."""

    @property
    def name(self) -> str: ...

    def entries(self) -> Iterator[Entry]:
        """Every entry, in the source's order.

        Raises:
            SourceError: also after some entries have been given; then none of them may be published.
        """
