"""Options that select executions; `execution list` and `execution export` share them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from app import lifecycle
from app.cli import completion
from app.cli.time_param import TimeParam
from app.db import Database
from app.executions.dead_letters import UNKNOWN
from app.executions.search import ExecutionFilter
from app.settings import Settings
from app.triggers import lookup

_NAMES = (
    *("status", "category", "reason", "key", "key_prefix", "http_status", "event_type", "text"),
    *("since", "until", "source"),
)
_OPTIONS = (
    completion.trigger_option,
    completion.source_option,
    click.option("--status", type=click.Choice(lifecycle.STATUSES), help="Only in this status."),
    click.option(
        "--category",
        type=click.Choice([lifecycle.TRANSIENT, lifecycle.PERMANENT]),
        help="Only errors of this category.",
    ),
    click.option(
        "--reason",
        type=click.Choice([*lifecycle.REASONS, UNKNOWN]),
        help="Only failed with this reason.",
    ),
    click.option("--key", help="Only with this idempotency key."),
    click.option("--key-prefix", help="Only with a key that begins so."),
    click.option(
        "--http-status",
        type=click.IntRange(100, 599),
        help="Only if the target answered the last attempt with this status.",
    ),
    click.option("--event-type", help="Only events of this type."),
    click.option("--text", help="Only if the event contains this text."),
    click.option(
        "--since",
        type=TimeParam(),
        help="Only received at this time or later: 2h or 3d ago, 14:00 here, or ISO 8601 (UTC).",
    ),
    click.option("--until", type=TimeParam(), help="Only received before this time."),
)


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to the command; call it with the ExecutionFilter that they select."""

    @wraps(command)
    def wrapped(
        settings: Settings,
        database: Database,
        *,
        trigger: str | None,
        argument: str | None = None,
        **options: Any,
    ) -> None:
        if argument is not None and trigger is not None:
            raise click.UsageError("give the trigger once, as --trigger")
        selected = {name: options.pop(name) for name in _NAMES}
        trigger_id = _trigger_id(database, trigger or argument)
        command(settings, database, ExecutionFilter(trigger_id, **selected), **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _trigger_id(database: Database, trigger: str | None) -> int | None:
    if trigger is None:
        return None
    with database.reading() as connection:
        return int(lookup.find_trigger(connection, trigger).id)
