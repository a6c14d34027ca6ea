"""Run migrations: one at a time, with short lock timeouts and retries, without orphaned rows."""

import fcntl
import logging
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine, make_url

from app.log import event

LOCK_KEY = 0x686F6F6B6F6E6365  # "hookonce"
LOCK_TIMEOUT_MILLISECONDS = 500
"""Lock timeout of a statement: while it waits for a lock, every writer waits behind it."""
RETRY_LIMIT_SECONDS = 300.0
"""Time after which a migration that cannot get its locks gives up."""
RETRY_SECONDS = (0.5, 2.0)
"""Range of the random wait between two tries: two that collided must not collide again."""
OLDEST_SQLITE = (3, 35, 0)
_POLL_SECONDS = 0.1
_WORTH_RETRYING = {"55P03", "40P01"}  # lock not available, deadlock

log = logging.getLogger("hookonce.migrate")


@contextmanager
def in_one_line(engine: Engine) -> Iterator[None]:
    """Turn errors of the database or its files into one sentence without a traceback."""
    try:
        yield
    except exc.DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        if error.statement is None:  # the connection failed, not a statement
            raise CommandError(
                f"the database could not be reached: {reason}; "
                "run the same command again once the cause is gone"
            ) from error
        raise CommandError(
            f"{engine.dialect.name} {_version(engine)}: {reason}; the revision that was under way "
            "is not applied, run the same command again once the cause is gone"
        ) from error
    except OSError as error:
        raise CommandError(f"{error.strerror}: {error.filename}") from error


def require_version(engine: Engine) -> None:
    """Raise CommandError if SQLite is too old for the migrations."""
    if engine.dialect.name == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise CommandError(
            f"SQLite {sqlite3.sqlite_version} cannot drop a column or index a part of a table "
            f"safely: Python here needs SQLite {oldest} or newer; nothing was changed"
        )


def _version(engine: Engine) -> str:
    return ".".join(str(part) for part in engine.dialect.server_version_info or ("(unknown)",))


@contextmanager
def only_migrator(engine: Engine) -> Iterator[None]:
    """Let no other migration of this database run until the block ends.

    SQLite: a lock on a file beside the database. PostgreSQL: an advisory lock on a connection
    of its own; it is polled, since a waiting statement would block concurrent index builds. The
    system releases both when the process dies.
    """
    if engine.dialect.name == "sqlite":
        path = Path(str(make_url(engine.url).database) + ".migrating")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log_that_another_runs()
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        try_lock = sa.select(sa.func.pg_try_advisory_lock(LOCK_KEY))
        locked = connection.scalar(try_lock)
        if not locked:
            _log_that_another_runs()
        while not (locked or connection.scalar(try_lock)):
            time.sleep(_POLL_SECONDS * (1 + random.random()))  # noqa: S311, jitter, not a secret
        yield


def _log_that_another_runs() -> None:
    event(log, logging.INFO, "migration_waits_for_another")


def with_lock_retries(engine: Engine, migrate: Callable[[Connection], None]) -> None:
    """Run `migrate`, and again after each lock timeout or deadlock.

    Raises CommandError if locks cannot be had for RETRY_LIMIT_SECONDS.
    """
    deadline = time.monotonic() + RETRY_LIMIT_SECONDS
    while True:
        try:
            with engine.connect() as connection:
                _prepare(connection)
                migrate(connection.execution_options(hookonce_writes=True))
            return
        except exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _WORTH_RETRYING:
                raise
            if time.monotonic() > deadline:
                raise CommandError(
                    f"a lock was held by others for {RETRY_LIMIT_SECONDS:.0f} s; revisions already "
                    "applied stay applied, run the same command again"
                ) from error
            event(log, logging.WARNING, "migration_waits_for_lock", error=str(error.orig).strip())
            time.sleep(random.uniform(*RETRY_SECONDS))  # noqa: S311, jitter, not a secret


def orphan_count(connection: Connection) -> int:
    """Count rows whose parent is missing: SQLite migrates with foreign keys off."""
    if connection.dialect.name != "sqlite":
        return 0  # PostgreSQL always checks foreign keys
    return len(connection.exec_driver_sql("PRAGMA foreign_key_check").all())


def _prepare(connection: Connection) -> None:
    """Set what must be set before the first transaction of the session."""
    raw = connection.connection.dbapi_connection
    assert raw is not None  # noqa: S101, for the type checker: the connection is open
    if connection.dialect.name == "sqlite":
        raw.execute("PRAGMA foreign_keys = OFF")
        return
    raw.autocommit = True
    raw.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}")
    raw.execute("SET statement_timeout = 0")
    raw.autocommit = False
