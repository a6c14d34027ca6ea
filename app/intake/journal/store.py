"""Write rows of the journal and remove the oldest beyond its bounds, in short transactions."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db
from app.db import Database
from app.db.models import delivery_journal, triggers
from app.intake.journal.queue import EntryKind, More

ROWS_OF_KIND = 500
"""Rows kept of one outcome of a trigger: so refusals cannot push out what was filtered."""
OF_TRIGGER = 4
"""A trigger may take this part of all bytes, one in four: an attack on one leaves the others."""
STEP_ROWS = 100
"""Rows that one transaction removes."""

_columns = delivery_journal.c


def write(
    database: Database, rows: Sequence[Mapping[str, Any]], more: Mapping[EntryKind, More], most: int
) -> None:
    """Insert the rows, add the counts to the newest row of their kind, keep each trigger's bounds.

    Rows of removed triggers are left out. `most` is the number of bytes of the whole journal.
    """
    with database.writing() as connection:
        ids = {row["trigger_id"] for row in rows} | {kind.trigger_id for kind in more}
        existing = db.lock_referenced(connection, triggers, ids)
        kept = [dict(row) for row in rows if row["trigger_id"] in existing]
        if kept:
            connection.execute(sa.insert(delivery_journal), kept)
        for kind, counted in sorted(more.items()):
            connection.execute(_counting(kind, counted))
        for kind in sorted({EntryKind(row["trigger_id"], row["outcome"]) for row in kept}):
            _remove_until(connection, _last_kept_row(connection, kind), _of_kind(kind))
        for trigger_id in sorted({row["trigger_id"] for row in kept}):
            _bound_bytes(connection, most // OF_TRIGGER, _columns.trigger_id == trigger_id)


def bound(database: Database, most: int) -> None:
    """Remove the oldest rows until all rows together take at most `most` bytes."""
    with database.reading() as connection:
        last = _last_beyond(connection, most, sa.true())
    while last is not None:
        with database.writing() as connection:
            if _remove_until(connection, last, sa.true()) < STEP_ROWS:
                return


def _counting(kind: EntryKind, counted: More) -> sa.Update:
    newest = sa.select(sa.func.max(_columns.id)).where(_of_kind(kind)).scalar_subquery()
    update = sa.update(delivery_journal).where(_columns.id == newest)
    return update.values(more=_columns.more + counted.number, more_until=counted.last_at)


def _of_kind(kind: EntryKind) -> sa.ColumnElement[bool]:
    return (_columns.trigger_id == kind.trigger_id) & (_columns.outcome == kind.outcome)


def _last_kept_row(connection: Connection, kind: EntryKind) -> int | None:
    """Return the newest id of the kind that is beyond the number of rows; None if none is."""
    ids = sa.select(_columns.id).where(_of_kind(kind)).order_by(_columns.id.desc())
    return connection.execute(ids.offset(ROWS_OF_KIND).limit(1)).scalar_one_or_none()


def _bound_bytes(connection: Connection, most: int, rows: sa.ColumnElement[bool]) -> None:
    _remove_until(connection, _last_beyond(connection, most, rows), rows)


def _last_beyond(connection: Connection, most: int, rows: sa.ColumnElement[bool]) -> int | None:
    """Return the newest id that is beyond these bytes, counted from the newest row, which stays."""
    total = sa.func.sum(_columns.stored_bytes).over(order_by=_columns.id.desc())
    columns = (_columns.id, _columns.stored_bytes, total.label("total"))
    summed = sa.select(*columns).where(rows).subquery().c
    beyond = (summed.total > most) & (summed.total > summed.stored_bytes)
    query = sa.select(sa.func.max(summed.id)).where(beyond)
    return connection.execute(query).scalar_one_or_none()


def _remove_until(connection: Connection, last: int | None, rows: sa.ColumnElement[bool]) -> int:
    """Remove a step of the oldest of these rows up to the id; return their number."""
    if last is None:
        return 0
    oldest = sa.select(_columns.id).where(rows, _columns.id <= last).order_by(_columns.id)
    deletion = sa.delete(delivery_journal).where(_columns.id.in_(oldest.limit(STEP_ROWS)))
    return connection.execute(deletion).rowcount
