"""Print the result of a command: a record or a table for people, JSON for programs."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import click

from app.cli import terminal
from app.db.paging import Page

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
limit_option = click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Print at most this many rows.",
)
before_option = click.option(
    "--before", type=click.IntRange(1), help="Only rows older than the one with this id."
)
PAGE_ROWS = 500
"""Rows of a long table in memory at a time; the first of them decide how wide the columns are."""
LONGEST_CELL = 64
"""Characters of the longest cell: a SHA-256 digest in hex, uncut."""


def record(values: dict[str, Any], as_json: bool) -> None:
    """Print the names and values one below the other, or as one JSON object."""
    if as_json:
        click.echo(json.dumps(values))
        return
    if terminal.is_used():
        present = {name: value for name, value in values.items() if value not in (None, "")}
        values = {name: terminal.with_distance(name, value) for name, value in present.items()}
    width = max(map(len, values), default=0)
    for name, value in values.items():
        text = "" if value is None else plain(value).replace("\n", "\n".ljust(width + 3))
        click.echo(f"{name.ljust(width)}  {text}")


def done(sentence: str, values: dict[str, Any], as_json: bool) -> None:
    """Print the outcome: a sentence for people, its values as JSON for programs."""
    click.echo(json.dumps(values) if as_json else plain(sentence))


def table(rows: list[dict[str, Any]], columns: tuple[str, ...], *, err: bool = False) -> None:
    """Print the rows below the names of the columns; `err`: to the standard error.

    A terminal gets relative times, only the columns with a value, and lines that fit its width.
    """
    if terminal.is_used() and rows:
        columns = terminal.columns_with_values(rows, columns)
        rows = list(map(terminal.relative_times, rows))
    lines = [dict(zip(columns, columns, strict=True)), *rows]
    for line in _lines(lines, columns, _widths(lines, columns)):
        click.echo(line, err=err)


def page(rows: list[dict[str, Any]], columns: tuple[str, ...], of: Page, as_json: bool) -> None:
    """Print the rows of a page, and the option that prints the next page."""
    if as_json:
        click.echo(json.dumps({"rows": rows, "total": of.total, "next": of.next}))
        return
    table(rows, columns)
    if of.next is not None:
        click.echo(f"There are more rows: --before {of.next}", err=True)


def stream(rows: Iterable[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """Print a table or a JSON array row by row, so that not all rows are in memory at once."""
    if as_json:
        _stream_json(iter(rows))
        return
    remaining = map(terminal.relative_times, rows) if terminal.is_used() else iter(rows)
    heading = dict(zip(columns, columns, strict=True))
    page = [heading, *islice(remaining, PAGE_ROWS)]
    widths = None
    while page:
        widths = widths or _widths(page, columns)
        for line in _lines(page, columns, widths):
            click.echo(line)
        page = list(islice(remaining, PAGE_ROWS))


def _stream_json(rows: Iterator[dict[str, Any]]) -> None:
    before = "["
    for row in rows:
        click.echo(before + json.dumps(row), nl=False)
        before = ",\n "
    click.echo("]" if before != "[" else "[]")


def _lines(
    rows: list[dict[str, Any]], columns: tuple[str, ...], widths: list[int]
) -> Iterator[str]:
    colours = terminal.is_used()
    for row in rows:
        padded = [
            (column, _cell(row.get(column), width).ljust(width))
            for column, width in zip(columns, widths, strict=True)
        ]
        cells = [terminal.coloured(*each) if colours else each[1] for each in padded]
        yield terminal.GAP.join(cells).rstrip()


def _widths(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> list[int]:
    widths = [max(len(_cell(row.get(column))) for row in rows) for column in columns]
    return terminal.narrowed(widths) if terminal.is_used() else widths


def _cell(value: object, longest: int = LONGEST_CELL) -> str:
    text = "" if value is None else plain(" ".join(str(value).split()))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def plain(value: object) -> str:
    """Return the value as text with every unprintable character escaped, except line breaks.

    Keys come from the sender and errors from the target: neither may send control sequences to
    the terminal of the person who reads them.
    """
    return "".join(map(_visible, str(value)))


def _visible(character: str) -> str:
    if character.isprintable() or character == "\n":
        return character
    return character.encode("unicode_escape").decode()
