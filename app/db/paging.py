"""Lists that people leaf through, newest first, each page found by an index however far down.

A page is asked for by number, as older dashboards do, or by the id beyond which it begins. Numbers
reach as far as rows are counted; ids reach everywhere.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import lifecycle
from app.db import apart, is_one_of
from app.db.count_cache import EXACT_UP_TO, Counter
from app.db.models import audit, trigger_breakers, trigger_executions, triggers
from app.errors import InvalidRequest

_executions = trigger_executions.c
TRIGGER_ID = triggers.c.id
EXECUTION_ID = trigger_executions.c.id
AUDIT_ID = audit.c.id
NEWEST_SHOWN = 20
DEAD_EXACT_UP_TO = 1_000
"""Which of the two kinds of dead letter one is stands in the row alone: each is read."""
LOOKED_THROUGH = 5_000
"""How many rows are searched at once for what no index knows."""
LAST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Where:
    """Which page: by number, or beyond an id."""

    page: int = 1
    per_page: int = 20
    before_id: int | None = None
    after_id: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, and how many there are on all of them."""

    rows: list[sa.Row[Any]]
    total: int
    exact: bool
    page: int
    pages: int
    next: int | None
    """The `before_id` of the page after it; None on the last."""


def page(
    connection: Connection,
    counter: Counter,
    rows: sa.Select[Any],
    by: sa.ColumnElement[int],
    where: Where,
    key: Any,
    horizon: int | None = None,
    limit: int = EXACT_UP_TO,
) -> Page:
    """The page of these rows, newest first; `by` is the id that they are sorted by.

    Rows are counted up to the limit. With a horizon nothing beyond that id is looked at, and the
    page says to go on from there.
    Raises InvalidRequest for a number beyond all that is counted.
    """
    if horizon is not None:
        rows, key = rows.where(_within(by, where, horizon)), (key, where.after_id, horizon)
    ids = rows.with_only_columns(by, maintain_column_froms=True)
    counted = counter.upto(connection, ids, limit, key)
    found = _slice(connection, rows, by, where, limit)
    total = min(counted, limit)
    more = len(found) > where.per_page
    shown = found[: where.per_page]
    if where.after_id is not None:
        shown.reverse()
        more = bool(shown)  # what it was asked to come after stands before all of it
    return Page(
        rows=shown,
        total=total,
        exact=counted <= limit and horizon is None,
        page=where.page,
        pages=-(-total // where.per_page),
        next=shown[-1].id if more and shown else horizon if where.after_id is None else None,
    )


def _within(by: sa.ColumnElement[int], where: Where, horizon: int) -> sa.ColumnElement[bool]:
    """Between where the page begins and the horizon, whichever way it goes."""
    if where.after_id is None:
        return by >= horizon
    return sa.and_(by > _id(where.after_id), by <= _id(horizon))


def edge(
    connection: Connection, ids: sa.Select[int], by: sa.ColumnElement[int], where: Where
) -> int | None:
    """How far a page is looked for where no index knows its rows; None: to the oldest of them."""
    if where.after_id is not None:
        upwards = ids.where(by > _id(where.after_id)).order_by(by.asc())
        found = connection.execute(upwards.offset(LOOKED_THROUGH).limit(1)).scalar_one_or_none()
        return LAST_ID if found is None else found
    downwards = ids if where.before_id is None else ids.where(by < _id(where.before_id))
    query = downwards.order_by(by.desc()).offset(LOOKED_THROUGH).limit(1)
    return connection.execute(query).scalar_one_or_none()


def _slice(
    connection: Connection,
    rows: sa.Select[Any],
    by: sa.ColumnElement[int],
    where: Where,
    limit: int,
) -> list[sa.Row[Any]]:
    """One row more than the page has, so that it is known whether another follows."""
    if where.after_id is not None:
        query = rows.where(by > _id(where.after_id)).order_by(by.asc())
        return list(connection.execute(query.limit(where.per_page)))
    query = rows.order_by(by.desc()).limit(where.per_page + 1)
    if where.before_id is not None:
        return list(connection.execute(query.where(by < _id(where.before_id))))
    skipped = (where.page - 1) * where.per_page
    if skipped >= limit:
        raise InvalidRequest(f"pages reach {limit} rows far; go on from there with before_id")
    return list(connection.execute(query.offset(skipped)))


def _id(given: int) -> sa.ColumnElement[int]:
    """64 bits, though the column may have fewer: no id is an error for being large."""
    return sa.literal(given, sa.BigInteger)


def triggers_query(
    kind: str | None = None, source: str | None = None, enabled: bool | None = None
) -> sa.Select[Any]:
    """Triggers of this type and source, enabled or not."""
    query = sa.select(triggers)
    if kind is not None:
        query = query.where(triggers.c.type == kind)
    if source is not None:
        query = query.where(triggers.c.source == source)
    if enabled is not None:
        query = query.where(triggers.c.enabled.is_(enabled))
    return query


def executions_query(
    trigger_id: int, status: str | None = None, key: str | None = None
) -> sa.Select[Any]:
    """The trigger's executions in this status, with this key."""
    query = sa.select(trigger_executions)
    if key is not None:
        query = query.where(_executions.idempotency_key == key)
    elif status == lifecycle.RUNNING:
        return query.where(_executions.id.in_(_running(trigger_id)))
    elif status in lifecycle.DEAD:
        # their index holds little, and knows status and trigger
        return query.where(apart(_executions.trigger_id) == trigger_id, in_status(status))
    query = query.where(_executions.trigger_id == trigger_id)
    return query if status is None else query.where(in_status(status))


def _running(trigger_id: int) -> sa.Select[tuple[int]]:
    """Few, whatever the trigger: found first, by the index of leases, and sorted then."""
    columns = trigger_executions.alias("running").c
    running = columns.status == sa.literal_column(f"'{lifecycle.RUNNING}'")
    return sa.select(columns.id).where(running, columns.trigger_id + 0 == trigger_id)


def in_status(status: str) -> sa.ColumnElement[bool]:
    """The condition, said so that the partial index for the status is seen to fit.

    The word is one of ours and stands in the statement as it is: no plan sees into a parameter.
    """
    if status not in lifecycle.STATUSES:
        raise InvalidRequest(f"there is no status {status!r}")
    same = _executions.status == sa.literal_column(f"'{status}'")
    if status in lifecycle.DEAD:
        return is_one_of(_executions.status, lifecycle.DEAD) & same
    if status == lifecycle.PENDING:
        return is_one_of(_executions.status, lifecycle.WAITING) & same
    if status == lifecycle.REPLAYED:
        successor = trigger_executions.alias("successor").c
        taken_over = sa.select(successor.replay_of_id).where(successor.replay_of_id.is_not(None))
        return same & _executions.id.in_(taken_over)
    return same


def exact_up_to(status: str | None) -> int:
    """How many executions in this status are counted."""
    return DEAD_EXACT_UP_TO if status in lifecycle.DEAD else EXACT_UP_TO


def horizon(
    connection: Connection, trigger_id: int, status: str | None, where: Where
) -> int | None:
    """Up to which id a page of this status looks; None where all can be looked at.

    No index knows what is completed: among a million others the few might take seconds to find.
    """
    if status != lifecycle.COMPLETED:
        return None
    rows = sa.select(_executions.id).where(_executions.trigger_id == trigger_id)
    return edge(connection, rows, EXECUTION_ID, where)


def execution_count(connection: Connection, counter: Counter, trigger_id: int) -> int:
    """How many executions the trigger has; beyond 10,000 that number."""
    rows = sa.select(_executions.id).where(_executions.trigger_id == trigger_id)
    key = ("executions", trigger_id, None, None)
    counted = counter.upto(connection, rows, EXACT_UP_TO, key)
    return min(counted, EXACT_UP_TO)


def newest_executions(connection: Connection, trigger_id: int) -> list[sa.Row[Any]]:
    query = executions_query(trigger_id).order_by(_executions.id.desc())
    return list(connection.execute(query.limit(NEWEST_SHOWN)))


def audit_query(
    subject: str | None = None, actor: str | None = None, action: str | None = None
) -> sa.Select[Any]:
    """What was changed, of this subject, by this actor, in this way."""
    query = sa.select(audit)
    given = ((audit.c.subject, subject), (audit.c.actor, actor), (audit.c.action, action))
    for column, value in given:
        if value is not None:
            query = query.where(column == value)
    return query


def changes(
    connection: Connection,
    counter: Counter,
    where: Where,
    subject: str | None = None,
    actor: str | None = None,
    action: str | None = None,
) -> Page:
    """The page of such changes, newest first; an index knows those of a subject."""
    rows = audit_query(subject, actor, action)
    indexed = subject is not None or (actor, action) == (None, None)
    horizon = None if indexed else edge(connection, sa.select(AUDIT_ID), AUDIT_ID, where)
    key = ("audit", subject, actor, action)
    return page(connection, counter, rows, AUDIT_ID, where, key, horizon)


def breakers(connection: Connection) -> list[sa.Row[Any]]:
    """The triggers whose target has failed lately."""
    query = (
        sa.select(triggers.c.slug, trigger_breakers)
        .join(triggers, triggers.c.id == trigger_breakers.c.trigger_id)
        .order_by(trigger_breakers.c.trigger_id)
    )
    return list(connection.execute(query))
