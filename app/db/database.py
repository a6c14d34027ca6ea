"""The database of a process: its engine, its transactions, and its notifier."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sqlalchemy.engine import Connection

from app import cooperative
from app.db import time_limit
from app.db.deduplication import IndexAlarm
from app.db.dialects import combines_statements
from app.db.encryption import SecretBox
from app.db.engine import kind_of
from app.db.errors import translated_errors
from app.settings import Settings


class Closing(Protocol):
    """An object that holds a connection until it is closed."""

    def close(self) -> None:
        """Close its connection."""


class Database:
    """The database of this process: pass it around, and open no other."""

    def __init__(self, settings: Settings) -> None:
        kind = kind_of(settings)
        self.engine = kind.create_engine(settings)
        kind.serve(self.engine, settings)
        self.dedicated: list[Closing] = []
        """Objects with a connection of their own, outside the pool, and closed with it."""
        self.notifier = kind.notifier(self.engine, settings)
        self.index_alarm = IndexAlarm()
        self.secret_box = SecretBox(settings.hookonce_secret_key)
        self.timeout_seconds = settings.hookonce_database_timeout_seconds
        self._reading = kind.READING

    def time_limit(self) -> AbstractContextManager[None]:
        """Return a context manager that limits the waits for this database in its block."""
        return time_limit.of(self.timeout_seconds)

    @cooperative.blocking
    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection whose statements each see what is committed; it holds no lock.

        Raises DatabaseUnavailable or SchemaMoved in place of the driver's errors, and
        BlocksAnsweringThread on an answering thread.
        """
        time_limit.require()
        with translated_errors(), self.engine.connect() as connection:
            yield connection.execution_options(**self._reading)

    @cooperative.blocking
    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open one transaction, which is committed at the end or rolled back whole.

        On SQLite it takes the write lock at once: a transaction that reads first and writes
        later loses to any other writer in between. Errors as in `reading`; an IntegrityError is
        passed on, as the caller knows which constraint it may break.
        """
        time_limit.require()
        with (
            translated_errors(),
            self.engine.connect() as connection,
            connection.execution_options(hookonce_writes=True).begin(),
        ):
            yield connection

    @contextmanager
    def single_statement(self) -> Iterator[Connection]:
        """Open a connection for work that is one statement on PostgreSQL, and so one transaction.

        That saves the round trips for BEGIN and COMMIT. SQLite gets a transaction, which costs
        nothing there. Errors as in `writing`.
        """
        with (self.reading if self.combines_statements else self.writing)() as connection:
            yield connection

    @property
    def combines_statements(self) -> bool:
        """Return whether one statement can change several tables, as PostgreSQL's can."""
        return combines_statements(self.engine)

    @property
    def directory(self) -> str | None:
        """Directory of the SQLite file; None for a server, whose disk this process cannot see."""
        if self.engine.dialect.name != "sqlite":
            return None
        return os.path.dirname(os.path.abspath(self.engine.url.database or ""))

    def dispose(self) -> None:
        """Close every connection."""
        self.notifier.close()
        while self.dedicated:
            self.dedicated.pop().close()
        self.engine.dispose()
