"""A step on a large table of SQLite leaves what it leaves in place, and holds no lock long."""

import itertools
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine import Engine

from app import health
from app.db import Database
from app.db.migration_ops import gentle, orphans, preparation, shadow
from app.settings import from_environment
from tests.support import found_databases
from tests.support.databases import migrate
from tests.support.killing import killed_at
from tests.support.revisions import before
from tests.support.schema_dump import Schema, data, execute, schema, stashes
from tests.support.seeding import seed, seed_bare
from tests.support.thorough import THOROUGH, some

REMAINS = "SELECT name FROM sqlite_master WHERE name LIKE '\\_hookonce\\_shadow%' ESCAPE '\\'"
LONG = re.compile(
    r"CREATE (UNIQUE )?INDEX \S+ ON \"?trigger_executions\b|"
    r"SELECT (count|max)\(.* FROM trigger_executions\b|ALTER TABLE \S+ DROP COLUMN|"
    r"INSERT INTO _stash_\S+ \(.* FROM trigger_executions\b|DROP TABLE _stash|"
    r"UPDATE trigger_executions SET (?!.*(kept\.|\b)rowid (BETWEEN|<=))(?!next_attempt_at = NULL)|"
    r"DELETE FROM execution(?!.*rowid (BETWEEN|<=))|"
    r"CREATE TABLE \S+ AS SELECT (?!.*WHERE (false|0|1 = 0)$)|"
    r"SELECT count\(\*\) FROM (_stash|execution)",
    re.IGNORECASE | re.DOTALL,
)
"""Statements that read a whole table of executions."""
CHANGES = re.compile(
    r"\s*(CREATE TABLE \S+ AS )?(?P<planned>(SELECT|UPDATE|DELETE|INSERT)\b.*)", re.DOTALL
)
BOUNDED = re.compile(r"LIMIT \d|WHERE (false|0)$|INSERT INTO \"_hookonce_shadow_", re.MULTILINE)
"""Statements that read few rows, or the rows of one batch."""
READS_FROM_THE_BEGINNING = re.compile(
    r"SCAN (trigger_executions|execution_\w+)\b(?!.* INDEX ix_trigger_executions_(due|leased)\b)|"
    r"SEARCH (trigger_executions|execution_\w+) USING INTEGER PRIMARY KEY \(rowid<\?\)"
)
"""Parts of a plan of SQLite; two partial indexes have only unfinished executions."""
LARGE = re.compile(r"trigger_executions|execution_\w+")
REVISIONS = ["0002", "0013", "0003", "0009", "0008", "0011", "0012"]
pytestmark = pytest.mark.usefixtures("every_table_is_large")
STRIDE = 7 if THOROUGH else 29
KILLED = [("0012", False), ("0013", False), ("0008", True)]
State = tuple[Schema, object, set[str]]


@contextmanager
def in_place() -> Iterator[None]:
    """Let tables count as small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "LARGE_ROWS", 1_000_000)
        yield


def copied(url: str, name: str) -> str:
    path = url.removeprefix("sqlite:///")
    shutil.copy(path, f"{path}.{name}")
    return f"sqlite:///{path}.{name}"


def state(url: str) -> State:
    return schema(url), data(url), stashes(url)


@contextmanager
def statements_under_the_lock() -> Iterator[list[str]]:
    """Collect the long statements that run while the write lock of a file is held."""
    collected: list[str] = []

    def look(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        writes = connection.get_execution_options().get("hookonce_writes")
        in_memory = connection.engine.url.database is None  # a copy of the schema, for a rehearsal
        if writes and not in_memory and LONG.match(statement):
            collected.append(statement)

    sa.event.listen(Engine, "before_cursor_execute", look)
    try:
        yield collected
    finally:
        sa.event.remove(Engine, "before_cursor_execute", look)


@contextmanager
def plans_under_the_lock() -> Iterator[list[tuple[str, str]]]:
    """Collect the statements whose plan reads a table from its beginning under the write lock."""
    collected: list[tuple[str, str]] = []

    def look(connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        change = CHANGES.match(statement)
        in_memory = connection.engine.url.database is None
        is_under_lock = connection.get_execution_options().get("hookonce_writes")
        if change is None or in_memory or not is_under_lock or BOUNDED.search(statement):
            return
        driver = connection.connection.driver_connection
        with suppress(sqlite3.ProgrammingError):  # one statement for many rows, by `executemany`
            plan = driver.execute(f"EXPLAIN QUERY PLAN {change['planned']}", values).fetchall()
            parts = [row[3] for row in plan if READS_FROM_THE_BEGINNING.match(row[3])]
            collected.extend((part, statement) for part in parts)

    sa.event.listen(Engine, "before_cursor_execute", look)
    try:
        yield collected
    finally:
        sa.event.remove(Engine, "before_cursor_execute", look)


@contextmanager
def checks_under_the_lock() -> Iterator[list[str]]:
    """Collect the tables whose foreign keys are checked row by row under the write lock."""
    collected: list[str] = []
    count = orphans.counts

    def look(connection: sa.Connection, tables: Collection[str]) -> Counter[str]:
        writes = connection.get_execution_options().get("hookonce_writes")
        if writes and connection.engine.url.database is not None:
            collected.extend(each for each in tables if LARGE.match(each))
        return count(connection, tables)

    with mock.patch.object(orphans, "counts", look):
        yield collected


@contextmanager
def in_each_pause(write: Callable[[], None]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gentle.time, "sleep", lambda _seconds: write())
        yield


@pytest.mark.parametrize("revision", some(REVISIONS, one_in=3))
def test_a_step_leaves_what_it_leaves_in_place_and_reads_no_table_under_the_lock(
    url: str, revision: str
) -> None:
    with in_place():
        migrate(url, to=revision)
        seed(url)
        direct = copied(url, "direct")
        migrate(direct, to=before(revision), down=True)
        below = state(direct)
        migrate(direct, to=revision)

    with statements_under_the_lock() as long, checks_under_the_lock() as checks:
        migrate(url, to=before(revision), down=True)
        assert state(url) == below
        migrate(url, to=revision)

    assert state(url) == state(direct)
    assert (long, checks) == ([], [])
    assert execute(url, REMAINS) == []
    assert execute(url, "PRAGMA integrity_check", "PRAGMA foreign_key_check") == []


def test_no_statement_under_the_lock_reads_a_table_from_its_beginning(url: str) -> None:
    found_databases.make(url, tuple(found_databases.ADDED_COLUMNS))

    with plans_under_the_lock() as plans, checks_under_the_lock() as checks:
        migrate(url)
        seed_bare(url)
        migrate(url, to="base", down=True)
        migrate(url)

    assert (plans, checks) == ([], [])


@pytest.mark.parametrize(
    ("revision", "down"), some([("0012", False), ("0013", False), ("0008", True)], one_in=3)
)
def test_a_step_killed_anywhere_is_done_by_the_same_command_or_undone_by_another(
    url: str, revision: str, down: bool
) -> None:
    with in_place():
        migrate(url, to=revision)
        seed(url)
        other = state(url)
        migrate(url, to=before(revision), down=True)
        one = state(url)
        if down:
            migrate(url, to=revision)
            one, other = other, one
    to, back = (before(revision), revision) if down else (revision, before(revision))

    for point in itertools.count(2, STRIDE):
        harmed = copied(url, f"harmed{point}")
        if not killed_at(point, harmed, to, down=down):
            break
        undone = copied(harmed, "undone")
        migrate(harmed, to=to, down=down)
        migrate(undone, to=back, down=not down)
        assert (state(harmed), execute(harmed, REMAINS)) == (other, []), f"killed at {point}"
        assert (state(undone), execute(undone, REMAINS)) == (one, []), f"killed at {point}"
    assert point > STRIDE


def test_the_check_names_the_remains_of_an_interrupted_copy(url: str) -> None:
    with in_place():
        migrate(url, to="0011")
        seed(url)

    with in_each_pause(mock.Mock(side_effect=KeyboardInterrupt)), pytest.raises(CommandError):
        migrate(url, to="0012")
    database = Database(from_environment({"DATABASE_URL": url}))
    notes = health.notes(database)
    database.dispose()

    assert [note for note in notes if "_hookonce_shadow_" in note and "interrupted" in note]


def test_keys_used_twice_are_refused_by_name_and_nothing_is_left(url: str) -> None:
    found_databases.make(url, ("idempotency_key",), ())
    migrate(url, to="0001")
    execute(
        url,
        "INSERT INTO trigger_executions (trigger_id, status, idempotency_key) "
        "VALUES (1, 'completed', 'twice'), (1, 'completed', 'twice')",
    )
    tables = schema(url, whole=True)

    with pytest.raises(CommandError, match=r"(?s)used more than once.*key 'twice'"):
        migrate(url, to="0002")

    assert schema(url, whole=True) == tables
    migrate(url, to="0002", dedupe="keep-first")
    assert "uq_trigger_idem" in schema(url)["trigger_executions"]["indexes"]


def test_a_duplicate_is_refused_to_the_older_system_while_the_index_is_built(url: str) -> None:
    found_databases.make(url, ("idempotency_key",), ())
    migrate(url, to="0001")
    with sqlite3.connect(url.removeprefix("sqlite:///")) as older:
        older.executemany(
            "INSERT INTO trigger_executions (trigger_id, status, idempotency_key) "
            "VALUES (1, 'completed', ?)",
            [(f"key-{n}",) for n in range(10)],
        )
    refused: list[str] = []

    def write() -> None:
        try:
            execute(
                url,
                "INSERT INTO trigger_executions (trigger_id, status, idempotency_key) "
                "VALUES (1, 'completed', 'key-3')",
            )
        except sa.exc.IntegrityError as error:
            refused.append(str(error.orig))

    with in_each_pause(write):
        migrate(url, to="0002")

    columns = "trigger_executions.trigger_id, trigger_executions.idempotency_key"
    assert set(refused) == {f"UNIQUE constraint failed: {columns}"}
    counted = "SELECT count(*) FROM trigger_executions WHERE idempotency_key = 'key-3'"
    assert execute(url, counted) == [(1,)]


def test_a_replay_that_arrives_while_the_index_is_built_keeps_its_key(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gentle, "HOLD_SECONDS", 0)
    monkeypatch.setattr(shadow, "BATCH_ROWS", 2)
    with in_place():
        migrate(url, to="0008")
        seed(url)
    columns = "(trigger_id, status, idempotency_key, replay_of_id, chain_id)"
    execute(
        url,
        f"INSERT INTO trigger_executions {columns} VALUES (1, 'completed', 'again', NULL, NULL)",
    )
    replays = iter([500, 501])

    def write() -> None:
        replay = next(replays, None)
        if replay is not None:
            values = f"(1, 'pending', 'again', {replay}, 1)"
            execute(url, f"INSERT INTO trigger_executions {columns} VALUES {values}")

    with in_each_pause(write):
        migrate(url, to="0007", down=True)
    keyed = "SELECT count(*) FROM trigger_executions WHERE idempotency_key = 'again'"
    at_0007 = execute(url, keyed)
    migrate(url, to="0008")

    assert next(replays, None) is None
    assert at_0007 == [(1,)]
    assert execute(url, keyed) == [(3,)]


def test_an_exchange_of_tables_is_no_reason_to_look_for_orphans_under_the_lock(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_place():
        migrate(url, to="0011")
        seed(url)
    count = mock.Mock(side_effect=orphans.counts)
    monkeypatch.setattr(orphans, "counts", count)
    row = "INSERT INTO trigger_executions (trigger_id, status) VALUES (1, 'pending')"

    with in_each_pause(lambda: execute(url, row)):  # the step itself copies the last one
        migrate(url, to="0012")

    assert count.call_count == 0


def test_a_row_that_breaks_a_check_while_violators_are_sought_stays_as_it_is(url: str) -> None:
    with in_place():
        migrate(url, to="0012")
        seed(url)
    insert = "INSERT INTO trigger_executions (trigger_id, status) VALUES (1, 'unknown')"
    execute(url, insert)
    seek = preparation.violators.seek

    def seek_and_write(*arguments: Any) -> Any:
        result = seek(*arguments)
        execute(url, insert)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation.violators, "seek", seek_and_write)
        migrate(url, to="0013")

    assert execute(url, "UPDATE trigger_executions SET error = 'x' WHERE status = 'unknown'") == []
    with pytest.raises(sa.exc.IntegrityError):
        execute(url, insert)
    assert execute(url, REMAINS) == []


def test_a_full_disk_is_foreseen_and_the_step_can_be_done_in_place(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_place():
        migrate(url, to="0011")
        seed(url)
    tables = schema(url, whole=True)
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(preparation.shutil, "disk_usage", lambda _path: usage)

    with pytest.raises(CommandError, match=r"must be free on the disk .* -x direct=yes"):
        migrate(url, to="0012")
    assert schema(url, whole=True) == tables
    migrate(url, to="0012", direct="yes")

    assert "ix_trigger_executions_trigger" in schema(url)["trigger_executions"]["indexes"]
