"""`hookonce stash`: list what downgrades stashed, and drop it without keeping writers waiting."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from app.cli import output, terminal
from app.cli.context import WRONG, with_database
from app.cli.signals import INTERRUPTED, until_interrupted_in_waits
from app.db import Database, stashes
from app.db.stashes import Stash
from app.errors import DatabaseUnavailable, NotFound
from app.settings import Settings

COLUMNS = ("stash", "values", "bytes")


@click.group("stash")
def group() -> None:
    """List and drop what downgrades stashed."""


@group.command("list")
@terminal.wide_option
@output.json_option
@with_database
def list_stashes(_settings: Settings, database: Database, as_json: bool) -> None:
    """List every stash with its size; that of a column is an estimate."""
    with database.reading() as connection:
        found = stashes.listed(connection)
    output.rows(list(map(_row, found)), COLUMNS, as_json)


@group.command("drop")
@click.argument("names", metavar="[STASH]...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Only list what would be dropped.")
@output.yes_option
@output.json_option
@with_database
def drop(
    settings: Settings,
    database: Database,
    names: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Drop stashes for good: all of them, or those named.

    An upgrade then adds their columns and tables empty. It works in small steps and can be
    interrupted; run it again to do the rest.
    """
    chosen = _chosen(database, names)
    if dry_run or not chosen:
        _print(chosen, as_json, dry_run=dry_run)
        return
    if not yes:
        total = sum(each.size_bytes for each in chosen)
        question = f"Drop {len(chosen)} stash(es), about {total} bytes, for good?"
        click.confirm(question, abort=True, err=as_json)
    dropped: list[Stash] = []
    stopped = None
    with until_interrupted_in_waits() as stop, _with_sessions(settings, database) as direct:
        try:
            from app.db import stash_removal  # it loads Alembic, which a list does not need

            dropped.extend(stash_removal.drop(direct, [each.name for each in chosen], stop))
        except DatabaseUnavailable as error:
            stopped = str(error)
    if stopped and not stop.is_set():
        click.echo(f"Stopped: {stopped}.", err=True)
    _print(dropped, as_json, dry_run=False)
    sys.exit(INTERRUPTED if stop.is_set() else WRONG if stopped else 0)


@contextmanager
def _with_sessions(settings: Settings, database: Database) -> Iterator[Database]:
    """Yield the database on the direct URL, if there is one: its lock is kept in a session."""
    if not settings.hookonce_direct_database_url:
        yield database
        return
    direct = Database(settings.direct)
    try:
        yield direct
    finally:
        direct.dispose()


def _chosen(database: Database, names: tuple[str, ...]) -> list[Stash]:
    with database.reading() as connection:
        found = stashes.listed(connection)
    unknown = sorted(set(names) - {each.name for each in found})
    if unknown:
        raise NotFound(f"there is no stash {', '.join(unknown)}; see `hookonce stash list`")
    return [each for each in found if not names or each.name in names]


def _print(chosen: list[Stash], as_json: bool, *, dry_run: bool) -> None:
    rows = list(map(_row, chosen))
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "stashes": rows}))
    else:
        output.table(rows, COLUMNS)
        click.echo(f"{len(rows)} stash(es) {'would be' if dry_run else 'were'} dropped")


def _row(stash: Stash) -> dict[str, Any]:
    return {"stash": stash.name, "values": stash.values, "bytes": stash.size_bytes}
