"""The bell of PostgreSQL: LISTEN and NOTIFY."""

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
APART_SECONDS = 0.02
"""How far apart one process rings at least: thousands of commits a second ring fifty times.

NOTIFY within each transaction would let them commit only one after the other.
"""


class PostgresqlNotifier:
    """LISTEN and NOTIFY, each on a connection beside the pool."""

    troubles: tuple[type[Exception], ...] = (exc.SQLAlchemyError, psycopg.Error, OSError)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._closed = threading.Event()
        self._ringer: threading.Thread | None = None
        self._process = 0

    def notify(self) -> None:
        """Have a thread of this process do it: the caller waits for nothing."""
        if self._ringer is None or self._process != os.getpid():
            self._start()
        self._rung.set()

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """An ear that hears every ring from now on."""
        with self._apart() as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            listener = _PostgresqlListener(connection)
            try:
                yield listener
            finally:
                listener.close()

    def close(self) -> None:
        """The thread ends, and what was rung before is heard: a command is over when it rang."""
        self._closed.set()
        self._rung.set()
        if self._ringer is not None and self._process == os.getpid():
            self._ringer.join()

    def _start(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()  # after a fork the thread is left behind
            self._ringer = threading.Thread(target=self._ring_on, name="bell", daemon=True)
            self._ringer.start()

    def _ring_on(self) -> None:
        while True:
            try:
                with self._apart() as connection:
                    self._ring_with(connection)
                return
            except self.troubles:  # workers find what is due by looking, if later
                if self._closed.wait(1.0):
                    return

    def _ring_with(self, connection: psycopg.Connection[Any]) -> None:
        """Until it is closed, and what was rung before that is heard."""
        while self._rung.wait():
            self._rung.clear()
            connection.execute(f"NOTIFY {CHANNEL}")
            if self._closed.wait(APART_SECONDS) and not self._rung.is_set():
                return

    @contextmanager
    def _apart(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection that takes no place in the pool."""
        pooled = self._engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        assert isinstance(connection, psycopg.Connection)  # noqa: S101 - it is PostgreSQL's bell
        try:
            connection.rollback()
            connection.autocommit = True
            yield connection
        finally:
            connection.close()


class _PostgresqlListener:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._here, self._there = socket.socketpair()

    def wait(self, seconds: float) -> bool:
        select.select([self._connection.fileno(), self._here.fileno()], [], [], seconds)
        heard = list(self._connection.notifies(timeout=0))
        if not heard:
            self._connection.execute("SELECT 1")  # a connection that is gone says nothing either
        return bool(heard)

    def interrupt(self) -> None:
        self._there.send(b".")

    def close(self) -> None:
        self._here.close()
        self._there.close()
