"""Shape a table for the person at a terminal: it fits the width, times are relative, words colour.

A file or a pipe gets every column in full, so that a program reads the same everywhere.
"""

import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from app import clock

GAP = "  "
NARROWEST = 7
"""Characters below which no column is narrowed."""
_HEADINGS = {
    "attempt_count": "attempts",
    "error_reason": "reason",
    "execution_count": "executions",
    "failure_count": "failures",
    "idempotency_key": "key",
    "trigger_id": "trigger",
}
"""Shorter headings of columns; the others have the name of the column, without its `_at`."""
_COLOURS = {
    **dict.fromkeys(("completed", "succeeded", "ok", "enabled", "closed"), "green"),
    **dict.fromkeys(("failed", "lost", "open", "stopped"), "red"),
    **dict.fromkeys(("failed_retryable", "retrying", "paused", "half_open", "warning"), "yellow"),
}
"""Colour of a cell that is one of these words."""
_STATES = ("outcome", "state", "status")
_WIDE = "app.cli.wide"


def _remember(ctx: click.Context, _parameter: click.Parameter, wide: bool) -> None:
    ctx.meta[_WIDE] = wide


wide_option = click.option(
    "--wide",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="At a terminal, print every column in full.",
)


def is_used() -> bool:
    """Return True if the output goes to a terminal, and `--wide` was not given."""
    context = click.get_current_context(silent=True)
    wide = context is not None and context.meta.get(_WIDE, False)
    return sys.stdout.isatty() and not wide


def terminal_columns() -> int:
    """Return the width of the terminal in characters."""
    return shutil.get_terminal_size().columns


def columns_with_values(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the columns in which no row has a value."""
    return tuple(each for each in columns if any(row.get(each) not in (None, "") for row in rows))


def relative_times(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with each time as its distance from now."""
    return {name: (_is_time(name) and clock.ago(value)) or value for name, value in row.items()}


def with_distance(name: str, value: Any) -> Any:
    """Return a time with its distance from now behind it, and anything else as it is."""
    distance = clock.ago(value) if _is_time(name) else ""
    return f"{value} ({distance})" if distance else value


def heading(column: str) -> str:
    """Return the heading of the column, short enough to be read whole."""
    return _HEADINGS.get(column) or column.removesuffix("_at").replace("_", " ")


def narrowed(columns: tuple[str, ...], widths: list[int]) -> list[int] | None:
    """Narrow the widest columns until the table fits the terminal; None if it cannot.

    Headings and ids stay whole: an id without its last digits names another row. So do words of
    state and times as long as the other columns can give way.
    """
    available = terminal_columns() - len(GAP) * (len(widths) - 1)
    for is_whole in (_is_read_first, is_id):
        floors = list(map(partial(_floor, is_whole), columns, widths))
        if sum(floors) <= available:
            return _narrowed_to(available, widths, floors)
    return None


def _narrowed_to(available: int, widths: list[int], floors: list[int]) -> list[int]:
    widths = list(widths)
    while sum(widths) > available:
        spare = [width if width > floor else 0 for width, floor in zip(widths, floors, strict=True)]
        widest = spare.index(max(spare))
        others = max([floors[widest], *(each for each in spare if each < widths[widest])])
        widths[widest] = max(others, widths[widest] - (sum(widths) - available))
    return widths


def is_id(column: str) -> bool:
    """Return True for a column of ids: one without its last digits names another row."""
    return column == "id" or column.endswith("_id")


def _is_read_first(column: str) -> bool:
    return is_id(column) or _is_time(column) or column in _STATES


def _floor(is_whole: Callable[[str], bool], column: str, width: int) -> int:
    """Return the least width of the column."""
    return width if is_whole(column) else min(width, max(NARROWEST, len(heading(column))))


def coloured(cell: str) -> str:
    """Return the padded cell in the colour of its word, or plain with NO_COLOR (no-color.org)."""
    colour = _COLOURS.get(cell.strip())
    return cell if colour is None or os.environ.get("NO_COLOR") else click.style(cell, fg=colour)


def plain(value: object) -> str:
    """Escape unprintable characters but line breaks: senders and targets may send control codes."""
    return "".join(map(_visible, str(value)))


def _visible(character: str) -> str:
    if character.isprintable() or character == "\n":
        return character
    return character.encode("unicode_escape").decode()


def _is_time(name: str) -> bool:
    return name in ("at", "since") or name.endswith("_at")
