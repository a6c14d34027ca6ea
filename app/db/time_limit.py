"""Limit the time that a request waits for the database, over all the waits that it consists of.

A limit for each wait is no limit for their sum: a pool, a new connection, a look-up and a commit
would each take their own five seconds, and the sender would have given up.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event

from app import cooperative
from app.errors import DatabaseUnavailable

GRACE_SECONDS = 0.3
"""Seconds added to a request's limit, so that the server's own error of a held lock arrives first.

That error leaves the connection usable; after a limit it is closed, as its state is unknown.
"""
LEAST_SECONDS = 0.2
"""Seconds that a batch is given at least: one request's limit must not fail the other ones'."""

_until: ContextVar[float | None] = ContextVar("database_until", default=None)
_stop: ContextVar[Event | None] = ContextVar("database_stop", default=None)


class TimeLimit:
    """A context manager that limits the waits of its block to a monotonic time; None: no limit."""

    __slots__ = ("_moment", "_token")

    def __init__(self, moment: float | None) -> None:
        self._moment = moment

    def __enter__(self) -> None:
        self._token = _until.set(self._moment)

    def __exit__(self, *_: object) -> None:
        _until.reset(self._token)


def of(seconds: float) -> TimeLimit:
    """Limit the waits of a block together; an outer limit that ends earlier stays.

    The time of a request counts from its arrival, as far as the server tells that.
    """
    arrived = cooperative.arrived_at()
    ends_at = (time.monotonic() if arrived is None else arrived) + seconds + GRACE_SECONDS
    outer = _until.get()
    return TimeLimit(ends_at if outer is None or ends_at < outer else outer)


def until(moment: float | None) -> TimeLimit:
    """Limit the waits of a block to this monotonic time, in place of any outer limit."""
    return TimeLimit(moment)


def postponed(seconds: float) -> TimeLimit:
    """Let the limit of a block end so much later: its request waited for something else."""
    limit = _until.get()
    return TimeLimit(limit and limit + seconds)


@contextmanager
def stopped_by(event: Event) -> Iterator[None]:
    """End the waits of a block for a lock of SQLite, too, once the event is set.

    A signal handler that only sets an event would otherwise be heard after the whole wait.
    """
    token = _stop.set(event)
    try:
        yield
    finally:
        _stop.reset(token)


def stop() -> Event | None:
    """Return the event that ends waits for a lock; None outside of `stopped_by`."""
    return _stop.get()


def end() -> float | None:
    """Return the monotonic time at which the limit ends; None outside of a limit."""
    return _until.get()


def is_over() -> bool:
    """Return True if the limit has ended."""
    limit = _until.get()
    return limit is not None and time.monotonic() >= limit


def shortest(seconds: float) -> float:
    """Return these seconds, or those that are left of the limit if they are fewer."""
    limit = _until.get()
    return seconds if limit is None else max(0.0, min(seconds, limit - time.monotonic()))


def require() -> None:
    """Raise DatabaseUnavailable if the limit has ended: a wait that begins now is too late."""
    if is_over():
        raise DatabaseUnavailable("the database did not answer within the time limit")
