"""The column type of every point in time: written as UTC, read in any stored form."""

import logging
from datetime import UTC, datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect

from app import clock, log

logger = logging.getLogger("hookonce.moments")


class _RawResult(sqlite.DATETIME):
    """SQLite's DATETIME without conversion on read: SQLite stores any value in any column."""

    def result_processor(self, _dialect: Dialect, _column_type: object) -> None:
        """Return no processor: SQLAlchemy's own raises at the first odd value."""


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware datetime, stored as UTC without offset, the only form that SQLite has."""

    impl = sa.DateTime().with_variant(_RawResult(), "sqlite")  # type: ignore[no-untyped-call]
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return the time in UTC; a naive datetime raises ValueError, since its zone is unknown."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: object, _dialect: Dialect) -> datetime | None:
        """Return the stored time, aware of its zone; None, with a warning, if it is unreadable."""
        if value is None:
            return None
        time = clock.moment(value)
        if time is None:
            _warn(repr(value)[:80])
        return time


@lru_cache(maxsize=1000)
def _warn(value: str) -> None:
    """Log an unreadable time, once for each value: lists show the same rows again and again."""
    log.event(logger, logging.WARNING, "unreadable_time", found=value)
