"""`hookonce prune`: remove payloads and rows whose retention has ended, now."""

import sys
import threading
from collections.abc import Iterator
from typing import Any

import click

from app.cli import output
from app.cli.context import WRONG, with_database
from app.cli.signals import INTERRUPTED, until_interrupted_in_waits
from app.db import Database, schema
from app.errors import DatabaseUnavailable, SchemaMoved
from app.executions import prune, retention_queries
from app.executions.prune import NOTHING, PruneStep
from app.intake import sources
from app.settings import Settings

REST = 1.0
"""Pause after each step, as a multiple of its duration, so that others can use the database."""


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Only count what would be removed.")
@output.json_option
@with_database
def command(settings: Settings, database: Database, dry_run: bool, as_json: bool) -> None:
    """Remove payloads and rows whose retention has ended.

    HOOKONCE_KEEP_* and each trigger set the retention. Executions that have not finished are
    kept. The command works in small steps and can be interrupted.
    """
    schema.require(database)
    rules = retention_queries.rules(database, sources.retry_seconds(), settings)
    expected = _total(prune.run(database, rules, threading.Event(), dry=True))
    if dry_run:
        output.record({"dry_run": True} | expected._asdict(), as_json)
        return
    removed, stopped, status = NOTHING, None, 0
    with until_interrupted_in_waits() as stop, _progress(sum(expected)) as bar:
        try:
            for step in prune.run(database, rules, stop, rest=REST):
                removed = removed.plus(step)
                bar.update(sum(step))
        except (DatabaseUnavailable, SchemaMoved) as error:
            stopped, status = str(error), WRONG
    if stopped and not stop.is_set():
        click.echo(f"Stopped: {stopped}.", err=True)
    output.record({"dry_run": False} | removed._asdict(), as_json)
    sys.exit(INTERRUPTED if stop.is_set() else status)


def _total(steps: Iterator[PruneStep]) -> PruneStep:
    total = NOTHING
    for step in steps:
        total = total.plus(step)
    return total


def _progress(total: int) -> Any:
    return click.progressbar(length=total, label="Pruning", show_pos=True, file=sys.stderr)
