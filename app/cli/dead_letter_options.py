"""The options of `hookonce dead` that select dead letters."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from app import lifecycle
from app.cli import completion
from app.cli.time_param import TimeParam
from app.db import Database
from app.executions.dead_letters import UNKNOWN, DeadLetterFilter
from app.settings import Settings
from app.triggers import lookup

_FILTER_NAMES = (
    *("reason", "category", "since", "until", "key", "http_status"),
    *("key_prefix", "source"),
)
_OPTIONS = (
    completion.trigger_option,
    completion.source_option,
    click.option(
        "--reason",
        type=click.Choice([*lifecycle.REASONS, UNKNOWN]),
        help="Only failed with this reason.",
    ),
    click.option(
        "--category",
        type=click.Choice([lifecycle.TRANSIENT, lifecycle.PERMANENT]),
        help="Only errors of this category.",
    ),
    click.option(
        "--since",
        type=TimeParam(),
        help="Only failed at this time or later: 2h or 3d ago, 14:00 here, or ISO 8601 (UTC).",
    ),
    click.option("--until", type=TimeParam(), help="Only failed before this time."),
    click.option("--key", help="Only with this idempotency key."),
    click.option("--key-prefix", help="Only with a key that begins so."),
    click.option(
        "--http-status",
        type=click.IntRange(100, 599),
        help="Only if the target answered the last attempt with this status.",
    ),
)


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to the command; call it with the DeadLetterFilter that they select."""

    @wraps(command)
    def wrapped(
        settings: Settings, database: Database, *, trigger: str | None, **options: Any
    ) -> None:
        selected = {name: options.pop(name) for name in _FILTER_NAMES}
        filters = DeadLetterFilter(_trigger_id(database, trigger), **selected)
        command(settings, database, filters, **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _trigger_id(database: Database, trigger: str | None) -> int | None:
    if trigger is None:
        return None
    with database.reading() as connection:
        return int(lookup.find_trigger(connection, trigger).id)
