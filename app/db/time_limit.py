"""Limit the time that a request waits for the database, over all the waits that it consists of.

A limit for each wait is no limit for their sum: a pool, a new connection, a look-up and a commit
would each take their own five seconds, and the sender would have given up.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from app import cooperative
from app.errors import DatabaseUnavailable

GRACE_SECONDS = 0.3
"""Seconds added to a request's limit, so that the server's own error of a held lock arrives first.

That error leaves the connection usable; after a limit it is closed, as its state is unknown.
"""
LEAST_SECONDS = 0.2
"""Seconds that a batch is given at least: one request's limit must not fail the other ones'."""

_until: ContextVar[float | None] = ContextVar("database_until", default=None)


@contextmanager
def of(seconds: float) -> Iterator[None]:
    """Limit the waits of this block together; an outer limit that ends earlier stays.

    The time of a request counts from its arrival, as far as the server tells that.
    """
    arrived = cooperative.arrived_at()
    began = time.monotonic() if arrived is None else arrived
    ends_at = began + seconds + GRACE_SECONDS
    with until(min(ends_at, _until.get() or ends_at)):
        yield


@contextmanager
def until(moment: float | None) -> Iterator[None]:
    """Limit the waits of this block to this monotonic time, in place of any outer limit."""
    token = _until.set(moment)
    try:
        yield
    finally:
        _until.reset(token)


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
