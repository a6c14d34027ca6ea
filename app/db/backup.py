"""Copy a SQLite database while traffic goes on, and put such a copy in place of an empty one.

A copy is one snapshot. It is written under another name, and gets its own only when it is complete,
checked and on the disk.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from app.db import schema, version_table
from app.errors import CannotBackUp, CannotRestore, HookonceError

STEP_PAGES = 2_000
"""Pages (of 4 KiB) copied between two calls of `progress`."""
LOCK_SECONDS = 1.0
"""Seconds that a restore waits for other processes to close the database."""
SKIPPED_IDS = 1_000_000
"""Ids that a restore leaves out: more than it lost. Targets may remember those of lost executions,
and would take a new event with such an id for the old one."""
PARTIAL = ".partial"
"""End of the name of a copy that is not complete yet."""
_SIDE_FILES = ("-wal", "-shm", "-journal")
_VERSION_TABLES = (version_table.NAME, version_table.EARLIER)
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
_HAS_RECEIVED_AT = (
    "SELECT 1 FROM pragma_table_info('trigger_executions') WHERE name = 'received_at'"
)
_COUNTS_IDS = (
    "SELECT 1 FROM sqlite_master WHERE name = 'trigger_executions' AND sql LIKE '%AUTOINCREMENT%'"
)
_HIGHEST_ID = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'trigger_executions'"
_NEWEST = "SELECT id, {time} FROM trigger_executions ORDER BY id DESC LIMIT 1"

Progress = Callable[[int, int], None]
"""Function that is called with the pages that remain and their total; it may raise to stop."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The content of a complete and checked copy."""

    path: str
    bytes: int
    revision: str
    executions: int
    newest_id: int | None
    newest_at: datetime | None
    """Time of the newest execution: events acknowledged later are not in the copy."""
    next_id: int | None = None
    """Id of the next execution in a restored database; None in a backup."""


def back_up(database: str, target: str, progress: Progress) -> Copy:
    """Copy the database into a new file; writers go on, and the copy has none of their later rows.

    Raises CannotBackUp, and leaves no file, if the copy cannot be made or is not sound.
    """
    if os.path.lexists(target):
        raise CannotBackUp(f"{target} exists already, and a backup overwrites nothing")
    with _translated(CannotBackUp, f"{database} could not be copied to {target}"):
        return _copy(database, target, progress, CannotBackUp)


def restore(source: str, database: str, progress: Progress) -> Copy:
    """Fill the database, which may be absent or without rows, from the backup.

    Raises CannotRestore, and changes nothing, if a process has the database open, if it has rows,
    or if the backup is not sound or newer than this code.
    """
    database = os.path.realpath(database)  # SQLite keeps its logs beside the file, not the link
    if not os.path.exists(source):
        raise CannotRestore(f"there is no file {source}")
    with _translated(CannotRestore, f"{source} could not be restored to {database}"):
        if not os.path.exists(database):
            _require_no_side_files(database)
            return _copy(source, database, progress, CannotRestore)
        if os.path.samefile(source, database):
            raise CannotRestore(f"{source} is the database itself")
        return _fill(source, database, progress)


def _copy(source: str, target: str, progress: Progress, refusal: type[HookonceError]) -> Copy:
    with _complete_copy(source, target, progress, refusal) as (partial, content):
        _give_to_owner_of_directory(partial)
        _write_through(partial)
        if os.path.lexists(target):  # a migration that started meanwhile creates a database
            raise refusal(f"{target} was created by another process meanwhile, and is kept")
        os.rename(partial, target)
        _write_through(os.path.dirname(os.path.abspath(target)))
    return content


@contextmanager
def _complete_copy(
    source: str, target: str, progress: Progress, refusal: type[HookonceError]
) -> Iterator[tuple[str, Copy]]:
    """Yield a complete and checked copy beside the target, and its content; remove it at the end.

    A copy for a restore leaves out the ids already.
    """
    partial = f"{target}{PARTIAL}"
    if os.path.lexists(partial):
        raise refusal(f"{partial} exists: another copy is being made, or was killed; remove it")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # it holds secrets
    try:
        with closing(_connect(source)) as original, closing(_connect(partial)) as copied:
            _copy_snapshot(original, copied, progress)
            content = _checked(copied, target, refusal)
            if refusal is CannotRestore:
                content = _with_new_ids(copied, content)
        yield partial, content
    finally:
        with suppress(OSError):
            os.unlink(partial)


def _fill(source: str, database: str, progress: Progress) -> Copy:
    """Copy into the existing file, in one transaction that SQLite rolls back if it is cut short.

    A new file under its name would not do: a service that starts meanwhile may have opened the old
    one, and SQLite would write the log of one into the other. The ids are left out in a copy beside
    it: after a kill between two transactions the database would have its rows, and no such gap.
    """
    with closing(_connect(database)) as target:
        _take_alone(target, database)
        _require_no_rows(target, database)
        target.execute("COMMIT")  # the lock stays, and the copy needs a transaction of its own
        with _complete_copy(source, database, progress, CannotRestore) as (partial, content):
            with closing(_connect(partial)) as complete:
                _copy_snapshot(complete, target, progress)
            _checked(target, database, CannotRestore)
    return content


def _copy_snapshot(
    original: sqlite3.Connection, copied: sqlite3.Connection, progress: Progress
) -> None:
    """Copy one snapshot: without the open transaction each commit would begin the copy anew."""
    original.execute("BEGIN")
    original.execute("SELECT count(*) FROM sqlite_master").fetchone()
    original.backup(copied, pages=STEP_PAGES, progress=lambda _, *left: progress(*left))
    original.execute("ROLLBACK")
    copied.execute("PRAGMA journal_mode = DELETE")  # one file, until a service opens it


def _connect(path: str) -> sqlite3.Connection:
    """Open an existing file; where it may be written, as a log beside it needs for being read."""
    mode = "rw" if os.access(path, os.W_OK) else "ro"
    return sqlite3.connect(f"file:{quote(path)}?mode={mode}", uri=True, isolation_level=None)


def _checked(copied: sqlite3.Connection, name: str, refusal: type[HookonceError]) -> Copy:
    """Return the content of the copy; raise the refusal if it is damaged or not ours."""
    fault = copied.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if fault != "ok":
        raise refusal(f"{name} would be damaged: {' '.join(fault.split())}")
    revision = _revision(copied)
    if revision is None:
        raise refusal(f"{name} would be no database of Hookonce: it has no revision")
    if not schema.behind(revision) and revision != schema.history()[-1]:
        raise refusal(
            f"{name} would be at revision {revision}, which this code does not know: use the "
            "release that made it"
        )
    pages, page_bytes = (
        copied.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in ("page_count", "page_size")
    )
    count = copied.execute("SELECT count(*) FROM trigger_executions").fetchone()[0]
    newest_id, newest_at = _newest(copied)
    return Copy(name, pages * page_bytes, revision, count, newest_id, newest_at)


def _with_new_ids(restored: sqlite3.Connection, content: Copy) -> Copy:
    """Let the next execution have an id that no lost one had, if the table counts its ids."""
    if not restored.execute(_COUNTS_IDS).fetchone():
        return content
    highest = max(restored.execute(_HIGHEST_ID).fetchone()[0], content.newest_id or 0) + SKIPPED_IDS
    restored.execute("BEGIN")
    restored.execute("DELETE FROM sqlite_sequence WHERE name = 'trigger_executions'")
    restored.execute("INSERT INTO sqlite_sequence VALUES ('trigger_executions', ?)", (highest,))
    restored.execute("COMMIT")
    return replace(content, next_id=highest + 1)


def _newest(copied: sqlite3.Connection) -> tuple[int | None, datetime | None]:
    """Return id and time of the newest execution; before revision 0012 the time of its start."""
    time = "received_at" if copied.execute(_HAS_RECEIVED_AT).fetchone() else "started_at"
    newest_id, text = copied.execute(_NEWEST.format(time=time)).fetchone() or (None, None)
    return newest_id, _time(text)


def _revision(connection: sqlite3.Connection) -> str | None:
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as shared:
        return schema.current_revision(shared)


def _time(text: str | None) -> datetime | None:
    """Return the time, or None for one that an adopted database holds in another form."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None


def _take_alone(connection: sqlite3.Connection, database: str) -> None:
    """Lock the whole database. An open connection of a service, even an idle one, prevents it."""
    connection.execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000:.0f}")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        raise CannotRestore(
            f"a process has {database} open: stop gunicorn, the workers and other programs first"
        ) from error


def _require_no_rows(connection: sqlite3.Connection, database: str) -> None:
    tables = [name for (name,) in connection.execute(_TABLES) if name not in _VERSION_TABLES]
    for table in tables:
        quoted = '"' + table.replace('"', '""') + '"'
        if connection.execute(f"SELECT 1 FROM {quoted} LIMIT 1").fetchone():  # noqa: S608, quoted
            raise CannotRestore(
                f"{database} has rows in the table {table}, which a restore would remove: "
                "move the file away, together with any -wal and -shm beside it"
            )


def _require_no_side_files(database: str) -> None:
    """Refuse a log that a removed database left: SQLite would write it into the restored one."""
    for end in _SIDE_FILES:
        if os.path.lexists(database + end):
            raise CannotRestore(
                f"there is {database}{end}, but no {database}: stop the processes that still have "
                "the removed file open, and move this one away"
            )


def _give_to_owner_of_directory(path: str) -> None:
    """Give a file that root makes to its directory's owner, so that the service can open it."""
    if os.geteuid() == 0:
        status = os.stat(os.path.dirname(os.path.abspath(path)))
        os.chown(path, status.st_uid, status.st_gid)


def _write_through(path: str) -> None:
    """Have the disk keep the file or directory before anything relies on it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(refusal: type[HookonceError], consequence: str) -> Iterator[Any]:
    """Raise the refusal in place of an error of SQLite or of the file system."""
    try:
        yield
    except (sqlite3.Error, sa.exc.SQLAlchemyError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise refusal(f"{consequence}: {reason}") from error
