"""Notifications of PostgreSQL: LISTEN and NOTIFY."""

import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import exc
from sqlalchemy.engine import Engine

from app.db.notify import Listener

CHANNEL = "hookonce_due"
INTERVAL_SECONDS = 0.02
"""Shortest time between two NOTIFY of a process: thousands of commits a second need only fifty.

NOTIFY inside each transaction would make all transactions commit one after the other.
"""


class PostgresqlNotifier:
    """LISTEN and NOTIFY, each on a connection beside the pool."""

    troubles: tuple[type[Exception], ...] = (exc.SQLAlchemyError, psycopg.Error, OSError)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._requested = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._process = 0

    def notify(self) -> None:
        """Ask the thread of this process for a NOTIFY; the caller does not wait."""
        if self._thread is None or self._process != os.getpid():
            self._start()
        self._requested.set()

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Yield a listener that receives every NOTIFY from now on."""
        with self._own_connection() as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            listener = _PostgresqlListener(connection)
            try:
                yield listener
            finally:
                listener.close()

    def close(self) -> None:
        """End the thread once it has sent pending notifications: a command may exit after this."""
        self._closed.set()
        self._requested.set()
        if self._thread is not None and self._process == os.getpid():
            self._thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()  # a fork does not copy the thread
            self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                with self._own_connection() as connection:
                    self._send(connection)
                return
            except self.troubles:  # workers poll meanwhile, and start executions later
                if self._closed.wait(1.0):
                    return

    def _send(self, connection: psycopg.Connection[Any]) -> None:
        """Send NOTIFY on each request, until closed and nothing is pending."""
        while self._requested.wait():
            self._requested.clear()
            connection.execute(f"NOTIFY {CHANNEL}")
            if self._closed.wait(INTERVAL_SECONDS) and not self._requested.is_set():
                return

    @contextmanager
    def _own_connection(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection that is detached from the pool, and close it in the end."""
        pooled = self._engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        assert isinstance(connection, psycopg.Connection)  # noqa: S101 - the engine is PostgreSQL's
        try:
            connection.rollback()
            connection.autocommit = True
            yield connection
        finally:
            connection.close()


class _PostgresqlListener:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._interrupted, self._interrupt = socket.socketpair()

    def wait(self, seconds: float) -> bool:
        select.select([self._connection.fileno(), self._interrupted.fileno()], [], [], seconds)
        notifications = list(self._connection.notifies(timeout=0))
        if not notifications:
            self._connection.execute("SELECT 1")  # raises if the connection is gone
        return bool(notifications)

    def interrupt(self) -> None:
        self._interrupt.send(b".")

    def close(self) -> None:
        self._interrupted.close()
        self._interrupt.close()
