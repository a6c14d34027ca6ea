"""Which trigger is meant? Asked for every request, so answered from memory for a second."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa

from app import cooperative, log
from app.db import Database
from app.db.models import triggers
from app.errors import DatabaseUnavailable, SchemaMoved
from app.intake.message import Json, WebhookTrigger

FRESH_SECONDS = 1.0
"""A change to a trigger takes effect within this time in every process."""
REMEMBERED_AT_MOST = 10_000
NO_ID = 0
"""What any other shape is looked up as, so that it costs what every id costs."""
LONGEST_ID = 10
"""Digits; a larger number is no id on PostgreSQL and an error in its driver."""

REFUSE = "refuse"
"""The value of `missing_key` with which an event without a key is not admitted."""
WEBHOOK = "webhook"
"""The type of a trigger that has an address; one of any other type is none to a sender."""
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
_SHAPES = (
    (*_SINCE_0001, *_SINCE_0006, *_SINCE_0007, *_SINCE_0015, *_SINCE_0017),
    (*_SINCE_0001, *_SINCE_0006, *_SINCE_0007, *_SINCE_0015),
    (*_SINCE_0001, *_SINCE_0006, *_SINCE_0007),
    (*_SINCE_0001, *_SINCE_0006),
    _SINCE_0001,
)
"""The columns to ask for, newest schema first."""

logger = logging.getLogger("hookonce.intake")


class _Found(NamedTuple):
    """What was found under an id, and until when that is fresh."""

    trigger: WebhookTrigger | None
    until: float


class TriggerCache:
    """The triggers of this database, unknown ones included, as of a second ago."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._found: dict[int, _Found] = {}

    def find(self, trigger_id: str) -> WebhookTrigger | None:
        """The trigger, or None if there is none by that id, whatever its shape."""
        named = number(trigger_id)
        found = self._fresh(named)
        if found is None:
            found = cooperative.offload(partial(self._looked_up, named))
        return None if named == NO_ID else found.trigger

    def remembered(self, trigger_id: str) -> int | None:
        """The id that this text is known to stand for, NO_ID for none; None if it is not known."""
        found = self._fresh(number(trigger_id))
        if found is None:
            return None
        return NO_ID if found.trigger is None else found.trigger.id

    def forget(self, trigger_id: int) -> None:
        """Ask the database next time."""
        self._found.pop(trigger_id, None)

    def _fresh(self, named: int) -> _Found | None:
        found = self._found.get(named)
        return found if found is not None and self._clock() < found.until else None

    def _looked_up(self, named: int) -> _Found:
        until = self._clock() + FRESH_SECONDS  # however long the database takes to say it
        found = _Found(self._look_up(named), until)
        if len(self._found) >= REMEMBERED_AT_MOST and named not in self._found:
            self._found = {}  # strangers choose the ids; whoever is known is soon known again
        self._found[named] = found
        return found

    def _look_up(self, number: int) -> WebhookTrigger | None:
        row = self._row(number)
        if row is None or (row.type or WEBHOOK) != WEBHOOK:
            return None
        secret_box = self._database.secret_box
        return WebhookTrigger(
            id=row.id,
            source=row.source or "custom",
            secret=secret_box.decrypt(row) or "",
            enabled=bool(row.enabled),
            event_filter=_filter(row.id, row.event_filter),
            tolerance_seconds=getattr(row, "tolerance_seconds", None),
            key_from=key_parts(getattr(row, "idempotency_key_from", None)),
            key_required=getattr(row, "missing_key", None) == REFUSE,
            keep_rows_seconds=getattr(row, "keep_rows_seconds", None),
            previous_secret=secret_box.decrypt(row, "previous_secret") or "",
            previous_secret_expires_at=getattr(row, "previous_secret_expires_at", None),
        )

    def _row(self, number: int) -> sa.Row[Any] | None:
        """The row with the columns that there are; on an older schema they are fewer."""
        for columns in _SHAPES:
            try:
                with self._database.reading() as connection:
                    query = sa.select(*columns).where(triggers.c.id == number)
                    return connection.execute(query).one_or_none()
            except SchemaMoved as error:
                moved = error
        raise DatabaseUnavailable(str(moved)) from moved


def number(trigger_id: str) -> int:
    """The id that this text may name; NO_ID for any other shape."""
    plain = trigger_id.isascii() and trigger_id.isdigit() and len(trigger_id) <= LONGEST_ID
    read = int(trigger_id) if plain else NO_ID
    return read if 0 < read < 2**31 else NO_ID


def key_parts(text: str | None) -> tuple[str, ...]:
    """One part as it is, several as a JSON list."""
    if not text:
        return ()
    return tuple(json.loads(text)) if text.startswith("[") else (text,)


def _filter(trigger_id: int, text: str | None) -> Mapping[str, Json]:
    """A filter that cannot be read lets everything pass: nothing is lost by it."""
    try:
        parsed = json.loads(text or "{}")
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict):
        return parsed
    log.event(logger, logging.WARNING, "unreadable_event_filter", trigger_id=trigger_id)
    return {}
