"""`hookonce partition`: spread the executions of PostgreSQL over hash partitions, and undo it."""

from contextlib import nullcontext

import click
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from app.cli.context import with_database
from app.db import Database, partitioning, schema
from app.db.migration_ops.migration_lock import only_migrator
from app.errors import HookonceError
from app.settings import Settings


@click.command("partition")
@click.option("--into", "count", type=int, metavar="N", help="Number of partitions of each table.")
@click.option("--undo", is_flag=True, help="Make plain tables of the partitioned ones again.")
@with_database
def partition(chosen: Settings, database: Database, count: int | None, undo: bool) -> None:
    """Spread executions over partitions of PostgreSQL, or undo it.

    The executions of a trigger and all that belongs to them are in one partition.

    Stop receivers and workers first: every row is copied in one transaction, which locks the
    tables. An interruption changes nothing. docs/sharding.md says when it is worth it.
    """
    if (count is None) == (not undo):
        raise click.UsageError("give either --into N or --undo")
    try:
        schema.require(database)
        with nullcontext() if chosen.embedded else only_migrator(database.engine):
            if count is None:
                partitioning.undo(database, _show)
            else:
                partitioning.partition(database, count, _show)
    except (HookonceError, CommandError) as error:
        raise click.ClickException(f"{error}; nothing was changed") from error
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise click.ClickException(f"{reason}; nothing was changed") from error
    click.echo("Start receivers and workers again.")


def _show(table: str) -> None:
    click.echo(f"{table} ...", err=True)
