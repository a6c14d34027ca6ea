"""Behind a pooler no state is left in a session; a server that takes no writes is left."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Event, Thread

import psycopg
import pytest
import sqlalchemy as sa
from alembic.util import CommandError

from app import db, health
from app.db import Database, read_only, stash_removal
from app.db.migration_ops import migration_lock, running
from app.db.moving.connecting import opened
from app.db.notify import CannotListen
from app.db.postgresql_connection import PostgresqlConnection
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable, SessionNeeded
from app.intake import store
from app.intake.store import RowRejected
from app.settings import Settings, from_environment
from app.worker import wake
from tests.integration.db.test_notify import DEADLINE_SECONDS
from tests.integration.intake.test_store import row
from tests.integration.worker.test_loop import called_on
from tests.support import factories
from tests.support.databases import Databases

pytestmark = pytest.mark.parametrize("kind", ["postgresql"])
PREPARED = "SELECT count(*) FROM pg_prepared_statements"
OFTEN = 10
"""Repetitions after which the driver has prepared a statement that it may prepare."""
READ_ONLY = "SET default_transaction_read_only = on"
"""Statement after which this session is refused like those of a fenced server."""


@pytest.fixture
def pooled(settings: Settings) -> Iterator[Database]:
    """Yield the database as it is used behind a pooler; there is none in truth."""
    opened = Database(replace(settings, hookonce_pooler="yes"))
    yield opened
    opened.dispose()


def shown(database: Database, name: str) -> tuple[str, str]:
    """Return a setting within a transaction of ours, and in its session outside of any."""
    with database.writing() as connection:
        within = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
    with database.reading() as connection:
        return str(within), str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())


def prepared_count(database: Database) -> int:
    """Repeat a statement on one connection; return the number of statements prepared there."""
    with database.reading() as connection:
        for _ in range(OFTEN):
            connection.execute(sa.text("SELECT :n"), {"n": 1})
        return int(connection.exec_driver_sql(PREPARED).scalar_one())


def pid_of(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def test_no_pooler_is_found_where_there_is_none(database: Database) -> None:
    with database.reading() as connection:
        assert not db.behind_pooler(connection)
    assert prepared_count(database) > 0


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("lock_timeout", "5s"),
        ("statement_timeout", "10s"),
        ("enable_seqscan", "off"),
        ("jit", "off"),
    ],
)
def test_a_setting_holds_within_our_transactions_and_is_not_left_in_the_session(
    database: Database, pooled: Database, name: str, ours: str
) -> None:
    assert shown(database, name) == (ours, ours)

    within, outside = shown(pooled, name)

    assert within == ours
    assert outside != ours


def test_no_statement_is_kept_prepared(pooled: Database) -> None:
    trigger_id, schema = factories.trigger(pooled), SchemaWatch(pooled).current()

    with store.borrow(pooled) as borrowed:
        made = borrowed.find_or_insert(schema, row(trigger_id, "a"))
        again = borrowed.find_or_insert(schema, row(trigger_id, "a"))
        for number in range(OFTEN):
            borrowed.find(schema, trigger_id, {"a"})
            borrowed.insert(schema, [row(trigger_id, f"{number} {name}") for name in "ab"])
        kept = borrowed._connection.execute(PREPARED).fetchone()  # type: ignore[attr-defined]

    assert kept == (0,)
    assert prepared_count(pooled) == 0
    assert isinstance(again, store.ExistingExecution)
    assert again.id == made


def test_a_text_with_a_zero_byte_is_rejected_and_not_cut_off(pooled: Database) -> None:
    event = row(factories.trigger(pooled), "k\0after it")

    with pytest.raises(RowRejected), store.borrow(pooled) as borrowed:
        borrowed.find_or_insert(SchemaWatch(pooled).current(), event)

    assert factories.executions(pooled) == []


def test_a_connection_that_only_reads_leaves_no_session_read_only(settings: Settings) -> None:
    with read_only.connection(replace(settings, hookonce_pooler="yes")) as connection:
        before = connection.exec_driver_sql("SHOW transaction_read_only").scalar_one()
        connection.commit()
        raw = connection.connection.driver_connection
        raw.autocommit = True  # type: ignore[union-attr]
        after = raw.execute("SHOW transaction_read_only").fetchone()  # type: ignore[union-attr]

    assert (before, after) == ("on", ("off",))


def test_a_listener_is_refused_and_the_worker_logs_that_once(
    pooled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "POOLER_CHECK_SECONDS", 0.01)
    tries, logged, closed = Event(), [], Event()
    listening = pooled.notifier.listening

    def counted() -> object:
        counts.append(1)
        if len(counts) > 3:
            tries.set()
        return listening()

    counts: list[int] = []
    monkeypatch.setattr(pooled.notifier, "listening", counted)
    thread = Thread(target=wake.Wake()._listen, args=(pooled.notifier, closed), daemon=True)
    with called_on("listen_unavailable", lambda: logged.append(1)):
        thread.start()
        tried = tries.wait(DEADLINE_SECONDS)
        closed.set()
        thread.join(DEADLINE_SECONDS)

    with pytest.raises(CannotListen), listening():
        pass
    assert tried
    assert logged == [1]


def test_a_worker_listens_on_the_direct_url(settings: Settings) -> None:
    direct = Database(
        replace(
            settings,
            hookonce_pooler="yes",
            hookonce_direct_database_url=settings.database_url,
            database_url=settings.database_url.replace("postgres@", "nobody@"),
        )
    )

    with direct.notifier.listening() as listener:
        assert not listener.wait(0.05)
    direct.dispose()


def test_a_migration_and_the_removal_of_stashes_are_refused(pooled: Database) -> None:
    locks = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")

    with pytest.raises(SessionNeeded, match="DIRECT"), migration_lock.only_migrator(pooled.engine):
        pass
    with pytest.raises(SessionNeeded):
        list(stash_removal.drop(pooled, [], Event()))
    with pytest.raises(CommandError, match="DIRECT"), running.in_one_line(pooled.engine):
        raise SessionNeeded("set HOOKONCE_DIRECT_DATABASE_URL")

    with pooled.reading() as connection:
        assert connection.execute(locks).scalar_one() == 0


def test_a_move_through_a_pooler_is_refused(pooled: Database) -> None:
    with pytest.raises(SessionNeeded, match="--to"), opened(pooled.engine, "the target"):
        pass

    assert prepared_count(pooled) == 0


def test_a_connection_of_the_pool_that_was_ended_while_it_was_idle_costs_no_request(
    database: Database, database_url: str
) -> None:
    ended = pid_of(database)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (ended,))

    assert pid_of(database) != ended


def test_a_new_connection_of_the_pool_is_used_though_it_may_be_lost_already(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresqlConnection, "is_alive", lambda _self: False)

    assert pid_of(database) != pid_of(database)


def test_connections_to_a_server_that_takes_no_writes_any_more_are_opened_anew(
    database: Database,
) -> None:
    before = pid_of(database)
    with database.reading() as connection:
        connection.exec_driver_sql(READ_ONLY)

    with pytest.raises(DatabaseUnavailable, match="read-only"), database.writing() as writing:
        writing.exec_driver_sql("DELETE FROM triggers")

    assert pid_of(database) != before


def test_an_admission_that_such_a_server_refuses_closes_the_pool_too(database: Database) -> None:
    trigger_id, schema = factories.trigger(database), SchemaWatch(database).current()
    with store.borrow(database) as borrowed:  # on a connection that it takes out of the pool
        borrowed._connection.execute(READ_ONLY)  # type: ignore[attr-defined]
    before = pid_of(database)
    assert pid_of(database) == before

    with pytest.raises(DatabaseUnavailable, match="read-only"), store.borrow(database) as borrowed:
        borrowed.find_or_insert(schema, row(trigger_id, "a"))

    assert pid_of(database) != before
    with store.borrow(database) as borrowed:
        assert isinstance(borrowed.find_or_insert(schema, row(trigger_id, "a")), int)


def test_a_direct_url_is_checked_to_lead_to_the_same_database(
    database: Database, settings: Settings, databases: Databases
) -> None:
    url = settings.database_url
    with databases.empty("postgresql") as other_url:
        (other,) = health.direct_url(database, from_environment(_named(url, other_url)))

    (same,) = health.direct_url(database, from_environment(_named(url, url)))
    nowhere = url.replace("host=", "host=/nowhere")
    (absent,) = health.direct_url(database, from_environment(_named(url, nowhere)))

    assert health.direct_url(database, settings) == []
    assert same.passed, same.detail
    assert not other.passed
    assert "another database" in other.detail
    assert not absent.passed


def _named(url: str, direct: str) -> dict[str, str]:
    return {"DATABASE_URL": url, "HOOKONCE_DIRECT_DATABASE_URL": direct}
