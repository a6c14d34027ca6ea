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

from app.db.notify import CannotListen, Listener
from app.db.postgresql_connection import PostgresqlConnection

CHANNEL = "hookonce_due"
_NOTIFY = (
    f"SELECT pg_notify('{CHANNEL}', '') WHERE NOT current_setting('transaction_read_only')::boolean"
)
"""NOTIFY, and no row on a server that was fenced: the workers listen to another one by now."""
INTERVAL_SECONDS = 0.02
"""Shortest time between two NOTIFY of a process: thousands of commits a second need only fifty.

NOTIFY inside each transaction would make all transactions commit one after the other.
"""


class PostgresqlNotifier:
    """LISTEN and NOTIFY, each on a connection beside the pool.

    `listening_engine` is that of the direct URL, if there is one: no notification comes through a
    pooler that gives each transaction to another session.
    """

    troubles: tuple[type[Exception], ...] = (exc.SQLAlchemyError, psycopg.Error, OSError)

    def __init__(self, engine: Engine, listening_engine: Engine) -> None:
        self._engine, self._listening_engine = engine, listening_engine
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
        with _own_connection(self._listening_engine) as connection:
            if connection.pooled:
                raise CannotListen(
                    "LISTEN needs a session of its own, which a pooler does not give: workers look "
                    "for executions 20 times a second; set HOOKONCE_DIRECT_DATABASE_URL to the URL "
                    "of PostgreSQL itself, or HOOKONCE_POOLER=no if the pooler keeps sessions"
                )
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
                with _own_connection(self._engine) as connection:
                    self._send(connection)
                return
            except self.troubles:  # workers poll meanwhile, and start executions later
                if self._closed.wait(1.0):
                    return

    def _send(self, connection: psycopg.Connection[Any]) -> None:
        """Send NOTIFY on each request, until closed and nothing is pending."""
        while self._requested.wait():
            self._requested.clear()
            if connection.execute(_NOTIFY).fetchone() is None:
                raise psycopg.errors.ReadOnlySqlTransaction("the server takes no writes any more")
            if self._closed.wait(INTERVAL_SECONDS) and not self._requested.is_set():
                return


@contextmanager
def _own_connection(engine: Engine) -> Iterator[PostgresqlConnection]:
    """Yield a connection that is detached from the pool, and close it in the end."""
    pooled = engine.raw_connection()
    connection = pooled.driver_connection
    pooled.detach()
    assert isinstance(connection, PostgresqlConnection)  # noqa: S101 - the engine is PostgreSQL's
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
            self._require_writable()
        return bool(notifications)

    def _require_writable(self) -> None:
        """Raise an error of the driver if the connection is lost, or its server was fenced."""
        row = self._connection.execute("SHOW transaction_read_only").fetchone()
        if row == ("on",):
            raise psycopg.errors.ReadOnlySqlTransaction("the server takes no writes any more")

    def interrupt(self) -> None:
        self._interrupt.send(b".")

    def close(self) -> None:
        self._interrupted.close()
        self._interrupt.close()
