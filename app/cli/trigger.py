"""`hookonce trigger list|show`: show triggers.

The other commands are modules of their own: a list loads no source and no action.
"""

import json
from typing import Any

import click
import sqlalchemy as sa

from app import masking
from app.cli import completion, output, terminal
from app.cli.context import with_database
from app.db import Database
from app.executions import blocks, listing
from app.settings import Settings
from app.triggers import lookup, queries
from app.triggers.address import webhook_url


@click.command("list")
@terminal.wide_option
@output.json_option
@with_database
def list_triggers(_chosen: Settings, database: Database, as_json: bool) -> None:
    """List all triggers, newest first."""
    with database.reading() as connection:
        found = queries.all_triggers(connection)
        states = blocks.of_triggers(connection, [row.id for row in found])
    rows = [masking.public(row) | _state_of(row, states.get(row.id)) for row in found]
    shown = ("id", "slug", "source", "action_type", "state", "execution_count")
    has_reason = any(row["pause_reason"] for row in rows)
    output.rows(rows, (*shown, "pause_reason") if has_reason else shown, as_json)


def _state_of(row: sa.Row[Any], block: blocks.Block | None) -> dict[str, str | None]:
    """Return the state of the trigger, and the reason if it is paused."""
    pause = None if block is None else block.pause
    reason = None if pause is None else pause.reason
    return {"state": _state(row, block), "pause_reason": reason}


def _state(row: sa.Row[Any], block: blocks.Block | None) -> str:
    """Return the state of the trigger in a word: the first of them that is not usual."""
    if not row.enabled:
        return "disabled"
    if block is not None and block.pause is not None:
        return "paused"
    return "breaker open" if block is not None and block.breaker is not None else "enabled"


@click.command("show")
@click.argument("trigger", shell_complete=completion.triggers)
@terminal.wide_option
@output.json_option
@with_database
def show(chosen: Settings, database: Database, trigger: str, as_json: bool) -> None:
    """Show a trigger, by id, slug or name, and its newest executions."""
    with database.reading() as connection:
        row = lookup.find_trigger(connection, trigger)
        executions = listing.newest_executions(connection, row.id)
        count = listing.exact_count(connection, row.id)
        breaker = queries.breaker_of(connection, row.id) | queries.pause_of(connection, row.id)
    shown = masking.public(row) | {"execution_count": count}
    shown |= {"webhook_url": webhook_url(chosen.hookonce_public_url, row.id)} | breaker
    listed = [masking.public(execution) for execution in executions]
    if as_json:
        click.echo(json.dumps(shown | {"executions": listed}))
        return
    output.record(shown, as_json=False)
    click.echo()
    output.table(
        listed, ("id", "status", "idempotency_key", "attempt_count", "result_summary", "error")
    )
