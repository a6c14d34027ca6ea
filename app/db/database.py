"""The one database of a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy.engine import Connection

from app import cooperative
from app.db.dialects import combines_statements
from app.db.encryption import SecretBox
from app.db.engine import kind_of
from app.db.errors import translated_errors
from app.settings import Settings


class Closing(Protocol):
    """What is to be closed in the end."""

    def close(self) -> None:
        """Nothing is asked of it any more."""


class Database:
    """The one database of this process: hand it around, open nothing else."""

    def __init__(self, settings: Settings) -> None:
        kind = kind_of(settings)
        self.engine = kind.create_engine(settings)
        kind.serve(self.engine, settings)
        self.dedicated: list[Closing] = []
        """What holds a connection besides the pool's, and is closed with them."""
        self.notifier = kind.notifier(self.engine)
        self.secret_box = SecretBox(settings.hookonce_secret_key)
        self._reading = kind.READING

    @cooperative.blocking
    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection whose statements each see what is committed; it holds no lock.

        Raises DatabaseUnavailable or SchemaMoved in place of the driver's errors.
        """
        with translated_errors(), self.engine.connect() as connection:
            yield connection.execution_options(**self._reading)

    @cooperative.blocking
    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at the end or rolled back whole.

        On SQLite it takes the write lock at once: a transaction that reads first and writes
        later loses to any other writer in between. Errors as in `reading`; an IntegrityError
        passes, its reader knows what it means.
        """
        with (
            translated_errors(),
            self.engine.connect() as connection,
            connection.execution_options(hookonce_writes=True).begin(),
        ):
            yield connection

    @contextmanager
    def single_statement(self) -> Iterator[Connection]:
        """For what PostgreSQL says in one statement, which is a transaction of its own there.

        That saves the ways there and back for its BEGIN and its COMMIT. SQLite has a transaction,
        which costs it nothing. Errors as in `writing`.
        """
        with (self.reading if self.combines_statements else self.writing)() as connection:
            yield connection

    @property
    def combines_statements(self) -> bool:
        """Whether one statement can change several tables, as PostgreSQL's can."""
        return combines_statements(self.engine)

    def dispose(self) -> None:
        """Close every connection."""
        self.notifier.close()
        while self.dedicated:
            self.dedicated.pop().close()
        self.engine.dispose()
