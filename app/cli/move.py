"""`hookonce move`: move everything to another database, and open the old one again."""

import json
import sys
import time
from dataclasses import asdict

import click

from app import settings
from app.cli import output
from app.cli.context import with_settings
from app.cli.signals import INTERRUPTED, Stop, until_interrupted_in_waits
from app.db import moving
from app.db.moving import Compared, Order
from app.errors import CannotMove
from app.settings import Settings

LINE_SECONDS = 2.0
"""Seconds between two lines of progress on one table."""
COLUMNS = ("table", "rows", "digest")


class _Interrupted(Exception):
    """A signal arrived; raised between two batches."""


@click.command("move")
@click.option("--to", "target", metavar="DATABASE_URL", help="Address of an empty database.")
@click.option("--live", is_flag=True, help="Let the service write until the last seconds.")
@click.option(
    "--foreign",
    type=click.Choice(["take", "leave"]),
    help="Move tables and columns that are not Hookonce's, or leave them out.",
)
@click.option(
    "--replace-invalid-text",
    is_flag=True,
    help="Copy text that is not UTF-8, or has NUL, with U+FFFD, as Hookonce reads it.",
)
@click.option("--dry-run", is_flag=True, help="Only prepare the target and check every value.")
@click.option("--cancel", is_flag=True, help="Open DATABASE_URL again, and forget its move.")
@output.yes_option
@output.json_option
@with_settings
def command(
    chosen: Settings,
    /,
    target: str | None,
    cancel: bool,
    yes: bool,
    as_json: bool,
    **choices: bool | str | None,
) -> None:
    """Move everything from DATABASE_URL to another, empty database.

    SQLite to PostgreSQL, or back. The old database keeps its rows and is closed to writes: a
    service that uses it answers 503, until it is started with the new DATABASE_URL. With --live it
    is closed for the last seconds only. To go on with a move that was interrupted, run the same
    command again. docs/moving.md has the steps.
    """
    if cancel == (target is not None):
        raise click.UsageError("give either --to DATABASE_URL or --cancel")
    if target is None:
        _cancel(chosen.direct, yes=yes, as_json=as_json)
        return
    goal = settings.from_environment({"DATABASE_URL": target})
    order = Order(
        chosen.direct,
        goal,
        foreign=choices["foreign"],  # type: ignore[arg-type]
        replace_invalid_text=bool(choices["replace_invalid_text"]),
        live=bool(choices["live"]),
        dry_run=bool(choices["dry_run"]),
    )
    _print(order, _moved(order), as_json)


def _moved(order: Order) -> list[Compared]:
    """Move with lines of progress; end with 130 on a signal."""
    with until_interrupted_in_waits() as stop:
        try:
            return moving.move(order, _Progress(stop).report)
        except (_Interrupted, CannotMove):
            if not stop.is_set():
                raise
            click.echo(
                "Interrupted: run the same command again to go on, or `hookonce move --cancel` to "
                "open the old database again.",
                err=True,
            )
            sys.exit(INTERRUPTED)


def _print(order: Order, compared: list[Compared], as_json: bool) -> None:
    rows = list(map(asdict, compared))
    if as_json:
        click.echo(json.dumps({"dry_run": order.dry_run, "tables": rows}))
    elif order.dry_run:
        click.echo("Every value fits; nothing was copied.")
    elif not rows:
        click.echo("Everything was moved there already.")
    else:
        output.table(rows, COLUMNS)
        click.echo(
            "Both databases have the same rows. Start the service with the new DATABASE_URL.",
            err=True,
        )


def _cancel(chosen: Settings, *, yes: bool, as_json: bool) -> None:
    if moving.is_complete(chosen) and not yes:
        question = "What was received in the new database is not in this one. Open it again?"
        click.confirm(question, abort=True, err=as_json)
    cancelled = moving.cancel(chosen)
    sentence = "The database is open again." if cancelled else "The database is not being moved."
    output.done(sentence, {"cancelled": cancelled}, as_json)


class _Progress:
    """Lines on the standard error: one at the beginning of each step, others as time passes."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._step = ("", "")
        self._printed_at = 0.0

    def report(self, step: str, table: str, done: int, total: int) -> None:
        """Print a line now and then; raise _Interrupted after a signal."""
        if self._stop.is_set():
            raise _Interrupted
        now = time.monotonic()
        if (step, table) == self._step and now < self._printed_at + LINE_SECONDS:
            return
        self._step, self._printed_at = (step, table), now
        counts = f": {done:,} of {total:,} rows" if total else f": {done:,} rows" if done else ""
        click.echo(f"{step} {table}".strip() + counts, err=True)
