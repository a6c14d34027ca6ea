"""Lay out rows as the lines of a table: in full for a file or a pipe, fitting for a terminal."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from app.cli import terminal

Row = dict[str, Any]
MEASURED_ROWS = 500
"""Rows that decide the width of the columns; a longer table is not in memory at once."""
WIDEST_COLUMN = 64
"""Characters of the widest column at a terminal: a SHA-256 digest in hex. Longer cells are cut."""
EMPTY = "-"
"""Cell without a value in a file or a pipe: a program that counts words would take the next one."""
NO_ROWS = "No rows."
"""Line for the person at a terminal; a program reads the headings alone."""


def lines(rows: Iterable[Row], columns: tuple[str, ...]) -> Iterator[str]:
    """Yield the rows below the names of the columns.

    A terminal gets relative times, only the columns with a value, and lines that fit its width.
    """
    remaining = iter(rows)
    first = list(islice(remaining, MEASURED_ROWS))
    if terminal.is_used():
        yield from _at_terminal(first, remaining, columns)
        return
    yield from _in_full(first, remaining, columns)


def _in_full(first: list[Row], remaining: Iterator[Row], columns: tuple[str, ...]) -> Iterator[str]:
    """Yield every cell whole; a column is as wide as its widest cell, so that all are in line."""
    widths = _widths(columns, first, columns)
    yield _line(columns, widths)
    for row in chain(first, remaining):
        yield _line([cell or EMPTY for cell in _cells(row, columns)], widths)


def _at_terminal(
    first: list[Row], remaining: Iterator[Row], columns: tuple[str, ...]
) -> Iterator[str]:
    if not first:
        yield NO_ROWS
        return
    if len(first) < MEASURED_ROWS:  # otherwise a later row may have a value in any column
        columns = terminal.columns_with_values(first, columns)
    first = list(map(terminal.relative_times, first))
    headings = tuple(map(terminal.heading, columns))
    widest = [min(WIDEST_COLUMN, each) for each in _widths(headings, first, columns)]
    widths = terminal.narrowed(columns, widest)
    every = chain(first, map(terminal.relative_times, remaining))
    if widths is None:
        yield from _records(every, columns, headings)
        return
    yield _line(headings, widths)
    for row in every:
        padded = map(_padded, map(_cut, _cells(row, columns), widths), widths)
        yield terminal.GAP.join(map(terminal.coloured, padded)).rstrip()


def _records(
    rows: Iterable[Row], columns: tuple[str, ...], headings: Sequence[str]
) -> Iterator[str]:
    """Yield each row as lines of a heading and a value: the terminal is too narrow for a table."""
    width = max(map(len, headings))
    room = max(terminal.NARROWEST, terminal.terminal_columns() - width - len(terminal.GAP))
    for number, row in enumerate(rows):
        if number:
            yield ""
        for column, heading, cell in zip(columns, headings, _cells(row, columns), strict=True):
            if cell:
                longest = WIDEST_COLUMN if terminal.is_id(column) else min(WIDEST_COLUMN, room)
                value = terminal.coloured(_cut(cell, longest))
                yield f"{heading.ljust(width)}{terminal.GAP}{value}"


def _line(cells: Sequence[str], widths: list[int]) -> str:
    return terminal.GAP.join(map(_padded, cells, widths)).rstrip()


def _widths(headings: Sequence[str], rows: list[Row], columns: tuple[str, ...]) -> list[int]:
    cells = [headings, *(_cells(row, columns) for row in rows)]
    return [max(map(_width, each)) for each in zip(*cells, strict=True)]


def _cells(row: Row, columns: tuple[str, ...]) -> list[str]:
    values = (row.get(column) for column in columns)
    return ["" if each is None else terminal.plain(" ".join(str(each).split())) for each in values]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _cut(text: str, longest: int) -> str:
    if _width(text) <= longest:
        return text
    kept = text[: longest - 1]
    while _width(kept) >= longest:
        kept = kept[:-1]
    return f"{kept}…"


def _width(text: str) -> int:
    """Return the columns of a terminal that the text takes: Chinese characters take two each."""
    if text.isascii():
        return len(text)
    marks = sum(1 for each in text if unicodedata.combining(each))
    return sum(_WIDTHS.get(unicodedata.east_asian_width(each), 1) for each in text) - marks


_WIDTHS = {"W": 2, "F": 2}
"""Columns of a character, by its property East Asian Width; the others take one."""
