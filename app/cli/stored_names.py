"""Read the names that begin as typed from the database, for completion in a shell."""

from contextlib import suppress

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


def triggers(typed: str) -> list[CompletionItem]:
    """Return the slugs that begin so, each with its name."""
    return _stored(table.c.slug, typed, table.c.name)


def channels(typed: str) -> list[CompletionItem]:
    """Return the names of channels that begin so."""
    return _stored(notification_channels.c.name, typed)


def tokens(typed: str) -> list[CompletionItem]:
    """Return the names of tokens that begin so and are not revoked."""
    return _stored(access_tokens.c.name, typed, condition=access_tokens.c.revoked_at.is_(None))


def _stored(
    column: sa.ColumnElement[str],
    typed: str,
    explained: sa.ColumnElement[str] | None = None,
    condition: sa.ColumnElement[bool] | None = None,
) -> list[CompletionItem]:
    """Return the values of the column that begin so; none if the database cannot be read."""
    query = sa.select(column, sa.null() if explained is None else explained)
    query = query.where(column.startswith(typed, autoescape=True)).order_by(column)
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
