"""Pages of a list, newest first, each found by an index however far down.

A page is selected by number, as older dashboards do, or by the id after which it begins. Numbers
reach as far as rows are counted; ids reach everywhere.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.count_cache import EXACT_UP_TO, CountCache
from app.errors import InvalidRequest

SCAN_ROWS = 5_000
"""Rows scanned for one page of a list that no index covers."""
LAST_ID = 2**63 - 1
"""Highest id that both databases store."""


@dataclass(frozen=True, slots=True)
class PagePosition:
    """The position of a page: its number, or the id before or after which it begins."""

    page: int = 1
    per_page: int = 20
    before_id: int | None = None
    after_id: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, and the number of rows on all pages."""

    rows: list[sa.Row[Any]]
    total: int
    exact: bool
    page: int
    pages: int
    next: int | None
    """The `before_id` of the next page; None on the last."""


def page(
    connection: Connection,
    counter: CountCache,
    rows: sa.Select[Any],
    by: sa.ColumnElement[int],
    position: PagePosition,
    key: Any,
    horizon: int | None = None,
    limit: int = EXACT_UP_TO,
) -> Page:
    """Return a page of these rows, newest first; `by` is the id that they are sorted by.

    Rows are counted up to the limit. With a `horizon` no row beyond that id is read, and the next
    page begins there. Raises InvalidRequest for a page number beyond the limit.
    """
    if horizon is not None:
        rows, key = rows.where(_within(by, position, horizon)), (key, position.after_id, horizon)
    ids = rows.with_only_columns(by, maintain_column_froms=True)
    counted = counter.count_up_to(connection, ids, limit, key)
    fetched = _slice(connection, rows, by, position, limit)
    total = min(counted, limit)
    more = len(fetched) > position.per_page
    shown = fetched[: position.per_page]
    if position.after_id is not None:
        shown.reverse()
        more = bool(shown)  # the row of after_id, at least, follows on the next page
    return Page(
        rows=shown,
        total=total,
        exact=counted <= limit and horizon is None,
        page=position.page,
        pages=-(-total // position.per_page),
        next=shown[-1].id if more and shown else horizon if position.after_id is None else None,
    )


def _within(
    by: sa.ColumnElement[int], position: PagePosition, horizon: int
) -> sa.ColumnElement[bool]:
    """Return the condition of the rows between the start of the page and the horizon."""
    if position.after_id is None:
        return by >= horizon
    return sa.and_(by > _id(position.after_id), by <= _id(horizon))


def edge(
    connection: Connection, ids: sa.Select[int], by: sa.ColumnElement[int], position: PagePosition
) -> int | None:
    """Return the id at which a scan for a page ends; None if it reaches the oldest row."""
    if position.after_id is not None:
        upwards = ids.where(by > _id(position.after_id)).order_by(by.asc())
        last = connection.execute(upwards.offset(SCAN_ROWS).limit(1)).scalar_one_or_none()
        return LAST_ID if last is None else last
    downwards = ids if position.before_id is None else ids.where(by < _id(position.before_id))
    query = downwards.order_by(by.desc()).offset(SCAN_ROWS).limit(1)
    return connection.execute(query).scalar_one_or_none()


def _slice(
    connection: Connection,
    rows: sa.Select[Any],
    by: sa.ColumnElement[int],
    position: PagePosition,
    limit: int,
) -> list[sa.Row[Any]]:
    """Return the rows of the page, and one more if another page follows."""
    if position.after_id is not None:
        query = rows.where(by > _id(position.after_id)).order_by(by.asc())
        return list(connection.execute(query.limit(position.per_page)))
    query = rows.order_by(by.desc()).limit(position.per_page + 1)
    if position.before_id is not None:
        return list(connection.execute(query.where(by < _id(position.before_id))))
    skipped = (position.page - 1) * position.per_page
    if skipped >= limit:
        raise InvalidRequest(f"page numbers reach {limit} rows; use before_id for older ones")
    return list(connection.execute(query.offset(skipped)))


def _id(value: int) -> sa.ColumnElement[int]:
    """Return the id as a 64-bit literal: a large id is no error for a smaller column."""
    return sa.literal(value, sa.BigInteger)
