"""Complete the values of arguments and options in a shell: names that the database knows."""

from collections.abc import Callable
from contextlib import suppress

import click
import sqlalchemy as sa
from click.shell_completion import CompletionItem
from sqlalchemy.exc import SQLAlchemyError

from app import settings
from app.db import Database
from app.db.models import triggers as table
from app.errors import HookonceError

AT_MOST = 200
"""Names offered at once."""
Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def among(names: Callable[[], list[str]] | None) -> Completion | None:
    """Return the completion by one of these names; None if there are none to choose from."""
    if names is None:
        return None
    return lambda _, __, incomplete: [
        CompletionItem(name) for name in names() if name.startswith(incomplete)
    ]


def triggers(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the slugs that begin so, each with its name; none if the database cannot be read."""
    with suppress(HookonceError, SQLAlchemyError):
        database = Database(settings.from_environment())
        try:
            return _slugs(database, incomplete)
        finally:
            database.dispose()
    return []


def _slugs(database: Database, incomplete: str) -> list[CompletionItem]:
    begins_so = table.c.slug.startswith(incomplete, autoescape=True)
    query = sa.select(table.c.slug, table.c.name).where(begins_so).order_by(table.c.slug)
    with database.reading() as connection:
        rows = connection.execute(query.limit(AT_MOST)).all()
    return [CompletionItem(row.slug, help=row.name) for row in rows if row.slug]


trigger_option = click.option(
    "--trigger", shell_complete=triggers, help="Only of this trigger (id, slug or name)."
)
