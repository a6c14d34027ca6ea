"""Which trigger is meant? Asked for every request, so answered from memory for a second."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping

import sqlalchemy as sa
from cachetools import TTLCache

from app import log
from app.db import Database
from app.errors import DatabaseUnavailable, SchemaMoved
from app.intake.message import Json, Trigger
from app.models import triggers

FRESH_SECONDS = 1.0
"""A change to a trigger takes effect within this time in every process."""
REMEMBERED_AT_MOST = 10_000
LONGEST_ID = 10
"""Digits; a larger number is no id on PostgreSQL and an error in its driver."""

logger = logging.getLogger("hookonce.intake")


class Triggers:
    """The triggers of this database, unknown ones included, as of a second ago."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._remembered: TTLCache[int, Trigger | None] = TTLCache(
            REMEMBERED_AT_MOST, FRESH_SECONDS, clock
        )
        self._lock = threading.Lock()

    def find(self, trigger_id: str) -> Trigger | None:
        """The trigger, or None if there is none by that id, whatever its shape."""
        number = _number(trigger_id)
        if number is None:
            return None
        with self._lock:
            if number in self._remembered:
                return self._remembered[number]
        found = self._look_up(number)
        with self._lock:
            self._remembered[number] = found
        return found

    def forget(self, trigger_id: int) -> None:
        """Ask the database next time."""
        with self._lock:
            self._remembered.pop(trigger_id, None)

    def _look_up(self, number: int) -> Trigger | None:
        columns = triggers.c
        query = sa.select(
            columns.id, columns.source, columns.secret, columns.enabled, columns.event_filter
        ).where(columns.id == number)
        try:
            with self._database.reading() as connection:
                row = connection.execute(query).one_or_none()
        except SchemaMoved as error:
            raise DatabaseUnavailable(str(error)) from error
        if row is None:
            return None
        return Trigger(
            id=row.id,
            source=row.source or "custom",
            secret=row.secret or "",
            enabled=bool(row.enabled),
            event_filter=_filter(row.id, row.event_filter),
        )


def _number(trigger_id: str) -> int | None:
    plain = trigger_id.isascii() and trigger_id.isdigit() and len(trigger_id) <= LONGEST_ID
    number = int(trigger_id) if plain else 0
    return number if 0 < number < 2**31 else None


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
