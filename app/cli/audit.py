"""`hookonce audit`: who changed what."""

import click

from app import audit, masking
from app.cli import output
from app.cli.context import with_database
from app.db import Database
from app.db.count_cache import CountCache
from app.db.paging import PagePosition
from app.settings import Settings


@click.group("audit")
def group() -> None:
    """The record of every change that people, programs and files made."""


@group.command("list")
@click.option("--subject", help="Such as trigger:1.")
@click.option("--actor", help="Who: a token's name, or cli:<user>.")
@click.option("--action", help="Such as trigger.update.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--before", type=click.IntRange(1), help="Older than the change of this id.")
@output.json_option
@with_database
def list_changes(
    _chosen: Settings,
    database: Database,
    subject: str | None,
    actor: str | None,
    action: str | None,
    limit: int,
    before: int | None,
    as_json: bool,
) -> None:
    """The changes, newest first."""
    where = PagePosition(per_page=limit, before_id=before)
    with database.reading() as connection:
        page = audit.changes(connection, CountCache(), where, subject, actor, action)
    shown = [masking.public(row) for row in page.rows]
    columns = ("id", "at", "actor", "origin", "action", "subject", "before", "after")
    output.page(shown, columns, page, as_json)
