"""CSV record by record: quoted fields that hold lines, and lines that are no records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from showrunner.ingesting.check import RAW_COLUMNS
from showrunner.ingesting.rows import RejectedRow

MAX_RECORD: Final = 1 << 20
"""Bytes. A quote that is opened by mistake may not swallow the rest of the file."""

_FIELD: Final = re.compile(rb'(?:"((?:[^"]++|"")*+)"|([^",\n][^,\n]*+)?)(,|\r?(?:\n|\Z))')
_RAW_SCHEMA: Final = pa.schema([(name, pa.int64() if name == "line" else pa.string()) for name in RAW_COLUMNS])
_SHOWN: Final = 1_000


@dataclass(frozen=True)
class Shape:
    """Of a file: how many fields a record has, and where the columns of ingest_columns.ACCEPTED are."""

    fields: int
    columns: Mapping[str, int]


@dataclass(frozen=True)
class Careful:
    """What became of some records. `end` and `line` are where the next one begins."""

    raw: pa.Table
    """RAW_COLUMNS of those that have the right number of fields."""
    rejected: list[RejectedRow]
    end: int
    line: int
    within_long_line: bool
    """The data ended within a line that is too long; what follows belongs to it up to its end."""


def split_record(data: bytes, start: int) -> tuple[list[bytes], int]:
    """The fields of the record at `start`, and where the next record begins.

    Raises:
        ValueError: the quotes are wrong, or the record is longer than MAX_RECORD.
    """
    newline = data.find(b"\n", start)
    stop = len(data) if newline < 0 else newline
    if data.find(b'"', start, stop) < 0:
        return data[start:stop].removesuffix(b"\r").split(b","), min(stop + 1, len(data))
    fields: list[bytes] = []
    end, separator = start, b","
    while separator == b",":
        match = _FIELD.match(data, end)
        if match is None:
            raise ValueError("a quote is not closed, or text follows the closing one")
        quoted, plain, separator = match.groups()
        if quoted is not None:
            fields.append(quoted.replace(b'""', b'"'))
        else:
            fields.append((plain or b"") if separator == b"," else (plain or b"").removesuffix(b"\r"))
        end = match.end()
        if end - start > MAX_RECORD:
            raise ValueError(f"a quoted field makes the row longer than {MAX_RECORD} bytes: is a quote not closed?")
    return fields, end


def careful_rows(data: bytes, start: int, stop: int, line: int, shape: Shape, *, ended: bool) -> Careful:
    """Take records apart from `start` until one ends at or beyond `stop`.

    A line that is no record is rejected, and the next line is taken for the beginning of a record.

    Args:
        data: of the file.
        start: where a record begins.
        stop: where it is enough.
        line: number of the line at `start`.
        shape: of the file.
        ended: whether nothing follows `data`; if something does, a record is taken only where all of it must be here.
    """
    rows: list[tuple[Any, ...]] = []
    rejected: list[RejectedRow] = []
    while start < stop and (ended or len(data) - start > MAX_RECORD):
        next_line = data.find(b"\n", start) + 1 or len(data)
        try:
            if next_line - start > MAX_RECORD:
                raise ValueError(f"the line is longer than {MAX_RECORD} bytes")
            fields, end = split_record(data, start)
            if fields != [b""]:
                rows.append((line, *_cells(fields, shape)))
        except ValueError as error:
            rejected.append(RejectedRow(line, str(error), data[start:next_line][:_SHOWN].decode(errors="replace")))
            end = next_line
        line += data.count(b"\n", start, end)
        start = end
    columns = list(zip(*rows, strict=True)) or [()] * len(_RAW_SCHEMA)
    raw = pa.table([pa.array(c, field.type) for c, field in zip(columns, _RAW_SCHEMA, strict=True)], schema=_RAW_SCHEMA)
    return Careful(raw, rejected, start, line, bool(start) and not ended and data[start - 1 : start] != b"\n")


def _cells(fields: list[bytes], shape: Shape) -> list[str | None]:
    if len(fields) != shape.fields:
        raise ValueError(f"{len(fields)} fields where the header has {shape.fields}")
    return [_text(fields, name, shape.columns) for name in RAW_COLUMNS if name != "line"]


def _text(fields: list[bytes], name: str, columns: Mapping[str, int]) -> str | None:
    if name not in columns:
        return None
    try:
        return fields[columns[name]].decode()
    except UnicodeDecodeError:
        raise ValueError(f"{name}: is not UTF-8") from None
