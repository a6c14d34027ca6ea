"""Give a command its settings and database, and print its failure as one sentence."""

import os
import pwd
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import DataError

from app import log, settings
from app.audit import Actor
from app.db import Database
from app.errors import HookonceError, SchemaMoved
from app.masking import process

WRONG = 1
"""Exit status of every failure that Hookonce explains in a sentence."""


def actor() -> Actor:
    """Return the user who runs the command, for the audit record.

    The name comes from the system's user id: anybody can set a variable of the environment.
    """
    user_id = os.getuid()
    try:
        name = pwd.getpwuid(user_id).pw_name
    except KeyError:  # a container may run as a number that has no name
        name = str(user_id)
    return Actor(f"cli:{name}", os.uname().nodename)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Call the command with the settings; print a failure as one sentence.

    For a command that opens a database in its own way.
    """

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            current = settings.from_environment()
            process.hide()
            log.configure(current.hookonce_log_level, current.hookonce_log_format)
            command(current, *args, **kwargs)
        except HookonceError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


def with_database(command: Callable[..., None]) -> Callable[..., None]:
    """Call the command with the settings and the database; print a failure as one sentence."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            current = settings.from_environment()
            process.hide()
            log.configure(current.hookonce_log_level, current.hookonce_log_format)
            database = Database(current)
            try:
                command(current, database, *args, **kwargs)
            finally:
                database.dispose()
        except SchemaMoved as error:
            raise click.ClickException(
                "the database schema does not fit this version; `hookonce check` says what to do"
            ) from error
        except DataError as error:
            reason = " ".join(str(error.orig).split())
            raise click.ClickException(f"the database rejected a value: {reason}") from error
        except HookonceError as error:
            raise click.ClickException(str(error)) from error

    return wrapped
