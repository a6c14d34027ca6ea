"""`hookonce held`: decide about the unfinished executions of an adopted database."""

from collections.abc import Callable

import click

from app import masking
from app.audit import Actor
from app.cli import output, terminal
from app.cli.context import actor, with_database
from app.db import Database
from app.executions import held
from app.settings import Settings


@click.group("held")
def group() -> None:
    """Decide about the unfinished executions of an adopted database."""


@group.command("list")
@terminal.wide_option
@output.json_option
@with_database
def list_held(_settings: Settings, database: Database, as_json: bool) -> None:
    """Count the held executions by trigger and status."""
    with database.reading() as connection:
        rows = [masking.public(row) for row in held.by_trigger(connection)]
    columns = ("slug", "status", "executions", "oldest_id", "newest_id")
    output.rows(rows, columns, as_json)


@group.command("release")
@output.yes_option
@output.json_option
@with_database
def release(_settings: Settings, database: Database, yes: bool, as_json: bool) -> None:
    """Make the held executions due; workers then run them."""
    _decide(database, "become due", held.release, yes, as_json)


@group.command("give-up")
@output.yes_option
@output.json_option
@with_database
def give_up(_settings: Settings, database: Database, yes: bool, as_json: bool) -> None:
    """Make the held executions dead letters."""
    _decide(database, "become dead letters", held.give_up, yes, as_json)


def _decide(
    database: Database,
    outcome: str,
    decision: Callable[[Database, Actor], int],
    yes: bool,
    as_json: bool,
) -> None:
    with database.reading() as connection:
        count = sum(row.executions for row in held.by_trigger(connection))
    if not yes:
        click.confirm(
            f"{count} held execution(s) will {outcome}. Continue?", abort=True, err=as_json
        )
    decided = decision(database, actor())
    output.done(f"{decided} execution(s) {outcome}", {"executions": decided}, as_json)
