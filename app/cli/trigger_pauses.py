"""`hookonce trigger pause|resume`: let the executions of one trigger, or of all, wait."""

from typing import Any

import click
from sqlalchemy.engine import Connection

from app import clock
from app.cli import completion, output
from app.cli.context import actor, with_database
from app.cli.number_param import NumberParam
from app.db import Database
from app.db.count_cache import EXACT_UP_TO
from app.executions import blocks
from app.settings import Settings
from app.triggers import lookup, pausing

_all_option = click.option("--all", "of_all", is_flag=True, help="All triggers, also new ones.")
_dry_option = click.option(
    "--dry-run", "dry", is_flag=True, help="Only count the executions that wait."
)


@click.command("pause")
@click.argument("trigger", required=False, shell_complete=completion.triggers)
@_all_option
@click.option(
    "--reason",
    help=f"Words on why, for whoever asks later: at most {pausing.LONGEST_REASON} characters.",
)
@_dry_option
@output.json_option
@with_database
def pause(
    _chosen: Settings,
    database: Database,
    trigger: str | None,
    of_all: bool,
    reason: str | None,
    dry: bool,
    as_json: bool,
) -> None:
    """Pause the trigger: its events are admitted and wait.

    Workers obey within a second; running attempts finish. With --all every trigger is paused, for
    maintenance. A disabled trigger refuses its events instead. Again with another reason: the
    pause lasts, and has this one.
    """
    _require_one(trigger, of_all)
    reason = pausing.checked_reason(reason)
    if not dry and trigger is not None:
        pausing.pause(database, trigger, actor(), reason=reason)
    elif not dry:
        pausing.pause_all(database, actor(), reason=reason)
    with database.reading() as connection:
        name, state = _state(connection, trigger)
    now = "would be paused" if dry else "paused"
    why = "" if reason is None else f": {reason}"
    output.done(f"{name}: {now}, {_number(state)} execution(s) wait{why}", state, as_json)


@click.command("resume")
@click.argument("trigger", required=False, shell_complete=completion.triggers)
@_all_option
@click.option(
    "--per-second",
    default=pausing.DEFAULT_PER_SECOND,
    show_default=True,
    type=NumberParam(0, pausing.MOST_PER_SECOND),
    help="Waiting executions of each trigger that begin in a second; 0: all at once.",
)
@_dry_option
@output.json_option
@with_database
def resume(
    _chosen: Settings,
    database: Database,
    trigger: str | None,
    of_all: bool,
    per_second: float,
    dry: bool,
    as_json: bool,
) -> None:
    """Resume the trigger: waiting executions begin at a pace, oldest first.

    With --all the pause of all triggers ends; a trigger that is paused by itself stays so.
    """
    _require_one(trigger, of_all)
    with database.reading() as connection:
        name, state = _state(connection, trigger)
        some_stay = of_all and bool(blocks.paused_triggers(connection, 1))
    if state["paused"] is None:
        output.done(f"{name}: not paused", state, as_json)
        return
    if not dry and trigger is not None:
        pausing.resume(database, trigger, per_second, actor())
    elif not dry:
        pausing.resume_all(database, per_second, actor())
    pace = f"{per_second:g} a second" if per_second else "all at once"
    pace += ", except of triggers paused by themselves" if some_stay else ""
    now = "would be resumed" if dry else "resumed"
    state |= {"per_second": per_second, "resumed": not dry}
    output.done(f"{name}: {now}, {_number(state)} execution(s) begin, {pace}", state, as_json)


def _require_one(trigger: str | None, of_all: bool) -> None:
    if (trigger is not None) == of_all:
        raise click.UsageError("give a trigger, or --all")


def _state(connection: Connection, name: str | None) -> tuple[str, dict[str, Any]]:
    """Return the name, and the pause with the number of executions that wait for its end."""
    if name is None:
        slug, found = "all triggers", blocks.pause_of_all(connection)
        waiting = blocks.waiting_count_of_all(connection)
    else:
        trigger = lookup.find_trigger(connection, name)
        slug, found = trigger.slug, blocks.of_trigger(connection, trigger.id).pause
        waiting = blocks.waiting_count(connection, trigger.id)
    paused = found and {"since": clock.text(found.since), "by": found.by, "reason": found.reason}
    return slug, {"paused": paused, "waiting": waiting}


def _number(state: dict[str, Any]) -> str:
    waiting = int(state["waiting"])
    return f"{EXACT_UP_TO:,} or more" if waiting > EXACT_UP_TO else f"{waiting:,}"
