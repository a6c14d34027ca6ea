"""`hookonce held`: decide about what a found database left unfinished."""

import json
from collections.abc import Callable

import click

from app import masking
from app.audit import Actor
from app.cli import output
from app.cli.context import actor, with_database
from app.db import Database
from app.executions import held
from app.settings import Settings


@click.group("held")
def group() -> None:
    """Executions that a found database left unfinished: they wait for a person."""


@group.command("list")
@output.json_option
@with_database
def list_held(_chosen: Settings, database: Database, as_json: bool) -> None:
    """What is held back, by trigger and status."""
    with database.reading() as connection:
        rows = [masking.public(row) for row in held.by_trigger(connection)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    output.table(rows, ("slug", "status", "executions", "oldest_id", "newest_id"))


@group.command("release")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.json_option
@with_database
def release(_chosen: Settings, database: Database, yes: bool, as_json: bool) -> None:
    """Make them due: workers start them at once."""
    _decide(database, "become due", held.release, yes, as_json)


@group.command("give-up")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.json_option
@with_database
def give_up(_chosen: Settings, database: Database, yes: bool, as_json: bool) -> None:
    """Make them dead letters."""
    _decide(database, "become dead letters", held.give_up, yes, as_json)


def _decide(
    database: Database,
    what: str,
    decision: Callable[[Database, Actor], int],
    yes: bool,
    as_json: bool,
) -> None:
    with database.reading() as connection:
        count = sum(row.executions for row in held.by_trigger(connection))
    if not yes:
        click.confirm(f"{count} held execution(s) will {what}. Go on?", abort=True, err=as_json)
    decided = decision(database, actor())
    output.done(f"{decided} execution(s) {what}", {"executions": decided}, as_json)
