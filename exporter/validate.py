"""Entries to items: what is no valid item is set aside with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from contracts.items import Item
from exporter.source import Entry
from runtime.catalog import Rejected


@dataclass(frozen=True)
class Validated:
    """`items`: each `item_id` once, in the source's order. `rejected`: the entries that are not among them."""

    items: list[Item]
    rejected: list[Rejected]


def validate(entries: Iterable[Entry]) -> Validated:
    """Sort the good entries from the bad; of several with one `item_id` the first is good."""
    items: list[Item] = []
    rejected: list[Rejected] = []
    positions: dict[str, str] = {}
    for entry in entries:
        item = entry.problem or _item(entry)
        if isinstance(item, Item) and item.item_id in positions:
            item = f"item_id: {item.item_id!r} is already that of {positions[item.item_id]}"
        if isinstance(item, Item):
            positions[item.item_id] = entry.position
            items.append(item)
        else:
            rejected.append(Rejected(entry.position, item, entry.raw))
    return Validated(items, rejected)


def _item(entry: Entry) -> Item | str:
    try:
        return Item.model_validate(entry.fields)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return "; ".join(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in details)
