"""Interface of the admission store, and what goes in and comes out on either database."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from app.db.schema import Schema
from app.errors import DatabaseUnavailable
from app.executions.creation import NewExecution


class RowRejected(DatabaseUnavailable):
    """A row broke a constraint or has text that the database cannot hold; nothing was kept."""


class ExistingExecution(NamedTuple):
    """An execution that was admitted under a key before."""

    id: int
    digest: str | None
    """Digest of the payload it was admitted with; None for rows that older code wrote."""
    status: str
    finished_seconds: float | None = None
    """Seconds since it finished; None if it has not, and for rows that older code wrote."""


class Statements(Protocol):
    """Look-up and insert of one database; their transaction and errors are the connection's.

    The statement texts name only the columns that `schema` has, so that receiving works on every
    revision that has the unique index.
    """

    def find(self, schema: Schema, trigger_id: int, keys: set[str]) -> dict[str, ExistingExecution]:
        """Return the execution admitted under each key, for those keys that have one.

        A replay carries the key of the first execution, and is never returned.
        """

    def insert(self, schema: Schema, rows: Sequence[NewExecution]) -> list[int]:
        """Insert the executions with their requests; return their ids in the order of `rows`."""


class AdmissionStore(Statements, Protocol):
    """Interface of the admission store; one implementation per database.

    Each call is a transaction of its own, committed when it returns. All raise DatabaseUnavailable
    or SchemaMoved; those that insert also raise RowRejected. After an error nothing was kept.
    """

    def find_or_insert(self, schema: Schema, row: NewExecution) -> int | ExistingExecution:
        """Return the execution admitted under the row's key, or the id of the inserted row."""

    def is_alive(self) -> bool:
        """Return whether the connection still leads to the database, as far as it knows by itself.

        That costs no round trip.
        """

    def close(self) -> None:
        """Close the connection."""
