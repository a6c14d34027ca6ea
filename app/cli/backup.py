"""`hookonce backup` and `hookonce restore`: copy a SQLite database, and put a copy in place."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click

from app import settings
from app.cli import output
from app.cli.context import with_database
from app.cli.signals import INTERRUPTED, until_interrupted
from app.db import Database, backup, schema
from app.db.backup import Copy, Progress
from app.errors import HookonceError
from app.settings import Settings

FOR_POSTGRESQL = (
    "this command copies SQLite files; PostgreSQL has pg_dump and pg_basebackup, and "
    "docs/backup.md has the commands"
)


@click.command("backup")
@click.argument("file")
@output.json_option
@with_database
def back_up(chosen: Settings, database: Database, file: str, as_json: bool) -> None:
    """Copy the SQLite database into FILE while the service runs.

    FILE must not exist. The copy is one moment of the database: events acknowledged before that
    moment are in it, later ones are not. Its integrity and its revision are checked before it gets
    its name. It holds the secrets of triggers as the database does: keep it as safe.
    """
    if not chosen.embedded:
        raise click.ClickException(FOR_POSTGRESQL)
    with database.reading():  # raises NoDatabase if there is none
        path = settings.sqlite_path(chosen)
    copy = _with_progress("Copying", lambda progress: backup.back_up(path, file, progress))
    output.record(_shown(copy), as_json)


@click.command("restore")
@click.argument("file")
@output.json_option
def restore(file: str, as_json: bool) -> None:
    """Put a copy of FILE in place of the SQLite database.

    The database is that of DATABASE_URL. Refused while a process has it open, and if it has rows:
    stop the service, and move the old file away. Events acknowledged after the backup are lost
    until their senders deliver them again; docs/backup.md says how.
    """
    try:
        chosen = settings.from_environment()
        if not chosen.embedded:
            raise click.ClickException(FOR_POSTGRESQL)
        path = settings.sqlite_path(chosen)
        copy = _with_progress("Restoring", lambda progress: backup.restore(file, path, progress))
    except HookonceError as error:
        raise click.ClickException(str(error)) from error
    output.record(_shown(copy), as_json)
    for sentence in _next_steps(copy):
        click.echo(sentence, err=True)


def _next_steps(copy: Copy) -> Iterator[str]:
    """Yield the sentences on what a restore lost, and on what to do before the service starts."""
    if copy.newest_at is None:
        yield "Events acknowledged after the backup are lost."
    else:
        yield f"Events acknowledged after the backup are lost; its newest is of {copy.newest_at}."
    if copy.next_id is not None:
        yield (
            f"New executions have ids from {copy.next_id} on: targets may remember those of the "
            "lost ones."
        )
    yield "Have their senders deliver them again, and read docs/backup.md before a worker starts."
    if schema.behind(copy.revision):
        yield f"Then {schema.explanation(copy.revision)}."


def _shown(copy: Copy) -> dict[str, Any]:
    shown = asdict(copy) | {"newest_at": copy.newest_at and copy.newest_at.isoformat()}
    if copy.next_id is None:
        del shown["next_id"]
    return shown


def _with_progress(label: str, make: Callable[[Progress], Copy]) -> Copy:
    """Make the copy with a progress bar; end with 130 and without a file on a signal."""
    with until_interrupted() as stop, _bar(label) as bar:

        def progress(remaining: int, total: int) -> None:
            bar.length = total
            bar.update(total - remaining - bar.pos)
            if stop.is_set():
                sys.exit(INTERRUPTED)

        return make(progress)


@contextmanager
def _bar(label: str) -> Iterator[Any]:
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:
        yield bar
