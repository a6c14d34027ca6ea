"""`hookonce workers`: list the worker processes and their heartbeats."""

import json

import click

from app import masking
from app.cli import output, terminal
from app.cli.context import with_database
from app.db import Database
from app.executions import workers
from app.settings import Settings


@click.command("workers")
@terminal.wide_option
@output.json_option
@with_database
def command(_settings: Settings, database: Database, as_json: bool) -> None:
    """List the workers with their slots and last heartbeat, newest first."""
    with database.reading() as connection:
        rows = [masking.public(row) for row in workers.listed(connection)]
        alive = workers.live(connection)
    if as_json:
        counts = {"count": alive.count, "slots": alive.slots, "busy": alive.busy}
        click.echo(json.dumps(counts | {"workers": rows}))
        return
    click.echo(alive.sentence)
    if rows:
        output.table(
            rows, ("owner", "alive", "stopping", "slots", "busy", "version", "last_seen_at")
        )
