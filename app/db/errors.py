"""Translate database errors into ours, and name the index that refused a row."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import exc

from app.errors import DatabaseUnavailable, Deadlocked, HookonceError, SchemaMoved

IDEMPOTENCY_INDEX = "uq_trigger_idem"
REPLAY_INDEX = "uq_trigger_executions_replay_of"
PAYLOAD_INDEX = "uq_execution_origins_payload"
_INCOMING = "_incoming"
"""Suffix of an index that a migration builds to replace another."""
_SQLITE_UNIQUE_COLUMNS = {
    IDEMPOTENCY_INDEX: "trigger_executions.trigger_id, trigger_executions.idempotency_key",
    REPLAY_INDEX: "trigger_executions.replay_of_id",
    PAYLOAD_INDEX: "execution_origins.of_execution_id, execution_origins.digest",
}
_POSTGRESQL_KEYS = {
    IDEMPOTENCY_INDEX: ("trigger_executions", "trigger_id, idempotency_key"),
    REPLAY_INDEX: ("trigger_executions", "replay_of_id, trigger_id"),
    PAYLOAD_INDEX: ("execution_origins", "of_execution_id, digest, trigger_id"),
}
"""The table of each index, and its columns as PostgreSQL lists them in the detail of an error."""
_UNIQUE_VIOLATION = "23505"
_QUOTED = re.compile(r"\w+(?=\W*$)")
"""The last word of a message: Citus passes on the message of a node without its fields."""
_POSTGRESQL_MISSING = {"42703", "42P01"}  # no such column, no such table
_POSTGRESQL_STALE_PLAN = "0A000"
CLOSED = "hookonce move: "
"""Beginning of the error of a database trigger that refuses writes while a database is moved."""
_POSTGRESQL_DEADLOCK = "40P01"
_POSTGRESQL_LOCK_NOT_AVAILABLE = "55P03"
_POSTGRESQL_READ_ONLY = "25006"
_CAUSES = {
    sqlite3.SQLITE_NOTADB: "DATABASE_URL names another file, or the file is damaged",
    sqlite3.SQLITE_CANTOPEN: "DATABASE_URL names a directory, or a file that cannot be opened here",
}
"""Causes of errors of SQLite, whose messages do not name the file."""
_STATEMENT_MODE = "statement pooling mode"
"""Part of PgBouncer's refusal of every transaction; it closes the connection then."""
_SQLITE_MOVED = re.compile(r"no such (table|column)|has no column named")


@contextmanager
def translated_errors(driver_error: type[Exception] = exc.DBAPIError) -> Iterator[None]:
    """Raise DatabaseUnavailable, SchemaMoved or Deadlocked for errors of SQLAlchemy and the driver.

    IntegrityError and DataError pass: only the caller knows their meaning. SQLite calls it an
    IntegrityError too if a trigger refuses a write because the database is being moved.
    """
    try:
        yield
    except (exc.IntegrityError, exc.DataError) as error:
        if str(error.orig).startswith(CLOSED):
            raise DatabaseUnavailable(str(error.orig)) from error
        raise
    except exc.TimeoutError as error:
        raise DatabaseUnavailable("every database connection is busy") from error
    except (exc.DBAPIError, driver_error) as error:
        original = getattr(error, "orig", None) or error
        raise _error_class(original)(sentence(original)) from error


def sentence(error: BaseException) -> str:
    """Return the driver's message on one line, with the likely cause if it names none."""
    text = " ".join(str(error).split())
    cause = _CAUSES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    if _STATEMENT_MODE in text:
        cause = "set pool_mode = transaction in pgbouncer.ini"
    return f"{text}: {cause}" if cause else text


def _error_class(error: BaseException) -> type[HookonceError]:
    if _schema_moved(error):
        return SchemaMoved
    if getattr(error, "sqlstate", None) == _POSTGRESQL_DEADLOCK:
        return Deadlocked
    return DatabaseUnavailable


def _schema_moved(error: BaseException) -> bool:
    return getattr(error, "sqlstate", None) == _POSTGRESQL_STALE_PLAN or is_missing(error)


def is_missing(error: BaseException) -> bool:
    """Return True if the statement named a table or column that does not exist."""
    sqlstate = getattr(error, "sqlstate", None)
    return sqlstate in _POSTGRESQL_MISSING or bool(_SQLITE_MOVED.search(str(error)))


def is_lock_refused(error: exc.DBAPIError) -> bool:
    """Return True if PostgreSQL gave no lock in time, or ended a deadlock: it may pass later."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    return sqlstate in (_POSTGRESQL_LOCK_NOT_AVAILABLE, _POSTGRESQL_DEADLOCK)


def is_read_only(error: BaseException) -> bool:
    """Return True if the server refused a write because it only reads.

    It is a standby, or a primary that was fenced: a connection to it is of no use any more.
    """
    return getattr(error, "sqlstate", None) == _POSTGRESQL_READ_ONLY


def refused_by(error: exc.DBAPIError) -> str | None:
    """Return the name of the constraint or unique index that refused the row; None on SQLite."""
    name: str | None = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return name


def violates(error: exc.IntegrityError, index: str) -> bool:
    """Return True if this unique index, and no other constraint, refused the row.

    PostgreSQL names the index, or that of a partition or shard. SQLite names its columns, and only
    its error name tells a unique index from NOT NULL, FOREIGN KEY and CHECK.
    """
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return _is_index(diagnosis, index) or _is_of_partition(diagnosis, index)
    if getattr(error.orig, "sqlite_errorname", None) != "SQLITE_CONSTRAINT_UNIQUE":
        return False
    return str(error.orig) == f"UNIQUE constraint failed: {_SQLITE_UNIQUE_COLUMNS[index]}"


def _is_index(diagnosis: Any, index: str) -> bool:
    """Return True if the error names this index, or one of its shards: `<index>_<number>`."""
    if diagnosis.sqlstate != _UNIQUE_VIOLATION:
        return False
    name = diagnosis.constraint_name or "".join(_QUOTED.findall(diagnosis.message_primary or ""))
    return re.fullmatch(rf"{index}({_INCOMING})?(_\d+)?", name) is not None


def _is_of_partition(diagnosis: Any, index: str) -> bool:
    """Return True if a partition's index with the columns of this index refused the row.

    PostgreSQL names the partition's own index, whose name it made up; the detail of the error
    begins with the columns in every language.
    """
    if diagnosis.sqlstate != _UNIQUE_VIOLATION or diagnosis.table_name is None:
        return False
    table, columns = _POSTGRESQL_KEYS[index]
    listed = re.match(r"[^(]*\(([^()]*)\)=", diagnosis.message_detail or "")
    return diagnosis.table_name != table and listed is not None and listed[1] == columns
