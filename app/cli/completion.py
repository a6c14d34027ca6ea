"""Complete the values of arguments and options in a shell: names that the database knows."""

from collections.abc import Callable
from contextlib import suppress

import click
import sqlalchemy as sa
from click.shell_completion import CompletionItem
from sqlalchemy.exc import SQLAlchemyError

from app import settings
from app.db import Database
from app.db.models import notification_channels
from app.db.models import tokens as access_tokens
from app.db.models import triggers as table
from app.errors import HookonceError

AT_MOST = 200
"""Names offered at once."""
Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def among(names: Callable[[], list[str]] | None) -> Completion | None:
    """Return the completion by one of these names; None if there are none to choose from."""
    if names is None:
        return None
    return lambda _, __, typed: [CompletionItem(n) for n in names() if n.startswith(typed)]


def triggers(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the slugs that begin so, each with its name; none if the database cannot be read."""
    return _stored(table.c.slug, incomplete, table.c.name)


def channels(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of channels of notifications that begin so."""
    return _stored(notification_channels.c.name, incomplete)


def tokens(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of access tokens that begin so and are not revoked."""
    return _stored(access_tokens.c.name, incomplete, condition=access_tokens.c.revoked_at.is_(None))


def sources(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the sources that begin so."""
    from app.intake import sources as known  # they are slow to load

    return [CompletionItem(name) for name in known.names() if name.startswith(incomplete)]


def _stored(
    column: sa.ColumnElement[str],
    incomplete: str,
    explained: sa.ColumnElement[str] | None = None,
    condition: sa.ColumnElement[bool] | None = None,
) -> list[CompletionItem]:
    """Return the values of the column that begin so; none if the database cannot be read."""
    query = sa.select(column, sa.null() if explained is None else explained)
    query = query.where(column.startswith(incomplete, autoescape=True)).order_by(column)
    if condition is not None:
        query = query.where(condition)
    with suppress(HookonceError, SQLAlchemyError):
        database = Database(settings.from_environment())
        try:
            with database.reading() as connection:
                rows = connection.execute(query.limit(AT_MOST)).all()
        finally:
            database.dispose()
        return [CompletionItem(value, help=explanation) for value, explanation in rows if value]
    return []


trigger_option = click.option(
    "--trigger", shell_complete=triggers, help="Only of this trigger (id, slug or name)."
)
source_option = click.option("--source", shell_complete=sources, help="Only of this sender.")
