"""What a command prints for people (a record, a table) and for programs (JSON)."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import click

from app.db.paging import Page

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PAGE_ROWS = 500
"""The widths of a long table are those of its first rows."""
LONGEST_CELL = 64
"""A digest, whole."""


def record(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(values))
        return
    width = max(len(name) for name in values)
    for name, value in values.items():
        text = "" if value is None else plain(value).replace("\n", "\n".ljust(width + 3))
        click.echo(f"{name.ljust(width)}  {text}")


def done(sentence: str, values: dict[str, Any], as_json: bool) -> None:
    """What was done: a sentence for people, the values of it for programs."""
    click.echo(json.dumps(values) if as_json else plain(sentence))


def table(rows: list[dict[str, Any]], columns: tuple[str, ...], *, err: bool = False) -> None:
    shown = [dict(zip(columns, columns, strict=True)), *rows]
    for line in _lines(shown, columns, _widths(shown, columns)):
        click.echo(line, err=err)


def page(rows: list[dict[str, Any]], columns: tuple[str, ...], of: Page, as_json: bool) -> None:
    """The rows of a page, and how the next one is asked for."""
    if as_json:
        click.echo(json.dumps({"rows": rows, "total": of.total, "next": of.next}))
        return
    table(rows, columns)
    if of.next is not None:
        click.echo(f"there are more: --before {of.next}", err=True)


def stream(rows: Iterable[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """A table, or a JSON array, of more rows than need to be in memory at a time."""
    if as_json:
        _stream_json(iter(rows))
        return
    remaining = iter(rows)
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
    for row in rows:
        cells = zip(columns, widths, strict=True)
        yield "  ".join(_cell(row.get(column)).ljust(width) for column, width in cells).rstrip()


def _widths(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> list[int]:
    return [max(len(_cell(row.get(column))) for row in rows) for column in columns]


def _cell(value: object) -> str:
    text = "" if value is None else plain(" ".join(str(value).split()))
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def plain(value: object) -> str:
    """The value with each sign that a terminal would obey, or show nothing of, as its escape.

    Keys are the sender's words and errors the target's, and a person reads them in a terminal.
    """
    return "".join(map(_visible, str(value)))


def _visible(sign: str) -> str:
    return sign if sign.isprintable() or sign == "\n" else sign.encode("unicode_escape").decode()
