"""`hookonce breaker`: list open circuit breakers, probe a target now, or close its breaker."""

from typing import Any

import click
import sqlalchemy as sa

from app import masking
from app.cli import completion, output, terminal
from app.cli.context import actor, with_database
from app.db import Database
from app.executions import blocks
from app.settings import Settings
from app.stats import summary
from app.triggers import breakers


@click.group("breaker")
def group() -> None:
    """List circuit breakers, probe a target now, or close its breaker."""


@group.command("list")
@terminal.wide_option
@output.json_option
@with_database
def list_breakers(_settings: Settings, database: Database, as_json: bool) -> None:
    """List targets that failed lately, and what waits for each."""
    with database.reading() as connection:
        rows = [
            masking.public(row)
            | {
                "state": "closed" if row.opened_at is None else "open",
                "waiting": blocks.waiting_count(connection, row.trigger_id),
            }
            for row in summary.breakers(connection)
        ]
    columns = ("slug", "state", "failure_count", "opened_at", "probe_at", "waiting")
    output.rows(rows, columns, as_json)


@group.command("probe")
@click.argument("trigger", shell_complete=completion.triggers)
@output.json_option
@with_database
def probe(_settings: Settings, database: Database, trigger: str, as_json: bool) -> None:
    """Let one execution through an open breaker now.

    If the target answers, the breaker closes and the others follow.
    """
    row = breakers.probe_now(database, trigger, actor())
    output.done(f"{row.slug}: the next execution probes its target", _named(row), as_json)


@group.command("close")
@click.argument("trigger", shell_complete=completion.triggers)
@output.json_option
@with_database
def close(_settings: Settings, database: Database, trigger: str, as_json: bool) -> None:
    """Close an open breaker: everything that is due runs at once.

    It opens again after as many failures as the setting allows.
    """
    row = breakers.close(database, trigger, actor())
    output.done(f"{row.slug}: the breaker is closed", _named(row), as_json)


def _named(row: sa.Row[Any]) -> dict[str, object]:
    return {"trigger_id": row.id, "trigger": row.slug}
