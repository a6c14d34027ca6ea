"""Something may be due: how a process that commits an execution wakes the workers that sleep.

A bell only saves waiting. Whoever misses it finds the execution at the next look, a moment later.
"""

import os
import select
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote

import psycopg
from sqlalchemy import exc
from sqlalchemy.engine import Engine

CHANNEL = "hookonce_due"
LOOK_SECONDS = 0.025
"""How often SQLite's change counter is read: no query, a few microseconds each."""
APART_SECONDS = 0.02
"""How far apart one process rings at least: thousands of commits a second ring fifty times.

NOTIFY within each transaction would let them commit only one after the other.
"""
TROUBLES = (exc.SQLAlchemyError, psycopg.Error, sqlite3.Error, OSError)
"""What listening ends with when the database is away."""


class Ear(Protocol):
    """Listens for one worker."""

    def heard(self, seconds: float) -> bool:
        """Whether anything may have been committed; waits for it no longer than this.

        Raises one of TROUBLES when nothing will be heard any more.
        """

    def interrupt(self) -> None:
        """End the waiting at once; another thread may say so."""


class Bell(Protocol):
    """The bell of one database, as one process sees it."""

    def ring(self) -> None:
        """Wake the workers; to be called after the commit. Never waits, never fails."""

    def listening(self) -> Any:
        """A context in which there is an Ear."""

    def close(self) -> None:
        """Ring no more."""


class SqliteBell:
    """Every commit counts up a number in the file that all processes share: nothing to ring."""

    def __init__(self, engine: Engine) -> None:
        self._path = engine.url.database or ""

    def ring(self) -> None:
        """The commit itself was heard."""

    @contextmanager
    def listening(self) -> Iterator[Ear]:
        """An ear with a connection of its own; without one the number says nothing."""
        stands = os.stat(self._path)
        only_if_it_stands = f"file:{quote(self._path)}?mode=rw"
        connection = sqlite3.connect(only_if_it_stands, uri=True, isolation_level=None)
        try:
            yield _SqliteEar(connection, self._path, (stands.st_dev, stands.st_ino))
        finally:
            connection.close()

    def close(self) -> None:
        """There is nothing to end."""


class _SqliteEar:
    def __init__(
        self, connection: sqlite3.Connection, path: str, identity: tuple[int, int]
    ) -> None:
        self._cursor = connection.cursor()
        self._path = path
        self._identity = identity
        self._interrupted = threading.Event()
        self._seen = self._version()

    def heard(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (version := self._version()) == self._seen:
            if time.monotonic() >= until:
                self._require_the_same_file()
                return False
            if self._interrupted.wait(LOOK_SECONDS):
                return False
        self._seen = version
        return True

    def interrupt(self) -> None:
        self._interrupted.set()

    def _version(self) -> int:
        # https://www.sqlite.org/pragma.html#pragma_data_version
        return int(self._cursor.execute("PRAGMA data_version").fetchone()[0])

    def _require_the_same_file(self) -> None:
        stands = os.stat(self._path)
        if (stands.st_dev, stands.st_ino) != self._identity:
            raise OSError(f"another file stands in the place of {self._path}")


class PostgresqlBell:
    """LISTEN and NOTIFY, each on a connection beside the pool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._closed = threading.Event()
        self._ringer: threading.Thread | None = None
        self._process = 0

    def ring(self) -> None:
        """Have a thread of this process do it: the caller waits for nothing."""
        if self._ringer is None or self._process != os.getpid():
            self._start()
        self._rung.set()

    @contextmanager
    def listening(self) -> Iterator[Ear]:
        """An ear that hears every ring from now on."""
        with self._apart() as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            ear = _PostgresqlEar(connection)
            try:
                yield ear
            finally:
                ear.close()

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
            except TROUBLES:  # workers find what is due by looking, if later
                if self._closed.wait(1.0):
                    return

    def _ring_with(self, connection: "psycopg.Connection[Any]") -> None:
        """Until it is closed, and what was rung before that is heard."""
        while self._rung.wait():
            self._rung.clear()
            connection.execute(f"NOTIFY {CHANNEL}")
            if self._closed.wait(APART_SECONDS) and not self._rung.is_set():
                return

    @contextmanager
    def _apart(self) -> Iterator["psycopg.Connection[Any]"]:
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


class _PostgresqlEar:
    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        self._here, self._there = socket.socketpair()

    def heard(self, seconds: float) -> bool:
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
