"""Ratings in CSV (RFC 4180, UTF-8): exact about line numbers, and fast where the file is plain.

The file is read in blocks. A block, or a piece of it, whose every line is a record of its own goes through Arrow
(ingest_csv_plain); what is left is taken apart record by record (ingest_csv_records). Both always begin and end
between two records, so that they can take turns, and memory stays bounded whatever the file holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from showrunner.ingesting.check import check
from showrunner.ingesting.columns import find_columns
from showrunner.ingesting.csv_plain import plain_rows
from showrunner.ingesting.csv_records import Shape, careful_rows, split_record
from showrunner.ingesting.file import IngestError, InputFile
from showrunner.ingesting.rows import Checked

BLOCK: Final = 16 << 20
PIECE: Final = 64 << 10
"""What is looked at carefully at once, so that one bad row in a block does not slow the whole block down."""


def read_csv(file: InputFile, *, block: int = BLOCK, piece: int = PIECE) -> Iterator[Checked]:
    """The file's rows in their order; each row's `line` is the one it begins on, the header is line 1.

    Args:
        file: opened.
        block: bytes read at once; more than a record may have.
        piece: bytes that are looked at carefully at once.

    Raises:
        IngestError: a column is missing, or the file cannot be read.
    """
    data = file.read(block).removeprefix(b"\xef\xbb\xbf")
    shape, position = _header(data, file)
    line = 1 + data.count(b"\n", 0, position)
    ended = within_long_line = False
    while True:
        size = block
        while position < len(data):
            if within_long_line:
                after = data.find(b"\n", position) + 1
                position, line, within_long_line = after or len(data), line + bool(after), not after
                continue
            stop = _stop(data, position, size, ended)
            plain = plain_rows(data[position:stop], line, shape) if stop > position else None
            if plain is not None:
                yield check(plain)
                position, line = stop, line + plain.num_rows
            elif size > piece:
                size = piece
            else:
                done = careful_rows(data, position, max(stop, position + 1), line, shape, ended=ended)
                if done.end == position:
                    break
                checked = check(done.raw)
                yield Checked(checked.events, sorted(checked.rejected + done.rejected, key=lambda row: row.line))
                position, line, within_long_line = done.end, done.line, done.within_long_line
        if ended:
            return
        chunk = file.read(block)
        ended = not chunk
        data, position = data[position:] + chunk, 0


def _header(data: bytes, file: InputFile) -> tuple[Shape, int]:
    try:
        cells, end = split_record(data, 0)
        names = [cell.decode().strip() for cell in cells]
    except UnicodeDecodeError as error:
        raise IngestError(f"{file.path}: line 1: is not UTF-8: save the file as CSV in UTF-8") from error
    except ValueError as error:
        raise IngestError(f"{file.path}: line 1: {error}") from error
    return Shape(len(names), find_columns(names, str(file.path))), end


def _stop(data: bytes, position: int, size: int, ended: bool) -> int:
    """The end of the last whole line within `size` bytes; not beyond `position` where there is none."""
    if ended and position + size >= len(data):
        return len(data)
    return data.rfind(b"\n", position, position + size) + 1
