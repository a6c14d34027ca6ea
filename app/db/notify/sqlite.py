"""Notifications of SQLite: its change counter, a number in the file that all processes share."""

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

POLL_SECONDS = 0.025
"""Seconds between two reads of the change counter, of a few microseconds each."""


class SqliteNotifier:
    """Reads the change counter, which every commit increments, so that nothing need be sent."""

    troubles: tuple[type[Exception], ...] = (exc.SQLAlchemyError, sqlite3.Error, OSError)

    def __init__(self, engine: Engine) -> None:
        self._path = engine.url.database or ""

    def notify(self) -> None:
        """Do nothing: the commit itself has changed the counter."""

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Yield a listener on a connection of its own: data_version shows others' commits only."""
        status = os.stat(self._path)
        existing_file = f"file:{quote(self._path)}?mode=rw"
        connection = sqlite3.connect(existing_file, uri=True, isolation_level=None)
        try:
            yield _SqliteListener(connection, self._path, (status.st_dev, status.st_ino))
        finally:
            connection.close()

    def close(self) -> None:
        """Do nothing: there is no thread and no connection."""


class _SqliteListener:
    def __init__(
        self, connection: sqlite3.Connection, path: str, identity: tuple[int, int]
    ) -> None:
        self._cursor = connection.cursor()
        self._path = path
        self._identity = identity
        self._interrupted = threading.Event()
        self._known_version = self._version()

    def wait(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (version := self._version()) == self._known_version:
            if time.monotonic() >= until:
                self._require_same_file()
                return False
            if self._interrupted.wait(POLL_SECONDS):
                return False
        self._known_version = version
        return True

    def interrupt(self) -> None:
        self._interrupted.set()

    def _version(self) -> int:
        # https://www.sqlite.org/pragma.html#pragma_data_version
        return int(self._cursor.execute("PRAGMA data_version").fetchone()[0])

    def _require_same_file(self) -> None:
        status = os.stat(self._path)
        if (status.st_dev, status.st_ino) != self._identity:
            raise OSError(f"{self._path} was replaced by another file")
