"""`hookonce audit`: list the changes and their authors."""

import click

from app import audit, masking
from app.cli import output, terminal
from app.cli.context import with_database
from app.db import Database
from app.db.count_cache import CountCache
from app.db.paging import PagePosition
from app.settings import Settings


@click.group("audit")
def group() -> None:
    """Read the record of changes by people, programs and files."""


@group.command("list")
@click.option("--subject", help="Only changes to this, such as trigger:1.")
@click.option("--actor", help="Only changes by this token name or cli:<user>.")
@click.option("--action", help="Only this action, such as trigger.update.")
@output.limit_option
@output.before_option
@terminal.wide_option
@output.json_option
@with_database
def list_changes(
    _settings: Settings,
    database: Database,
    subject: str | None,
    actor: str | None,
    action: str | None,
    limit: int,
    before: int | None,
    as_json: bool,
) -> None:
    """List the changes, newest first."""
    position = PagePosition(per_page=limit, before_id=before)
    with database.reading() as connection:
        page = audit.changes(connection, CountCache(), position, subject, actor, action)
    rows = [masking.public(row) for row in page.rows]
    columns = ("id", "at", "actor", "token_id", "origin", "action", "subject", "before", "after")
    output.page(rows, columns, page, as_json)
