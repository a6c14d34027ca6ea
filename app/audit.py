"""The audit log: each change writes a row with its actor, in the transaction that makes it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock, masking
from app.db.count_cache import CountCache
from app.db.models import audit
from app.db.paging import Page, PagePosition, edge, page

AUDIT_ID = audit.c.id
LONGEST = {"actor": 200, "origin": 100, "action": 50, "subject": 100}
"""Characters that each column holds; longer text is cut."""

_SEALED = "sealed_"
LOOKED_THROUGH = 200
"""Rows of one subject that `count_since` reads at most."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or program that makes a change, and its address."""

    name: str
    origin: str | None = None
    token_id: int | None = None
    """The id of its token; None for the user of a command. Names may be given again."""


UNNAMED = Actor("unnamed")
"""The actor of code that no person runs: tests and benchmarks."""


def record(
    connection: Connection,
    actor: Actor,
    action: str,
    subject: str,
    *,
    before: Mapping[Any, Any] | None = None,
    after: Mapping[Any, Any] | None = None,
) -> None:
    """Write the audit row of a change; it commits or rolls back together with the change.

    `before` and `after` are stored without secrets; if both are given, only the columns that
    differ.
    """
    if before is not None and after is not None:
        before, after = _difference(before, after)
    named = {"actor": actor.name, "origin": actor.origin, "action": action, "subject": subject}
    # a command writes on older schemas too, which lack the column
    token = {} if actor.token_id is None else {"token_id": actor.token_id}
    connection.execute(
        sa.insert(audit).values(
            at=clock.now(),
            before=_text(before),
            after=_text(after),
            **token,
            **{name: _cut(text, LONGEST[name]) for name, text in named.items()},
        )
    )


def _difference(
    before: Mapping[Any, Any], after: Mapping[Any, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    names = before.keys() | after.keys()
    differing = {name for name in names if before.get(name) != after.get(name)}
    # a change of a masked value shows in the sealed column alone
    changed = sorted(differing | {name.removeprefix(_SEALED) for name in differing} & names)
    return (
        {name: before[name] for name in changed if name in before},
        {name: after[name] for name in changed if name in after},
    )


def _text(values: Mapping[Any, Any] | None) -> str | None:
    return None if values is None else json.dumps(masking.public(values), default=str)


def _cut(text: str | None, length: int) -> str | None:
    return None if text is None else text[:length]


def audit_query(
    subject: str | None = None, actor: str | None = None, action: str | None = None
) -> sa.Select[Any]:
    """Select the changes of this subject, by this actor, of this kind; None selects all."""
    query = sa.select(audit)
    conditions = ((audit.c.subject, subject), (audit.c.actor, actor), (audit.c.action, action))
    for column, value in conditions:
        if value is not None:
            query = query.where(column == value)
    return query


def count_since(
    connection: Connection, subject: str, actions: Sequence[str], since: datetime
) -> int:
    """Return the number of the subject's rows of these actions since then, newest rows only.

    At most LOOKED_THROUGH rows are read, by the index of subjects.
    """
    columns = audit.c
    newest = (
        sa.select(columns.at, columns.action)
        .where(columns.subject == subject)
        .order_by(columns.id.desc())
        .limit(LOOKED_THROUGH)
    )
    rows = connection.execute(newest)
    return sum(1 for row in rows if row.action in actions and row.at > since)


def changes(
    connection: Connection,
    counter: CountCache,
    where: PagePosition,
    subject: str | None = None,
    actor: str | None = None,
    action: str | None = None,
) -> Page:
    """Return the page of these changes, newest first; an index finds those of a subject."""
    rows = audit_query(subject, actor, action)
    indexed = subject is not None or (actor, action) == (None, None)
    horizon = None if indexed else edge(connection, sa.select(AUDIT_ID), AUDIT_ID, where)
    key = ("audit", subject, actor, action)
    return page(connection, counter, rows, AUDIT_ID, where, key, horizon)
