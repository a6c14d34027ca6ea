"""Let one migration of a database run at a time, and name the sessions that it waits for."""
# ruff: noqa: S608, these statements contain nothing but constants of this module

import fcntl
import logging
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine import Engine

from app.errors import SessionNeeded
from app.log import event

Pause = Callable[[float], None]
"""Function that waits for so many seconds."""
LOCK_KEY = 0x686F6F6B6F6E6365  # "hookonce"
WATCH_SECONDS = 1.0
"""Seconds between two looks for sessions that the migration waits for."""
_POLL_SECONDS = 0.1
_KEEP_SESSION = """
    SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('idle_session_timeout', 'statement_timeout', 'transaction_timeout')"""
_POOLED = (
    "this database is reached through a pooler, where the lock of a migration would stay behind in "
    "a session of another client; nothing was changed. Set HOOKONCE_DIRECT_DATABASE_URL to the URL "
    "of PostgreSQL itself, or HOOKONCE_POOLER=no if the pooler keeps a session for each client"
)
_TRY = f"SELECT pg_try_advisory_lock({LOCK_KEY})"
_OF_THIS_LOCK = (
    "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
    f"AND l.classid = {LOCK_KEY >> 32} AND l.objid = {LOCK_KEY & 0xFFFFFFFF} "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_IS_HELD = f"SELECT 1 FROM pg_locks AS l WHERE l.pid = pg_backend_pid() AND {_OF_THIS_LOCK}"
_SESSION = "a.pid, a.application_name AS application, a.state, a.xact_start, a.backend_start"
_HOLDER = f"""
    SELECT {_SESSION} FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE {_OF_THIS_LOCK}"""
_BLOCKERS = f"""
    SELECT {_SESSION} FROM pg_stat_activity AS a WHERE a.pid IN (
        SELECT unnest(pg_blocking_pids(b.pid)) FROM pg_stat_activity AS b
        WHERE b.pid = ANY(%(ours)s) AND b.state = 'active'
        AND b.query_start < clock_timestamp() - make_interval(secs => %(seconds)s)
    ) AND NOT a.pid = ANY(%(ours)s)
    UNION ALL
    SELECT 0, 'prepared transaction ' || quote_literal(gid), 'prepared', prepared, prepared
    FROM pg_prepared_xacts WHERE database = current_database() AND EXISTS (
        SELECT FROM pg_stat_activity AS b WHERE b.pid = ANY(%(ours)s) AND b.state = 'active'
        AND b.query_start < clock_timestamp() - make_interval(secs => %(seconds)s)
        AND 0 = ANY(pg_blocking_pids(b.pid))
    ) ORDER BY xact_start"""
"""Sessions that block ours; to PostgreSQL a prepared transaction is process 0."""

log = logging.getLogger("hookonce.migrate")


@contextmanager
def only_migrator(engine: Engine, pause: Pause | None = None) -> Iterator[None]:
    """Let no other migration of this database run until the block ends.

    SQLite: a lock on a file beside the database. PostgreSQL: an advisory lock on a connection
    of its own. Both are polled, with `pause` between two tries, which may raise an error to give
    up: a waiting statement would block concurrent index builds, and a waiting system call hear no
    signal. The system releases both when the process dies. Raises SessionNeeded behind a pooler.
    """
    locked = _locked_file if engine.dialect.name == "sqlite" else _locked_session
    with locked(engine, pause or time.sleep):
        yield


@contextmanager
def _locked_file(engine: Engine, pause: Pause) -> Iterator[None]:
    path = lock_path(Path(str(engine.url.database)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644), "r+") as file:
        if not _is_locked(file):
            event(log, logging.INFO, "migration_waits_for_another", holder=file.read().strip())
            while not _is_locked(file):
                pause(_POLL_SECONDS)
        file.seek(0)
        file.truncate()
        file.write(f"pid {os.getpid()} since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}")
        file.flush()
        yield


def _is_locked(file: IO[str]) -> bool:
    """Try to lock the file; return False if another process holds the lock."""
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def lock_path(database: Path) -> Path:
    """Return the lock file of a database; all names of one file have the same.

    A symbolic link leads to the real path. Hard links may be in several directories, so that the
    lock of such a file is named for the file's number, in the directory of temporary files.
    """
    real = database.resolve()
    try:
        status = real.stat()
    except OSError:
        status = None
    if status is not None and status.st_nlink > 1:
        name = f"hookonce-{status.st_dev}-{status.st_ino}.migrating"
        return Path(tempfile.gettempdir()) / name
    return Path(f"{real}.migrating")


@contextmanager
def _locked_session(engine: Engine, pause: Pause) -> Iterator[None]:
    """Hold the advisory lock; check it before each statement that changes something."""
    pids: list[int] = []
    sa.event.listen(engine, "connect", lambda raw, _record: pids.append(raw.info.backend_pid))
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        if raw.pooled:
            raise SessionNeeded(_POOLED)
        raw.autocommit = True
        raw.execute(_KEEP_SESSION)
        _acquire(raw, pause)
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(raw, pids, ended), daemon=True)
        watch.start()
        check = _checking(raw)
        sa.event.listen(engine, "before_cursor_execute", check)
        try:
            yield
        finally:
            sa.event.remove(engine, "before_cursor_execute", check)
            ended.set()
            watch.join()
            if raw.closed:
                connection.invalidate()  # its rollback would be logged as an error


def _acquire(raw: Any, pause: Pause) -> None:
    """Take the advisory lock; while another session holds it, name that session once."""
    is_logged = False
    while not raw.execute(_TRY).fetchone()[0]:
        holder = raw.execute(_HOLDER).fetchone()
        if holder is not None and not is_logged:
            event(log, logging.INFO, "migration_waits_for_another", **_named(holder))
            is_logged = True
        pause(_POLL_SECONDS * (1 + random.random()))  # noqa: S311, jitter, not a secret


def _checking(raw: Any) -> Callable[..., None]:
    """Return a listener that ends the migration before a change if its lock is lost.

    The server closes the lock's session when it is told to, or when a network between forgets it.
    Another migration then begins, and two would take each other's changes for their own.
    """

    def check(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "SHOW", "EXPLAIN")):
            require_held(raw)

    return check


def require_held(raw: Any) -> None:
    """Raise CommandError unless the session is alive and still holds the lock."""
    try:
        is_held = raw.execute(_IS_HELD).fetchone() is not None
    except Exception:  # of the driver, which is loaded for PostgreSQL only
        is_held = False
    if not is_held:
        raise CommandError(
            "the session that holds the lock of this migration was ended, so another migration may "
            "begin; the revision that was under way is not applied, run the same command again"
        )


def _watch(raw: Any, pids: list[int], ended: threading.Event) -> None:
    """Log each session that a statement of the migration waits for, until `ended` is set."""
    logged: set[int] = set()
    while not ended.wait(WATCH_SECONDS):
        parameters = {"ours": list(pids), "seconds": WATCH_SECONDS}
        try:
            blockers = raw.execute(_BLOCKERS, parameters).fetchall()
        except Exception:  # a lost session is reported by `require_held`
            return
        for blocker in blockers:
            if blocker[0] not in logged:
                event(
                    log,
                    logging.WARNING,
                    "migration_waits_for_transaction",
                    **_named(blocker),
                )
        logged = {blocker[0] for blocker in blockers}


def _named(session: Any) -> dict[str, Any]:
    """Return the fields by which a log line names a session of PostgreSQL."""
    pid, application, state, transaction_began, session_began = session
    return {
        "pid": pid,
        "application": application,
        "state": state,
        "since": (transaction_began or session_began).isoformat(timespec="seconds"),
    }
