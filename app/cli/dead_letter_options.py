"""The options by which `hookonce dead` is told which dead letters are meant."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from app import lifecycle
from app.cli.time_param import TimeParam
from app.db import Database
from app.executions.dead_letters import UNKNOWN, DeadLetterFilter
from app.settings import Settings
from app.triggers import manage

_OPTIONS = (
    click.option("--trigger", help="Of this trigger: id, slug or name."),
    click.option("--reason", type=click.Choice([*lifecycle.REASONS, UNKNOWN]), help="Died of it."),
    click.option("--category", type=click.Choice([lifecycle.TRANSIENT, lifecycle.PERMANENT])),
    click.option(
        "--since", type=TimeParam(), help="Died then or later: 2h, 3d, or ISO 8601 (UTC)."
    ),
    click.option("--until", type=TimeParam(), help="Died before."),
    click.option("--key", help="With this idempotency key."),
)


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Hand the command, beside settings and database, what its options choose."""

    @wraps(command)
    def wrapped(
        chosen: Settings, database: Database, *, trigger: str | None, **options: Any
    ) -> None:
        names = ("reason", "category", "since", "until", "key")
        narrower = {name: options.pop(name) for name in names}
        command(
            chosen, database, DeadLetterFilter(_id_of(database, trigger), **narrower), **options
        )

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _id_of(database: Database, trigger: str | None) -> int | None:
    if trigger is None:
        return None
    with database.reading() as connection:
        return int(manage.find_trigger(connection, trigger).id)
