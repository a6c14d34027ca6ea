"""One migration runs at a time, and it blocks no writer."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app import db
from app.db.migration_ops import migration_lock, running
from app.settings import from_environment
from tests.support.databases import ROOT, Databases, migrate
from tests.support.revisions import NAMES, before
from tests.support.schema_dump import data, execute, schema, stashes
from tests.support.seeding import seed
from tests.support.thorough import some

STALL_SECONDS = running.LOCK_TIMEOUT_MILLISECONDS / 1000 + 0.5  # and the delay of a busy machine
DEADLINE_SECONDS = 240.0
INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"


@pytest.fixture
def postgresql_url(databases: Databases) -> Iterator[str]:
    with databases.empty("postgresql") as url:
        yield url


@contextmanager
def in_background(target: object, *args: object, **kwargs: object) -> Iterator[threading.Thread]:
    """Run `target` in a thread beside the block; raise its error at the end."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            target(*args, **kwargs)  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    assert errors == []


def until(condition: object) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "the deadline passed"
        threading.Event().wait(0.01)


def waits_for_lock(url: str) -> bool:
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"
    return bool(execute(url, waiting))


def start_upgrade(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_ten_upgrades_at_once_all_succeed_and_one_applies(empty_url: str) -> None:
    started = [start_upgrade(empty_url) for _ in range(10)]

    ended = [
        (process.communicate(timeout=2 * DEADLINE_SECONDS)[1], process.returncode)
        for process in started
    ]

    assert [code for _, code in ended] == [0] * 10, ended
    applied = re.findall(r"Running upgrade .*?-> (\d{4})", "".join(log for log, _ in ended))
    assert sorted(applied) == NAMES


def test_a_migrator_waits_until_the_other_has_ended(empty_url: str) -> None:
    engine = db.create_engine(from_environment({"DATABASE_URL": empty_url}))

    with migration_lock.only_migrator(engine):
        second = start_upgrade(empty_url)
        assert second.stderr
        said = next(line for line in second.stderr if "evt=migration_" in line)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(timeout=2)
        meanwhile = schema(empty_url, whole=True)
    engine.dispose()

    assert meanwhile == {}
    assert "evt=migration_waits_for_another" in said
    assert "evt=migration_waits" not in second.communicate(timeout=DEADLINE_SECONDS)[1]
    assert second.returncode == 0


def test_the_migration_waits_for_a_reader_and_stalls_no_writer(postgresql_url: str) -> None:
    migrate(postgresql_url, to=NAMES[1])
    seed(postgresql_url)

    with psycopg.connect(postgresql_url) as reader:
        reader.execute("SELECT count(*) FROM trigger_executions")
        with in_background(migrate, postgresql_url) as migration:
            try:
                until(lambda: waits_for_lock(postgresql_url))
                stalls = [_seconds_to_write(postgresql_url) for _ in range(300)]
                still_waiting = migration.is_alive()
            finally:
                reader.rollback()

    assert still_waiting
    assert max(stalls) < STALL_SECONDS
    assert execute(postgresql_url, "SELECT version_num FROM hookonce_alembic_version") == [
        (NAMES[-1],)
    ]


@pytest.mark.parametrize("revision", some(NAMES[1:], one_in=16))
def test_no_step_stalls_a_writer_while_a_long_transaction_reads(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    monkeypatch.setattr(running, "RETRY_SECONDS", (0.05, 0.1))
    migrate(postgresql_url, to=revision)
    seed(postgresql_url)

    down = _stalls_beside_a_reader(postgresql_url, to=before(revision), down=True)
    up = _stalls_beside_a_reader(postgresql_url, to=revision)

    assert max(down + up) < STALL_SECONDS
    assert execute(postgresql_url, "SELECT version_num FROM hookonce_alembic_version") == [
        (revision,)
    ]


def _stalls_beside_a_reader(url: str, **step: object) -> list[float]:
    """Return the seconds that writers waited while the step waited for a long reader."""
    with psycopg.connect(url) as reader:
        for table in schema(url):
            reader.execute(f"SELECT count(*) FROM {table}")
        with in_background(migrate, url, **step) as migration:
            try:
                until(lambda: waits(url) or not migration.is_alive())
                return [_seconds_to_write(url) for _ in range(20)]
            finally:
                reader.rollback()


def waits(url: str) -> bool:
    """Return True if a migration waits for a lock, or for transactions to drop an index."""
    return bool(execute(url, "SELECT 1 FROM pg_locks WHERE NOT granted"))


READS_ALL = re.compile(
    r"(?!\s*EXPLAIN)(?!.*\b_hookonce_probe\b)"
    r".*\b((FROM|UPDATE) (triggers|trigger_executions)|VALIDATE|CREATE.* INDEX)\b",
    re.DOTALL,
)
STOPS_WRITERS = """
    SELECT mode FROM pg_locks WHERE granted AND relation = 'trigger_executions'::regclass
    AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"""


@pytest.mark.parametrize("revision", some(NAMES[1:], one_in=16))
def test_no_step_reads_a_whole_table_under_a_lock_that_stops_writers(
    postgresql_url: str, revision: str
) -> None:
    migrate(postgresql_url, to=revision)
    seed(postgresql_url)
    read: list[str] = []
    under_lock: list[str] = []

    def look(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if READS_ALL.match(statement):
            read.append(statement)
            under_lock.extend([statement] if execute(postgresql_url, STOPS_WRITERS) else [])

    sa.event.listen(Engine, "before_cursor_execute", look)
    try:
        migrate(postgresql_url, to=before(revision), down=True)
        migrate(postgresql_url, to=revision)
    finally:
        sa.event.remove(Engine, "before_cursor_execute", look)

    assert under_lock == []
    assert read or revision not in {"0002", "0008", "0013"}


def test_a_relative_target_stays_where_it_was_when_a_later_step_is_tried_again(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "RETRY_SECONDS", (0.05, 0.1))
    migrate(postgresql_url, to="0017")

    with psycopg.connect(postgresql_url) as reader:
        reader.execute("SELECT count(*) FROM hookonce_audit")  # blocks the second step
        with in_background(migrate, postgresql_url, to="-2", down=True):
            try:
                until(lambda: "migration_waits_for_lock" in caplog.text)
            finally:
                reader.rollback()

    assert execute(postgresql_url, "SELECT version_num FROM hookonce_alembic_version") == [
        ("0015",)
    ]


def _seconds_to_write(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET lock_timeout = {round(STALL_SECONDS * 1000)}")
        began = time.monotonic()
        connection.execute("UPDATE trigger_executions SET error = 'x' WHERE id = 1")
        return time.monotonic() - began


def test_an_index_that_a_killed_build_left_invalid_is_built_anew(postgresql_url: str) -> None:
    migrate(postgresql_url)
    seed(postgresql_url)
    execute(
        postgresql_url,
        "DROP INDEX uq_trigger_idem",  # as if it were not built yet
        f"UPDATE hookonce_alembic_version SET version_num = '{NAMES[0]}'",
    )

    with psycopg.connect(postgresql_url) as writer:
        writer.execute("UPDATE trigger_executions SET error = 'x' WHERE id = 1")
        upgrade = start_upgrade(postgresql_url)
        until(lambda: execute(postgresql_url, INVALID))
        upgrade.kill()
        upgrade.communicate()
        _end_backends_of_the_dead(postgresql_url)
        left = execute(postgresql_url, INVALID)
        writer.rollback()
    migrate(postgresql_url, to=NAMES[1])

    assert left == [("uq_trigger_idem",)]
    assert execute(postgresql_url, INVALID) == []
    assert execute(postgresql_url, "SELECT to_regclass('uq_trigger_idem') IS NOT NULL") == [(True,)]


def _end_backends_of_the_dead(url: str) -> None:
    theirs = "FROM pg_stat_activity WHERE application_name = 'hookonce'"
    execute(url, f"SELECT pg_terminate_backend(pid) {theirs} AND datname = current_database()")
    until(lambda: not execute(url, f"SELECT 1 {theirs} AND datname = current_database()"))


@pytest.mark.parametrize("revision", ["0002", "0003"])
def test_writes_until_a_downgrade_are_not_lost(postgresql_url: str, revision: str) -> None:
    migrate(postgresql_url, to=revision)
    seed(postgresql_url)
    column = {"0002": "idempotency_key", "0003": "lease_owner"}[revision]
    writes = [
        f"UPDATE trigger_executions SET {column} = 'meanwhile' WHERE id = 2",
        f"UPDATE trigger_executions SET {column} = NULL WHERE id = 3",
        f"INSERT INTO trigger_executions (trigger_id, {column}) VALUES (1, 'new')",
        "DELETE FROM trigger_executions WHERE id = 4",
    ]
    expected: list[object] = []

    def write(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        """Write before the first column is renamed."""
        if "RENAME COLUMN" in statement and not expected:
            execute(postgresql_url, *writes)
            expected.append(data(postgresql_url))

    sa.event.listen(Engine, "before_cursor_execute", write)
    try:
        migrate(postgresql_url, to=NAMES[NAMES.index(revision) - 1], down=True)
    finally:
        sa.event.remove(Engine, "before_cursor_execute", write)
    migrate(postgresql_url, to=revision)

    assert [data(postgresql_url)] == expected
    assert stashes(postgresql_url) == set()
    assert schema(postgresql_url)["trigger_executions"]["triggers"] == []
