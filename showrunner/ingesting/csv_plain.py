"""CSV in which every line is one record: read by Arrow, whose row numbers then are line numbers."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from showrunner.ingesting.check import RAW_COLUMNS
from showrunner.ingesting.csv_records import Shape

_COMMA, _NEWLINE, _RETURN, _QUOTE = b',\n\r"'
_BEFORE: Final = np.array([_COMMA, _NEWLINE, _QUOTE], np.uint8)
_AFTER: Final = np.array([_COMMA, _NEWLINE, _RETURN, _QUOTE], np.uint8)


def plain_rows(piece: bytes, first_line: int, shape: Shape) -> pa.Table | None:
    """The rows as RAW_COLUMNS, or None where a line is not a record with the header's number of fields.

    Args:
        piece: whole lines, beginning between two records.
        first_line: number of the first of them.
        shape: of the file.
    """
    # Arrow takes a lone carriage return for a line's end, an editor does not; and an empty line for a row
    if piece.count(b"\r") != piece.count(b"\r\n"):
        return None
    if piece.startswith((b"\n", b"\r\n")) or b"\n\n" in piece or b"\n\r\n" in piece:
        return None
    quoted = b'"' in piece
    if quoted and not _well_quoted(np.frombuffer(piece, np.uint8)):
        return None
    names = [str(place) for place in range(shape.fields)]
    used = [str(place) for place in shape.columns.values()]
    try:
        found = csv.read_csv(
            pa.BufferReader(piece),
            csv.ReadOptions(column_names=names),
            csv.ParseOptions(quote_char='"' if quoted else False, ignore_empty_lines=False),
            csv.ConvertOptions(
                include_columns=used, column_types=dict.fromkeys(used, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
    if found.num_rows != lines:
        return None
    columns = {name: found[str(place)] for name, place in shape.columns.items()}
    columns["line"] = pa.array(np.arange(first_line, first_line + lines))
    absent = pa.nulls(lines, pa.string())
    return pa.table({name: columns.get(name, absent) for name in RAW_COLUMNS})


def _well_quoted(data: npt.NDArray[np.uint8]) -> bool:
    """Whether quotes are where RFC 4180 has them, and no quoted field goes on on the next line."""
    quotes = np.flatnonzero(data == _QUOTE)
    if quotes.size % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = data[opening[opening > 0] - 1]
    after = data[closing[closing < data.size - 1] + 1]
    newlines = np.flatnonzero(data == _NEWLINE)
    return bool(
        np.isin(before, _BEFORE).all()
        and np.isin(after, _AFTER).all()
        and (np.searchsorted(newlines, opening) == np.searchsorted(newlines, closing)).all()
    )
