"""`hookonce tail`: print deliveries and attempts as they happen."""

import json
import time

import click

from app import clock
from app.cli import completion, signals, terminal
from app.cli.context import with_database
from app.cli.number_param import NumberParam
from app.db import Database
from app.errors import DatabaseUnavailable
from app.executions.live import Follower, LiveEvent
from app.settings import Settings
from app.triggers import lookup

PAUSE_SECONDS = 1.0
"""Seconds between two looks at the database."""
DETAIL_SHOWN = 120
"""Characters of a key or an error in a line."""


@click.command("tail")
@completion.trigger_option
@click.option("--seconds", type=NumberParam(0), help="Stop after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
@with_database
def command(
    _settings: Settings,
    database: Database,
    trigger: str | None,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Print deliveries and attempts as they happen, until Ctrl-C.

    A delivery is printed within a second, duplicates and refusals too, if the journal of deliveries
    has it.
    """
    with database.reading() as connection:
        trigger_id = None if trigger is None else lookup.find_trigger(connection, trigger).id
        follower = Follower(connection, trigger_id)
    click.echo("following; Ctrl-C ends", err=True)
    ends_at = None if seconds is None else time.monotonic() + seconds
    with signals.until_interrupted() as stop:
        while True:
            over = stop.is_set() or (ends_at is not None and time.monotonic() >= ends_at)
            _print(database, follower, as_json)
            if over:
                return
            stop.wait(PAUSE_SECONDS)


def _print(database: Database, follower: Follower, as_json: bool) -> None:
    try:
        with database.reading() as connection:
            events = follower.look(connection)
    except DatabaseUnavailable as error:
        click.echo(f"the database is away, and is asked again: {error}", err=True)
        return
    for event in events:
        click.echo(_as_json(event) if as_json else _line(event))


def _as_json(event: LiveEvent) -> str:
    fields = {"at": clock.text(event.at), "kind": event.kind, "trigger": event.trigger}
    return json.dumps(fields | {"id": event.id, "outcome": event.outcome, "detail": event.detail})


def _line(event: LiveEvent) -> str:
    at = "--:--:--" if event.at is None else f"{event.at:%H:%M:%S}"
    detail = " ".join(event.detail.split())[:DETAIL_SHOWN]
    text = f"{at}  {event.kind:9}  {event.trigger}  #{event.id}  {event.outcome}  {detail}"
    return terminal.plain(text).rstrip()
