"""Where an earlier run of the generator stopped, as the lake tells it."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from contracts.watermark import Watermark
from event_generator.generate import SOURCE
from event_generator.simulation import Simulation


class NewEvents(Protocol):
    @property
    def rows(self) -> pa.Table: ...


class Table(Protocol):
    """What is needed of an EventTable."""

    def read_new(self, watermark: Watermark, columns: tuple[str, ...]) -> NewEvents: ...


def resume(simulation: Simulation, table: Table) -> int:
    """Give `simulation` the viewers of this generator's own events, and return how many of these there are."""
    rows = table.read_new(Watermark(), ("user_id", "item_id", "source")).rows
    own = rows.filter(pc.equal(rows["source"], SOURCE))
    simulation.resume(own["user_id"], own["item_id"])
    return int(own.num_rows)
