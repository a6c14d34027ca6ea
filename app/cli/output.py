"""Print the result of a command: a record or a table for people, JSON for programs."""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from app.cli import tables, terminal
from app.cli.number_param import POSITIVE
from app.cli.terminal import plain

if TYPE_CHECKING:  # commands without a database load none of its library
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
    "--before",
    type=POSITIVE,
    help="Only rows older than the one with this id.",
)


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
    """Print the rows below the names of the columns; `err`: to the standard error."""
    for line in tables.lines(rows, columns):
        click.echo(line, err=err)


def rows(found: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """Print all rows: a table of these columns for people, a JSON array of everything."""
    if as_json:
        click.echo(json.dumps(found))
    else:
        table(found, columns)


def page(rows: list[dict[str, Any]], columns: tuple[str, ...], of: "Page", as_json: bool) -> None:
    """Print the rows of a page, and the option that prints the next page."""
    if as_json:
        click.echo(json.dumps({"rows": rows, "total": of.total, "next": of.next}))
        return
    table(rows, columns)
    if of.next is not None:
        more = "There are more rows" if rows else "No row matched so far; older ones"
        click.echo(f"{more}: --before {of.next}", err=True)


def stream(rows: Iterable[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """Print a table or a JSON array row by row, so that not all rows are in memory at once."""
    if as_json:
        _stream_json(iter(rows))
        return
    for line in tables.lines(rows, columns):
        click.echo(line)


def _stream_json(rows: Iterator[dict[str, Any]]) -> None:
    before = "["
    for row in rows:
        click.echo(before + json.dumps(row), nl=False)
        before = ",\n "
    click.echo("]" if before != "[" else "[]")
