"""Only one migration runs at a time, and each wait or interruption is reported in one line."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.engine import Connection, Engine

from app import db
from app.cli.signals import INTERRUPTED
from app.db.migration_ops import indexes, migration_lock, running
from app.log import KeyValueFormatter
from app.settings import from_environment
from tests.migrations.test_concurrency import DEADLINE_SECONDS, in_background, until
from tests.support.databases import ROOT, Databases, PostgresServer, migrate
from tests.support.schema_dump import execute, schema, stashes
from tests.support.seeding import seed
from tests.support.service import COMMANDS

MIGRATORS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'hookonce'"
LOCKED = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"


@pytest.fixture
def postgresql_url(databases: Databases) -> Iterator[str]:
    with databases.empty("postgresql") as url:
        yield url


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *(arguments or ("upgrade", "head"))],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def last_line(ended: subprocess.Popen[str]) -> str:
    """Return the last line of a command that failed without a traceback."""
    output = ended.communicate(timeout=DEADLINE_SECONDS)[0]
    assert ended.returncode != 0
    assert "Traceback" not in output
    return output.strip().splitlines()[-1]


@pytest.mark.parametrize("link", ["symbolic", "hard", "relative"])
def test_all_names_of_one_file_have_one_lock(tmp_path: Path, link: str) -> None:
    database = tmp_path / "hookonce.db"
    database.touch()
    (tmp_path / "other").mkdir()
    name = tmp_path / "other" / "name.db"
    if link == "symbolic":
        name.symlink_to(database)
    elif link == "hard":
        name.hardlink_to(database)
    else:
        name = Path(os.path.relpath(database))

    with migration_lock.only_migrator(_engine(f"sqlite:///{database}")):
        entered = threading.Event()
        thread = threading.Thread(target=_enter, args=(f"sqlite:///{name}", entered))
        thread.start()
        entered_beside = entered.wait(0.3)
    thread.join(DEADLINE_SECONDS)

    assert not entered_beside
    assert entered.is_set()


def _engine(url: str) -> Engine:
    return db.create_engine(from_environment({"DATABASE_URL": url}))


def _enter(url: str, entered: threading.Event) -> None:
    with migration_lock.only_migrator(_engine(url)):
        entered.set()


def test_a_migration_that_waits_names_the_one_that_runs(empty_url: str) -> None:
    engine = _engine(empty_url)
    with migration_lock.only_migrator(engine):
        pid = os.getpid()
        if not empty_url.startswith("sqlite"):
            pid = execute(empty_url, LOCKED)[0][0]
        second = start(empty_url, "upgrade", "0001")
        assert second.stdout
        line = next(line for line in second.stdout if "evt=migration_" in line)
    engine.dispose()
    second.communicate(timeout=DEADLINE_SECONDS)

    assert "evt=migration_waits_for_another" in line
    assert str(pid) in line
    assert "since" in line


@pytest.mark.parametrize("command", ["stash drop --yes", "move --to sqlite:///{}/new.db"])
def test_ctrl_c_ends_a_command_that_waits_for_a_migration(
    empty_url: str, tmp_path: Path, command: str
) -> None:
    migrate(empty_url)
    migrate(empty_url, to="0031", down=True)
    stashed = stashes(empty_url)
    engine = _engine(empty_url)

    with migration_lock.only_migrator(engine):
        words = [str(COMMANDS / "hookonce"), *command.format(tmp_path).split()]
        waiting = subprocess.Popen(
            words,
            env=os.environ | {"DATABASE_URL": empty_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert waiting.stdout
        next(line for line in waiting.stdout if "migration_waits_for_another" in line)
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=DEADLINE_SECONDS)
    engine.dispose()

    assert waiting.returncode == INTERRUPTED
    assert stashes(empty_url) == stashed


def test_a_session_that_idles_long_keeps_its_lock(postgresql_url: str) -> None:
    name = execute(postgresql_url, "SELECT current_database()")[0][0]
    execute(postgresql_url, f"ALTER DATABASE {name} SET idle_session_timeout = 1000")
    engine = _engine(postgresql_url)

    with migration_lock.only_migrator(engine):
        time.sleep(1.5)  # longer than the server would let the session idle
        held = execute(postgresql_url, LOCKED)
    engine.dispose()

    assert held


def test_a_migration_that_lost_its_lock_changes_nothing_more(
    postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(postgresql_url, to="0001")
    tables = schema(postgresql_url)
    engine = _engine(postgresql_url)

    with migration_lock.only_migrator(engine), engine.connect() as connection:
        execute(postgresql_url, f"SELECT pg_terminate_backend(({LOCKED}))")
        until(lambda: not execute(postgresql_url, LOCKED))
        with pytest.raises(CommandError, match="lock of this migration was ended"):
            connection.exec_driver_sql("ALTER TABLE triggers DROP COLUMN agent")
    engine.dispose()

    assert schema(postgresql_url) == tables
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


def test_an_index_build_names_the_transaction_that_it_waits_for(
    postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(postgresql_url, to="0001")
    seed(postgresql_url)

    with psycopg.connect(postgresql_url, application_name="forgotten") as idle:
        idle.execute("LOCK TABLE trigger_executions IN ROW EXCLUSIVE MODE")
        with in_background(_upgrade_ignoring_columns, postgresql_url):
            try:
                until(lambda: "migration_waits_for_transaction" in caplog.text)
            finally:
                pid = idle.info.backend_pid
                idle.rollback()

    lines = [KeyValueFormatter().format(record) for record in caplog.records]
    assert any(f"pid={pid} application=forgotten" in line and "since=" in line for line in lines)


def test_an_index_build_names_the_prepared_transaction_that_it_waits_for(
    postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(postgresql_url, to="0001")
    lock = "LOCK TABLE trigger_executions IN ROW EXCLUSIVE MODE"

    with prepared(postgresql_url, lock), in_background(_upgrade_ignoring_columns, postgresql_url):
        try:
            until(lambda: "migration_waits_for_transaction" in caplog.text)
        finally:
            execute(postgresql_url, "ROLLBACK PREPARED 'it''s theirs'")

    lines = [KeyValueFormatter().format(record) for record in caplog.records]
    assert any("prepared transaction 'it''s theirs'" in line and "since=" in line for line in lines)


def test_a_lock_that_is_refused_names_its_holders(
    postgresql_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(postgresql_url, to="0002")
    monkeypatch.setattr(running, "RETRY_LIMIT_SECONDS", 3)
    lock = "LOCK TABLE trigger_executions IN ACCESS SHARE MODE"

    with (
        psycopg.connect(postgresql_url, application_name="forgotten") as idle,
        prepared(postgresql_url, lock),
    ):
        idle.execute(lock)
        with pytest.raises(CommandError) as refused:
            migrate(postgresql_url, to="0003")
        pid = idle.info.backend_pid
        execute(postgresql_url, "ROLLBACK PREPARED 'it''s theirs'")

    assert "`ROLLBACK PREPARED 'it''s theirs';`" in str(refused.value)
    assert f"process {pid} (forgotten, idle in transaction) since 2" in str(refused.value)
    waits = [each for each in caplog.records if "migration_waits_for_lock" in each.getMessage()]
    assert all("held_by" in KeyValueFormatter().format(each) for each in waits)
    assert waits


@contextmanager
def prepared(url: str, statement: str) -> Iterator[None]:
    """Leave a prepared transaction behind that executed the statement; the block must end it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute(statement)
        connection.execute("PREPARE TRANSACTION 'it''s theirs'")
    yield


def _upgrade_ignoring_columns(url: str) -> None:
    engine = _engine(url)
    with migration_lock.only_migrator(engine), engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql("CREATE INDEX CONCURRENTLY x ON trigger_executions (status)")
    engine.dispose()


def test_ctrl_c_is_one_sentence(postgresql_url: str) -> None:
    migrate(postgresql_url, to="0002")
    seed(postgresql_url)

    with psycopg.connect(postgresql_url) as reader:
        reader.execute("SELECT count(*) FROM trigger_executions")
        upgrade = start(postgresql_url)
        until(lambda: execute(postgresql_url, "SELECT 1 FROM pg_locks WHERE NOT granted"))
        upgrade.send_signal(signal.SIGINT)
        line = last_line(upgrade)

    assert line.startswith("FAILED: interrupted; ")


def test_a_server_that_dies_in_the_midst_of_a_step_is_one_sentence() -> None:
    server = PostgresServer()
    try:
        url = server.uri_of("postgres")
        migrate(url, to="0002")
        seed(url)
        writer = psycopg.connect(url)
        writer.execute("LOCK TABLE trigger_executions IN ROW EXCLUSIVE MODE")
        upgrade = start(url)
        until(lambda: execute(url, "SELECT 1 FROM pg_locks WHERE NOT granted"))
        server.stop("immediate")
        writer.close()
        line = last_line(upgrade)
    finally:
        server.start()
        server.remove()

    assert line.startswith("FAILED: ")
    assert "run the same command again once the cause is gone" in line


def test_rows_that_a_unique_index_forbids_are_named(postgresql_url: str) -> None:
    migrate(postgresql_url, to="0001")
    seed(postgresql_url)
    execute(postgresql_url, "UPDATE trigger_executions SET duration_seconds = 'NaN'")
    first, last = execute(postgresql_url, "SELECT min(id), max(id) FROM trigger_executions")[0]
    engine = _engine(postgresql_url)

    with engine.connect() as connection:
        op = Operations(MigrationContext.configure(connection))
        with (
            op.get_context().begin_transaction(),
            pytest.raises(CommandError, match=f"from id {first} to {last}; change one of each"),
        ):
            indexes.ensure_index(
                op, "x", "trigger_executions", ["duration_seconds"], unique=True, where="id > 0"
            )
    engine.dispose()


def test_patience_for_a_lock_does_not_count_a_long_copy(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "RETRY_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(running, "RETRY_LIMIT_SECONDS", 0.6)
    tries: list[float] = []

    def copy_and_be_refused(connection: Connection) -> None:
        tries.append(time.monotonic())
        time.sleep(0.7)  # longer than the whole patience
        if len(tries) == 1:
            connection.exec_driver_sql("LOCK TABLE alembic_version NOWAIT")

    engine = _engine(postgresql_url)
    execute(postgresql_url, "CREATE TABLE alembic_version (version_num text)")
    with psycopg.connect(postgresql_url) as holder:
        holder.execute("LOCK TABLE alembic_version")
        running.with_lock_retries(engine, copy_and_be_refused)
    engine.dispose()

    assert len(tries) == 2
