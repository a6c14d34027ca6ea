"""Cache of triggers: one is looked up for every request, so it is kept for a second."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple

import sqlalchemy as sa

from app import cooperative, log
from app.db import Database
from app.db.id_lists import of_few_lengths
from app.db.models import triggers
from app.errors import (
    DatabaseUnavailable,
    InvalidTrigger,
    SchemaMoved,
    VerificationUnreadable,
)
from app.intake import key, older_rules, sources, verification
from app.intake.group_commit import GroupCommit
from app.intake.message import Json, Verifier, WebhookTrigger
from app.tolerant_json import json_object

FRESH_SECONDS = 1.0
"""A change to a trigger takes effect within this time in every process."""
REMEMBERED_AT_MOST = 10_000
"""Most ids that the cache holds."""
NO_ID = 0
"""Id that is looked up for a text that is no id, so that it costs the same as every id."""
LONGEST_ID = 10
"""Most digits of an id: a larger number is no id on PostgreSQL and an error in its driver."""

REFUSE = "refuse"
"""Value of `missing_key` by which an event without a key is refused."""
WEBHOOK = "webhook"
"""Type of the triggers that receive webhooks; for a sender no others exist, but found ones."""
_SINCE_0001 = (
    triggers.c.id,
    triggers.c.type,
    triggers.c.source,
    triggers.c.secret,
    triggers.c.enabled,
    triggers.c.event_filter,
)
_SINCE_0006 = (
    triggers.c.idempotency_key_from,
    triggers.c.missing_key,
    triggers.c.tolerance_seconds,
)
_SINCE_0007 = (triggers.c.previous_secret, triggers.c.previous_secret_expires_at)
_SINCE_0015 = (triggers.c.sealed_secret, triggers.c.sealed_previous_secret)
_SINCE_0017 = (triggers.c.keep_rows_seconds,)
_SINCE_0022 = (triggers.c.verification,)
_SINCE_0023 = (triggers.c.max_body_bytes,)
_ADDED = (
    _SINCE_0001,
    _SINCE_0006,
    _SINCE_0007,
    _SINCE_0015,
    _SINCE_0017,
    _SINCE_0022,
    _SINCE_0023,
)
_COLUMN_SETS = tuple(tuple(chain(*_ADDED[:count])) for count in range(len(_ADDED), 0, -1))
"""Columns to select, newest schema first."""
TOGETHER_AT_MOST = 100
"""Most ids that one query looks up."""


def _query(columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    """Select triggers by their ids, and whether any trigger's sender has a public key.

    There is always a row; those without a trigger have an empty id.
    """
    every = triggers.alias()
    by_curve: sa.ColumnElement[bool] = every.c.source.in_(sources.checking_curve())
    if _SINCE_0022[0] in set(columns):
        by_curve = sa.or_(by_curve, every.c.verification.like("%jwt%"))
    with_curve = sa.exists().where(by_curve)
    asked = sa.select(with_curve.label("checks_curve")).subquery()
    by_id = triggers.c.id.in_(sa.bindparam("ids", expanding=True))
    return sa.select(asked.c.checks_curve, *columns).select_from(asked.outerjoin(triggers, by_id))


_QUERIES = tuple(_query(columns) for columns in _COLUMN_SETS)
"""The queries, made once: making one takes longer than its answer."""

logger = logging.getLogger("hookonce.intake")


class _Entry(NamedTuple):
    """The trigger of an id, if there is one, and the time until which that is fresh."""

    trigger: WebhookTrigger | None
    until: float


class TriggerCache:
    """Triggers of this database by id, unknown ids included, at most a second old."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.monotonic,
        last_found_id: Callable[[], int] = lambda: 0,
    ) -> None:
        """Keep the functions; `last_found_id`: highest id of the triggers that were taken over."""
        self._database = database
        self._clock = clock
        self._last_found_id = last_found_id
        self._entries: dict[int, _Entry] = {}
        self._row = GroupCommit(self._rows, TOGETHER_AT_MOST)
        self._no_curve_since: float | None = None

    def find(self, trigger_id: str) -> WebhookTrigger | None:
        """Return the trigger, or None if this text is no trigger's id."""
        id_ = parse_id(trigger_id)
        entry = self._fresh(id_) or self._refresh(id_)
        return None if id_ == NO_ID else entry.trigger

    def cached_id(self, trigger_id: str) -> int | None:
        """Return the id of the cached trigger, NO_ID if there is no such; None if not cached."""
        entry = self._fresh(parse_id(trigger_id))
        if entry is None:
            return None
        return NO_ID if entry.trigger is None else entry.trigger.id

    def forget(self, trigger_id: int) -> None:
        """Drop the trigger, so that the next look-up asks the database."""
        self._entries.pop(trigger_id, None)

    def _fresh(self, id_: int) -> _Entry | None:
        entry = self._entries.get(id_)
        return entry if entry is not None and self._clock() < entry.until else None

    @property
    def may_check_curve(self) -> bool:
        """Return False if for a second no trigger whose sender has a public key existed."""
        since = self._no_curve_since
        return since is None or self._clock() < since + FRESH_SECONDS

    def _refresh(self, id_: int) -> _Entry:
        until = self._clock() + FRESH_SECONDS  # from before the query, which may take long
        entry = _Entry(self._look_up(id_), until)
        if len(self._entries) >= REMEMBERED_AT_MOST and id_ not in self._entries:
            self._entries = {}  # senders choose the ids; triggers in use are soon cached again
        self._entries[id_] = entry
        return entry

    def _look_up(self, id_: int) -> WebhookTrigger | None:
        row = self._row(id_)
        is_found = id_ <= self._last_found_id()  # asked for unknown ids too: they cost the same
        if row is None:
            return None
        is_event = (row.type or WEBHOOK) != WEBHOOK
        if is_event and not is_found:
            return None
        secret_box = self._database.secret_box
        return WebhookTrigger(
            id=row.id,
            source=row.source or "custom",
            secret=secret_box.decrypt(row) or "",
            enabled=bool(row.enabled),
            event_filter=_filter(row.id, row.event_filter),
            tolerance_seconds=getattr(row, "tolerance_seconds", None),
            key_from=key.parts(getattr(row, "idempotency_key_from", None)),
            key_required=getattr(row, "missing_key", None) == REFUSE,
            keep_rows_seconds=getattr(row, "keep_rows_seconds", None),
            previous_secret=secret_box.decrypt(row, "previous_secret") or "",
            previous_secret_expires_at=getattr(row, "previous_secret_expires_at", None),
            max_body_bytes=getattr(row, "max_body_bytes", None),
            verifier=_verifier(row.id, getattr(row, "verification", None)),
            older_signature=older_rules.is_accepted(
                row.source or "custom",
                getattr(row, "previous_secret_expires_at", None),
                getattr(row, "idempotency_key_from", None),
            )
            and is_found,
            is_event=is_event,
        )

    @cooperative.offloaded
    def _rows(self, ids: list[int]) -> list[sa.Row[Any] | None]:
        """Return the rows of ids that are looked up at the same time, with one query.

        Senders choose the ids: unknown ones must not cost more than events, which share a commit.
        """
        began = self._clock()
        rows = self._select(of_few_lengths({*ids}))
        if rows[0].checks_curve:
            self._no_curve_since = None
        elif self._no_curve_since is None:
            self._no_curve_since = began
        by_id = {row.id: row for row in rows}
        return [by_id.get(id_) for id_ in ids]

    def _select(self, ids: list[int]) -> Sequence[sa.Row[Any]]:
        """Select the columns that there are; an older schema has fewer."""
        for query in _QUERIES:
            with suppress(SchemaMoved), self._database.reading() as connection:
                return connection.execute(query, {"ids": ids}).all()
        raise DatabaseUnavailable("the table of triggers has none of the known sets of columns")


def parse_id(trigger_id: str) -> int:
    """Return the id that this text names; NO_ID if it names none."""
    is_number = trigger_id.isascii() and trigger_id.isdigit() and len(trigger_id) <= LONGEST_ID
    id_ = int(trigger_id) if is_number else NO_ID
    return id_ if 0 < id_ < 2**31 else NO_ID


def _verifier(trigger_id: int, text: str | None) -> Verifier | None:
    """Return the compiled description, kept as long as its text is the same; None without one.

    Raises VerificationUnreadable where it cannot be compiled: its senders try again, and no other
    way to verify may take its place.
    """
    if not text:
        return None
    try:
        return verification.compiled(text)
    except InvalidTrigger as error:
        log.event(logger, logging.ERROR, "unreadable_verification", trigger_id=trigger_id)
        raise VerificationUnreadable(str(error)) from error


def _filter(trigger_id: int, text: str | None) -> Mapping[str, Json]:
    """Return the parsed filter; if it cannot be parsed, all events pass, so that none is lost."""
    parsed = json_object(text or "{}")
    if parsed is not None:
        return parsed
    log.event(logger, logging.WARNING, "unreadable_event_filter", trigger_id=trigger_id)
    return {}
