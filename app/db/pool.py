"""The pool of connections, in which a request waits no longer than its time limit allows."""

import logging

import sqlalchemy as sa

from app.db import time_limit

logging.getLogger(__name__).setLevel(logging.WARNING)  # as SQLAlchemy does for its own pools


class RequestPool(sa.QueuePool):
    """A pool whose time-out is shortened to what is left of the request's time limit."""

    _pool_seconds = 0.0

    @property
    def _timeout(self) -> float:
        return time_limit.shortest(self._pool_seconds)

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        self._pool_seconds = seconds
