"""How a command reaches the database, and says in one sentence what went wrong."""

import os
import pwd
import socket
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import DataError

from app import log, settings
from app.audit import Actor
from app.db import Database
from app.errors import HookonceError, SchemaMoved

WRONG = 1
"""The exit status for everything that Hookonce can put into words."""


def actor() -> Actor:
    """Whoever runs the command, for the record: as the system has it, not as a variable says."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # a container may run as a number that has no name
        name = str(number)
    return Actor(f"cli:{name}", socket.gethostname())


def with_database(command: Callable[..., None]) -> Callable[..., None]:
    """Hand the command the settings and the database; say in one sentence what went wrong."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            chosen = settings.from_environment()
            log.configure(chosen.hookonce_log_level, chosen.hookonce_log_format)
            database = Database(chosen)
            try:
                command(chosen, database, *args, **kwargs)
            finally:
                database.dispose()
        except SchemaMoved as error:
            raise click.ClickException(
                "the database is not as this code needs it; `hookonce check` says what to do"
            ) from error
        except DataError as error:
            reason = " ".join(str(error.orig).split())
            raise click.ClickException(f"the database does not take that: {reason}") from error
        except HookonceError as error:
            raise click.ClickException(str(error)) from error

    return wrapped
