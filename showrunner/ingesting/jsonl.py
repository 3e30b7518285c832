"""Ratings as JSON Lines: an object a line, the columns by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from showrunner.ingesting.columns import pick
from showrunner.ingesting.file import InputFile
from showrunner.ingesting.rows import Checked, RejectedRow, Row, check_rows

MAX_LINE: Final = 1 << 20
_LINES: Final = 10_000
_SHOWN: Final = 1_000


def read_jsonl(file: InputFile) -> Iterator[Checked]:
    """The file's rows in their order. Raises IngestError where it cannot be read to its end."""
    rows: list[Row] = []
    unreadable: list[RejectedRow] = []
    for number, line in enumerate(_lines(file), start=1):
        if line.strip():
            try:
                rows.append(_row(number, line))
            except (ValueError, RecursionError) as error:
                unreadable.append(RejectedRow(number, _reason(error), line[:_SHOWN].decode(errors="replace")))
        if number % _LINES == 0:
            yield _checked(rows, unreadable)
            rows, unreadable = [], []
    yield _checked(rows, unreadable)


def _lines(file: InputFile) -> Iterator[bytes]:
    """Lines without byte order mark; of a line longer than MAX_LINE only a beginning that is longer too."""
    line = file.readline(MAX_LINE + 1).removeprefix(b"\xef\xbb\xbf")
    while line:
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE + 1)
        line = file.readline(MAX_LINE + 1)


def _row(number: int, line: bytes) -> Row:
    if len(line) > MAX_LINE:
        raise ValueError(f"the line is longer than {MAX_LINE} bytes")
    record = json.loads(line.decode())
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    return Row(number, *[pick(record, name) for name in Row._fields[1:]])


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return f"not JSON: {error}" if isinstance(error, json.JSONDecodeError | RecursionError) else str(error)


def _checked(rows: list[Row], unreadable: list[RejectedRow]) -> Checked:
    checked = check_rows(rows)
    return Checked(checked.events, sorted(checked.rejected + unreadable, key=lambda row: row.line))
