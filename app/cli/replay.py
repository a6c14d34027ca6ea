"""`hookonce replay`: replay one dead letter."""

import click

from app.cli import output
from app.cli.context import actor, with_database
from app.db import Database
from app.executions import replay as replaying
from app.settings import Settings


@click.command("replay")
@click.argument("execution_id", type=int, metavar="ID")
@output.json_option
@with_database
def command(_settings: Settings, database: Database, execution_id: int, as_json: bool) -> None:
    """Replay one dead letter: a new execution with the same key."""
    successor = replaying.replay(database, execution_id, actor())
    if as_json:
        output.record({"status": "ok", "new_execution_id": successor}, as_json)
    else:
        click.echo(f"Execution {execution_id} replayed as execution {successor}.")
