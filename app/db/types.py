"""The column type of every moment: written as UTC, read as whatever stands there."""

import logging
from datetime import UTC, datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect

from app import clock, log

logger = logging.getLogger("hookonce.moments")


class _AsItStands(sqlite.DATETIME):
    """Written as ever; read as whatever stands there, since SQLite keeps anything in any column."""

    def result_processor(self, _dialect: Dialect, _column_type: object) -> None:
        """Nothing is done to it: the usual reading ends in an error at the first odd value."""


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware moment, stored as UTC without offset: SQLite has no other form, so neither do we."""

    impl = sa.DateTime().with_variant(_AsItStands(), "sqlite")  # type: ignore[no-untyped-call]
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuses a naive moment, which could mean any place on earth."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: object, _dialect: Dialect) -> datetime | None:
        """The stored moment, aware again; None, and a warning, for what a found row calls one."""
        if value is None:
            return None
        read = clock.moment(value)
        if read is None:
            _warn(repr(value)[:80])
        return read


@lru_cache(maxsize=1000)
def _warn(value: str) -> None:
    """Once for each value: a list shows the same rows again and again."""
    log.event(logger, logging.WARNING, "unreadable_time", found=value)
