"""Triggers that accept events without any proof, which a person must know of."""

import logging
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db, log
from app.db import Database
from app.db.models import triggers
from app.errors import DatabaseUnavailable, SchemaMoved

RETRY_SECONDS = 5.0
"""Seconds until a receiver that has just started reads the triggers again, after a failure."""

logger = logging.getLogger("hookonce.triggers")


def unverified(description: str | None) -> bool:
    """Return True if this description accepts requests without any proof."""
    if not description:
        return False
    from app.intake import verification  # slow to load, and few triggers have a description

    return any(
        each.startswith("NOTHING IS VERIFIED") for each in verification.warnings(description)
    )


def unverified_triggers(connection: Connection) -> list[sa.Row[Any, Any, Any]]:
    """Return id and slug of the enabled triggers that accept events without any proof."""
    columns = triggers.c
    if f"{triggers.name}.verification" not in db.columns(connection):
        return []
    query = sa.select(columns.id, columns.slug, columns.verification).where(
        columns.type == "webhook", columns.enabled.is_(True), columns.verification.is_not(None)
    )
    rows = connection.execute(query.order_by(columns.id)).all()
    return [row for row in rows if unverified(row.verification)]


def log_unverified(before: str | None, row: sa.Row[Any]) -> None:
    """Log that a change lets the trigger accept events without any proof."""
    if row.verification != before and unverified(row.verification):
        _log_unverified(row)


def log_all_unverified(database: Database, pause: Callable[[float], object] = time.sleep) -> None:
    """Log each trigger that accepts events without any proof, once the database can be read.

    A receiver does so at its start: the line about the change may be years old.
    """
    while True:
        try:
            with database.reading() as connection:
                rows = unverified_triggers(connection)
        except (DatabaseUnavailable, SchemaMoved):
            pause(RETRY_SECONDS)
            continue
        for row in rows:
            _log_unverified(row)
        return


def _log_unverified(row: Any) -> None:
    log.event(logger, logging.WARNING, "nothing_verified", trigger_id=row.id, trigger=row.slug)
