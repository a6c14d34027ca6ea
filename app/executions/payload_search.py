"""Search executions by text in their payload, as far as a page may take.

No index covers the text, unless an operator of PostgreSQL made one. So rows are scanned in parts,
newest first, until a page is full or the time is over; the page tells where to continue.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import has_text_index
from app.db.models import trigger_executions
from app.db.paging import SCAN_ROWS, Page, PagePosition

PART_ROWS = 100
"""Rows of the first part of the scan: one statement, whose payloads may have a megabyte each."""
LARGEST_PART = 400
"""Rows of the largest part, after quick ones: fewer statements, and none is long."""
QUICK_SECONDS = 0.02
"""Seconds of a quick part, after which the next one is larger; after any other it is small."""
SECONDS = 0.5
"""Seconds after which a page begins no further part."""
HEAD = 2_000
"""Characters at the beginning of an event in which its type is looked for."""
_id = trigger_executions.c.id
_event = trigger_executions.c.event_data


@dataclass(slots=True)
class Scan:
    """A scan of the rows of one page; it ends at `edge`, which is None at the last row."""

    wanted: int
    rows: list[sa.Row[Any]]
    edge: int | None


def contains_text(text: str) -> sa.ColumnElement[bool]:
    """Return the condition that the stored event contains the text, in any case of ASCII letters.

    In an event the text may be written as JSON escapes it, with or without characters beyond ASCII.
    """
    forms = {text, *(json.dumps(text, ensure_ascii=each)[1:-1] for each in (True, False))}
    return sa.or_(*[_event.ilike(f"%{_escaped(each)}%", escape="!") for each in sorted(forms)])


def _escaped(text: str) -> str:
    """Escape the characters that LIKE interprets."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def has_type(event_type: str) -> sa.ColumnElement[bool]:
    """Return the condition that the event is of this type, exactly."""
    head = sa.func.substr(_event, 1, HEAD)
    forms = {
        f'"event_type":{space}{json.dumps(event_type, ensure_ascii=each)}'
        for space in ("", " ")
        for each in (True, False)
    }
    # LIKE knows no case in SQLite; `replace` does in both databases
    return sa.or_(*[sa.func.replace(head, form, "") != head for form in sorted(forms)])


def page(
    connection: Connection, rows: sa.Select[Any], ids: sa.Select[int], position: PagePosition
) -> Page:
    """Return a page of `rows`, newest first; `ids` selects the rows that are scanned for it."""
    upwards = position.after_id is not None
    if has_text_index(connection, trigger_executions.name, _event.name):
        ids = ids.where(sa.false())  # the first part is the whole
    scan = _scanned(connection, rows, ids, position)
    shown = scan.rows[: position.per_page]
    full = len(scan.rows) > position.per_page
    next_id = shown[-1].id if full else scan.edge
    if upwards:
        shown.reverse()
        next_id = shown[-1].id if shown else None
    return Page(shown, len(shown), next_id is None, 1, 1, next_id)


def _scanned(
    connection: Connection, rows: sa.Select[Any], ids: sa.Select[int], position: PagePosition
) -> Scan:
    upwards = position.after_id is not None
    cursor = position.after_id if upwards else position.before_id
    scan = Scan(position.per_page + 1, [], None)
    began = time.monotonic()
    ends_at = began + SECONDS
    scanned, size = 0, PART_ROWS
    while scanned < SCAN_ROWS:
        size = min(size, SCAN_ROWS - scanned)
        beyond = _beyond(cursor, upwards=upwards)
        part = ids.where(beyond).order_by(_order(upwards)).offset(size - 1).limit(1)
        scan.edge = connection.execute(part).scalar_one_or_none()
        matching = rows.where(beyond, _up_to(scan.edge, upwards=upwards))
        matching = matching.order_by(_order(upwards)).limit(scan.wanted - len(scan.rows))
        scan.rows += connection.execute(matching).all()
        cursor, ended = scan.edge, time.monotonic()
        if cursor is None or len(scan.rows) >= scan.wanted or ended >= ends_at:
            break
        scanned += size
        size = min(2 * size, LARGEST_PART) if ended - began < QUICK_SECONDS else PART_ROWS
        began = ended
    return scan


def _order(upwards: bool) -> sa.ColumnElement[int]:
    return _id.asc() if upwards else _id.desc()


def _beyond(cursor: int | None, *, upwards: bool) -> sa.ColumnElement[bool]:
    if cursor is None:
        return sa.true()
    return _id > _literal(cursor) if upwards else _id < _literal(cursor)


def _up_to(edge: int | None, *, upwards: bool) -> sa.ColumnElement[bool]:
    if edge is None:
        return sa.true()
    return _id <= _literal(edge) if upwards else _id >= _literal(edge)


def _literal(value: int) -> sa.ColumnElement[int]:
    return sa.literal(value, sa.BigInteger)
