"""Lists that people leaf through, newest first, each page found by an index however far down.

A page is asked for by number, as older dashboards do, or by the id beyond which it begins. Numbers
reach as far as rows are counted; ids reach everywhere.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.count_cache import EXACT_UP_TO, CountCache
from app.errors import InvalidRequest

LOOKED_THROUGH = 5_000
"""How many rows are searched at once for what no index knows."""
LAST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PagePosition:
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
    counter: CountCache,
    rows: sa.Select[Any],
    by: sa.ColumnElement[int],
    where: PagePosition,
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


def _within(by: sa.ColumnElement[int], where: PagePosition, horizon: int) -> sa.ColumnElement[bool]:
    """Between where the page begins and the horizon, whichever way it goes."""
    if where.after_id is None:
        return by >= horizon
    return sa.and_(by > _id(where.after_id), by <= _id(horizon))


def edge(
    connection: Connection, ids: sa.Select[int], by: sa.ColumnElement[int], where: PagePosition
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
    where: PagePosition,
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
