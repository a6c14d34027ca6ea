"""The bell of SQLite: a number in the file that all processes share."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from sqlalchemy import exc
from sqlalchemy.engine import Engine

from app.db.notify import Listener

LOOK_SECONDS = 0.025
"""How often SQLite's change counter is read: no query, a few microseconds each."""


class SqliteNotifier:
    """Every commit counts up a number in the file that all processes share: nothing to ring."""

    troubles: tuple[type[Exception], ...] = (exc.SQLAlchemyError, sqlite3.Error, OSError)

    def __init__(self, engine: Engine) -> None:
        self._path = engine.url.database or ""

    def notify(self) -> None:
        """The commit itself was heard."""

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """An ear with a connection of its own; without one the number says nothing."""
        stands = os.stat(self._path)
        only_if_it_stands = f"file:{quote(self._path)}?mode=rw"
        connection = sqlite3.connect(only_if_it_stands, uri=True, isolation_level=None)
        try:
            yield _SqliteListener(connection, self._path, (stands.st_dev, stands.st_ino))
        finally:
            connection.close()

    def close(self) -> None:
        """There is nothing to end."""


class _SqliteListener:
    def __init__(
        self, connection: sqlite3.Connection, path: str, identity: tuple[int, int]
    ) -> None:
        self._cursor = connection.cursor()
        self._path = path
        self._identity = identity
        self._interrupted = threading.Event()
        self._seen = self._version()

    def wait(self, seconds: float) -> bool:
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
