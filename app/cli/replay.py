"""`hookonce replay`: replay one dead letter."""

from pathlib import Path

import click

from app.cli import output
from app.cli.context import actor, with_database
from app.cli.decisions import edited, payload_option
from app.db import Database
from app.executions import replay as replaying
from app.settings import Settings


@click.command("replay")
@click.argument("execution_id", type=int, metavar="ID")
@payload_option
@output.json_option
@with_database
def command(
    _settings: Settings,
    database: Database,
    execution_id: int,
    payload_file: Path | None,
    as_json: bool,
) -> None:
    """Replay one dead letter: a new execution with the same key."""
    successor = replaying.replay(
        database, execution_id, actor(), edited(database, execution_id, payload_file)
    )
    if as_json:
        output.record({"status": "ok", "new_execution_id": successor}, as_json)
    else:
        click.echo(f"Execution {execution_id} replayed as execution {successor}.")
