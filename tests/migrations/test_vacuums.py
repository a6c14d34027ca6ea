"""A migration gets its lock behind a vacuum of PostgreSQL, or names the one that must end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from alembic.util import CommandError

from app.db import Database, stash_removal
from app.db.migration_ops import running, vacuums
from app.db.migration_ops.stopping import Stopped
from app.settings import from_environment
from tests.migrations.test_concurrency import until
from tests.support.databases import PostgresServer, migrate
from tests.support.schema_dump import execute
from tests.support.seeding import seed
from tests.support.thorough import THOROUGH

TABLE = "trigger_executions"
SLOW = (
    f"ALTER TABLE {TABLE} SET (autovacuum_vacuum_cost_delay = 100, "
    "autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_threshold = 0, "
    "autovacuum_vacuum_scale_factor = 0, autovacuum_freeze_max_age = 100000)"
)
DEAD_ROWS = (
    f"""INSERT INTO {TABLE} (trigger_id, event_data, status)
        SELECT (SELECT min(id) FROM triggers), repeat('x', 500), 'pending'
        FROM generate_series(1, 20000)""",
    f"UPDATE {TABLE} SET error = 'e'",
)
OLD_ROWS = """DO $$ BEGIN CREATE TEMP TABLE t (i int); FOR i IN 1..101000 LOOP
    BEGIN INSERT INTO t VALUES (i); EXCEPTION WHEN others THEN NULL; END; END LOOP; END $$"""
"""Each block of the loop takes a transaction id of its own."""
INSERT = f"INSERT INTO {TABLE} (trigger_id, event_data) SELECT min(id), 'x' FROM triggers"
VACUUMS = f"""SELECT a.pid, a.query FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid)
    WHERE a.backend_type = 'autovacuum worker' AND l.relation = '{TABLE}'::regclass
    AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of its own, whose autovacuum starts every second."""
    server = PostgresServer()
    try:
        execute(server.uri, "ALTER SYSTEM SET autovacuum_naptime = 1")
        server.restart()
        yield server
    finally:
        server.remove()


@contextmanager
def vacuumed(server: PostgresServer, name: str, *old: str) -> Iterator[str]:
    """Yield a database whose executions are under a vacuum that takes minutes."""
    url = server.create(name)
    migrate(url, to="0003")
    seed(url)
    execute(url, *old, SLOW, *DEAD_ROWS)
    until(lambda: execute(url, VACUUMS))
    try:
        yield url
    finally:
        server.drop(name)


@contextmanager
def writing(url: str) -> Iterator[list[str]]:
    """Insert all the time, and note the error of each insert that waits for 0.9 s."""
    errors: list[str] = []
    done = threading.Event()

    def write() -> None:
        options = "-c lock_timeout=900"
        with psycopg.connect(url, options=options, autocommit=True) as connection:
            while not done.wait(0.01):
                try:
                    connection.execute(INSERT)
                except psycopg.Error as error:
                    errors.append(str(error))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield errors
    finally:
        done.set()
        thread.join(240)


def test_an_autovacuum_is_cancelled_and_no_writer_waits_for_that(
    server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    with vacuumed(server, "plain") as url, writing(url) as errors:
        migrate(url, to="0002", down=True)
        columns = execute(url, f"SELECT _stash_0003_lease_owner FROM {TABLE} LIMIT 1")

    assert columns
    assert errors == []
    assert "migration_waits_for_vacuum" in caplog.text


@pytest.mark.skipif(not THOROUGH, reason="only the thorough run tries each vacuum")
def test_a_vacuum_that_is_not_cancelled_is_named(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "RETRY_LIMIT_SECONDS", 4.0)

    with vacuumed(server, "old", OLD_ROWS) as url:
        until(lambda: any("wraparound" in query for _, query in execute(url, VACUUMS)))
        with writing(url) as errors, pytest.raises(CommandError, match="to prevent wraparound"):
            migrate(url, to="0002", down=True)

    assert errors == []


@pytest.mark.skipif(not THOROUGH, reason="only the thorough run tries each vacuum")
def test_a_stash_is_dropped_behind_an_autovacuum(server: PostgresServer) -> None:
    with vacuumed(server, "stashed") as url:
        migrate(url, to="0002", down=True)
        until(lambda: execute(url, VACUUMS))
        database = Database(from_environment({"DATABASE_URL": url}))
        name = f"{TABLE}._stash_0003_lease_owner"
        dropped = [each.name for each in stash_removal.drop(database, [name], threading.Event())]
        database.dispose()

    assert dropped == [name]


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_wait_for_a_vacuum_ends_when_its_caller_stops_it(database: Database) -> None:
    stop = threading.Event()
    stop.set()

    with database.engine.connect() as vacuum:
        vacuum.exec_driver_sql(f"LOCK TABLE {TABLE} IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(Stopped):
            vacuums.wait(database.engine, 10.0, stop)
