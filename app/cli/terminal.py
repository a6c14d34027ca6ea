"""Shape a table for the person at a terminal: it fits the width, times are relative, words colour.

A file or a pipe gets every column in full, so that a program reads the same everywhere.
"""

import os
import shutil
import sys
from typing import Any

import click

from app import clock

GAP = "  "
NARROWEST = 8
"""Characters below which no column is narrowed."""
_COLOURS = {
    **dict.fromkeys(("completed", "succeeded", "ok", "enabled", "closed"), "green"),
    **dict.fromkeys(("failed", "lost", "open", "stopped"), "red"),
    **dict.fromkeys(("failed_retryable", "retrying", "paused", "half_open", "warning"), "yellow"),
}
"""Colour of a cell that is one of these words."""
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


def columns_with_values(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the columns in which no row has a value."""
    return tuple(each for each in columns if any(row.get(each) not in (None, "") for row in rows))


def relative_times(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with each time as its distance from now."""
    return {
        name: (name.endswith("_at") and clock.ago(value)) or value for name, value in row.items()
    }


def with_distance(name: str, value: Any) -> Any:
    """Return a time with its distance from now behind it, and anything else as it is."""
    distance = clock.ago(value) if _is_time(name) else ""
    return f"{value} ({distance})" if distance else value


def narrowed(widths: list[int]) -> list[int]:
    """Narrow the widest columns until the table fits the terminal."""
    available = shutil.get_terminal_size().columns - len(GAP) * (len(widths) - 1)
    widths = list(widths)
    while sum(widths) > available and max(widths) > NARROWEST:
        widest = widths.index(max(widths))
        others = max([NARROWEST, *(each for each in widths if each < widths[widest])])
        widths[widest] = max(others, widths[widest] - (sum(widths) - available))
    return widths


def coloured(column: str, cell: str) -> str:
    """Return the cell, padded as it is, in the colour of its word; NO_COLOR leaves it plain.

    A heading stays plain. https://no-color.org
    """
    word = cell.strip()
    colour = None if word == column else _COLOURS.get(word)
    return cell if colour is None or os.environ.get("NO_COLOR") else click.style(cell, fg=colour)


def _is_time(name: str) -> bool:
    return name == "at" or name.endswith("_at")
