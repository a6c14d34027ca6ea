"""Columns leave a large table of SQLite for good, and a lost index comes back, beside writers."""

import itertools
import shutil
import sqlite3
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.util import CommandError

from app.db import Database, stash_removal, stashes
from app.db.migration_ops import checkpoints, gentle, preparation, shadow
from app.errors import HookonceError
from app.settings import from_environment
from tests.migrations.test_large_tables import (
    REMAINS,
    copied,
    in_each_pause,
    in_place,
    state,
    statements_under_the_lock,
)
from tests.support import found_databases
from tests.support.databases import migrate
from tests.support.killing import killed_at
from tests.support.schema_dump import data, execute, schema
from tests.support.seeding import seed
from tests.support.thorough import THOROUGH

pytestmark = pytest.mark.usefixtures("every_table_is_large")
STRIDE = 17 if THOROUGH else 41
VALUES = """UPDATE trigger_executions SET idempotency_key = 'k' || id, attempt_count = id,
    lease_owner = CASE WHEN id % 2 THEN 'w' END, error_category = 'c'"""
INDEX = "CREATE INDEX owners_index ON trigger_executions (lease_owner) WHERE error IS NOT NULL"

BROKEN_VIEW = 'CREATE VIEW "of others" AS SELECT * FROM absent'


def adopt(database: str) -> None:
    """Take a found database over, and give its rows values in columns of ours."""
    with in_place():
        found_databases.make(database)
        migrate(database, to="0003")
        execute(database, VALUES, INDEX, BROKEN_VIEW)


def test_a_database_taken_over_is_given_back_as_in_place(url: str) -> None:
    adopt(url)
    taken_over = state(url)
    direct = copied(url, "direct")
    with in_place():
        migrate(direct, to="base", down=True)

    with statements_under_the_lock() as long:
        migrate(url, to="base", down=True)
    given_back = state(url)
    stashed = sorted(execute(url, "SELECT * FROM _stash_0002_trigger_executions"))
    with in_place():
        migrate(url, to="0003")

    assert long == []
    assert given_back == state(direct)
    assert stashed == sorted(execute(direct, "SELECT * FROM _stash_0002_trigger_executions"))
    assert state(url) == taken_over
    assert execute(url, REMAINS) == []


def test_rows_that_come_change_and_go_while_a_database_is_given_back(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gentle, "HOLD_SECONDS", 0)
    monkeypatch.setattr(shadow, "BATCH_ROWS", 2)
    adopt(url)
    ids = iter(range(1000, 1002))

    def write() -> None:
        number = next(ids, None)
        if number is not None:
            execute(
                url,
                "INSERT INTO trigger_executions (id, trigger_id, event_data, status, error) "
                f"VALUES ({number}, 1, 'new', 'completed', 'e')",
                f"UPDATE trigger_executions SET event_data = 'other' WHERE id = {number - 999}",
                f"DELETE FROM trigger_executions WHERE id = {number - 990}",
            )

    with in_each_pause(write):
        migrate(url, to="base", down=True)
    rows = data(url)["trigger_executions"]
    with in_place():
        migrate(url, to="0003")

    keys = dict(execute(url, "SELECT id, idempotency_key FROM trigger_executions"))
    assert next(ids, None) is None
    assert len(rows) == len(keys)
    assert {number for number, key in keys.items() if key is None} == {1000, 1001}
    assert all(key in (None, f"k{number}") for number, key in keys.items())


def test_an_upgrade_that_is_refused_for_two_values_of_a_row_copies_nothing(url: str) -> None:
    adopt(url)
    with in_place():
        migrate(url, to="0001", down=True)
    execute(
        url,
        "ALTER TABLE trigger_executions ADD COLUMN error_category VARCHAR(20)",
        "UPDATE trigger_executions SET error_category = 'other'",
    )

    with pytest.raises(CommandError, match="have one value in error_category and another in"):
        migrate(url, to="0002")

    assert execute(url, REMAINS) == []


@pytest.mark.parametrize("way", ["base", "discard"])
def test_a_removal_killed_anywhere_is_completed_by_the_same_command(url: str, way: str) -> None:
    adopt(url)
    to, x = ("base", {}) if way == "base" else ("0002", {"discard": "yes"})
    expected = copied(url, "expected")
    migrate(expected, to=to, down=True, **x)

    for point in itertools.count(2, STRIDE):
        harmed = copied(url, f"harmed{point}")
        if not killed_at(point, harmed, to, down=True, **x):
            break
        migrate(harmed, to=to, down=True, **x)
        assert (state(harmed), execute(harmed, REMAINS)) == (state(expected), [])
    assert point > STRIDE


def test_discarding_copies_a_table_once_and_leaves_what_it_leaves_in_place(url: str) -> None:
    with in_place():
        migrate(url)
        seed(url)
        migrate(url, to="0012", down=True)
        direct = copied(url, "direct")
        migrate(direct, to="0007", down=True, discard="yes")

    with statements_under_the_lock() as long:
        migrate(url, to="0007", down=True, discard="yes")

    assert long == []
    assert state(url) == state(direct)
    assert execute(url, REMAINS) == []


def test_a_lost_index_is_built_beside_writers_and_refuses_duplicates_meanwhile(url: str) -> None:
    with in_place():
        migrate(url, to="0012")
        seed(url)
    tables = schema(url)
    twice = (
        "INSERT INTO trigger_executions (trigger_id, status, idempotency_key) "
        "VALUES (1, 'pending', 'once')"
    )
    execute(url, twice, "DROP INDEX uq_trigger_idem")
    refused: list[str] = []

    def write() -> None:
        try:
            execute(url, twice)
        except sa.exc.IntegrityError as error:
            refused.append(str(error.orig))

    with statements_under_the_lock() as long, in_each_pause(write):
        migrate(url, to="0012")

    assert long == []
    assert refused
    assert schema(url) == tables
    assert execute(url, REMAINS) == []


def test_a_writer_need_not_write_what_was_copied_into_the_file(url: str) -> None:
    migrate(url, to="0001")
    connected = Database(from_environment({"DATABASE_URL": url}))
    pragma = "PRAGMA wal_autocheckpoint"

    with connected.reading() as writer, gentle.own_connection(connected.engine) as ours:
        pages = writer.exec_driver_sql(pragma).scalar_one()
        copied_pages = ours.exec_driver_sql(pragma).scalar_one()
    connected.dispose()

    assert copied_pages <= pages / 4


def drop(database: str, stop: threading.Event) -> list[str]:
    connected = Database(from_environment({"DATABASE_URL": database}))
    with connected.reading() as connection:
        names = [each.name for each in stashes.listed(connection)]
    try:
        return [each.name for each in stash_removal.drop(connected, names, stop)]
    finally:
        connected.dispose()


def test_stashed_columns_of_a_large_table_are_dropped_beside_writers(url: str) -> None:
    with in_place():
        migrate(url)
        seed(url)
        migrate(url, to="0009", down=True)
    rows = data(url)["trigger_executions"]

    with statements_under_the_lock() as long:
        dropped = drop(url, threading.Event())

    empty = ("key_mismatches", "hookonce_pauses")
    assert [each for each in long if not any(table in each for table in empty)] == []
    assert any("trigger_executions._stash_0012" in name for name in dropped)
    assert "_stash_" not in repr(schema(url, whole=True))
    assert len(data(url)["trigger_executions"]) == len(rows)
    assert execute(url, REMAINS) == []
    assert execute(url, "PRAGMA integrity_check") == [("ok",)]


def test_dropping_stashes_stops_at_once_and_is_taken_up_again(url: str) -> None:
    with in_place():
        migrate(url)
        seed(url)
        migrate(url, to="0009", down=True)
    stop = threading.Event()

    def write() -> Any:
        stop.set()

    with in_each_pause(write):
        first = drop(url, stop)
    second = drop(url, threading.Event())

    assert "trigger_executions._stash_0012_received_at" not in first
    assert "trigger_executions._stash_0012_received_at" in second
    assert execute(url, REMAINS) == []


def test_dropping_stashes_stops_while_it_waits_for_a_reader(url: str) -> None:
    with in_place():
        migrate(url)
        seed(url)
        migrate(url, to="0009", down=True)
    stop, looks, pages_left = threading.Event(), itertools.count(1), checkpoints._pages_left
    reader = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM triggers").fetchall()

    def look(connection: sa.Connection) -> int:
        if next(looks) == 3:
            stop.set()
        elif stop.is_set():
            reader.rollback()  # an operator who gives up
        return pages_left(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "BACKLOG_PAGES", 0)
        patch.setattr(checkpoints, "_pages_left", look)
        first = drop(url, stop)
    still_reads = reader.in_transaction
    reader.close()
    second = drop(url, threading.Event())

    assert still_reads
    assert first == []
    assert "trigger_executions._stash_0012_received_at" in second
    assert execute(url, REMAINS) == []


def test_a_disk_that_is_too_full_to_drop_columns_is_one_sentence(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_place():
        migrate(url)
        migrate(url, to="0009", down=True)
        execute(url, "INSERT INTO triggers (name, slug, action_type) VALUES ('n', 's', 'noop')")
    usage = shutil.disk_usage("/")._replace(free=-1)
    monkeypatch.setattr(preparation.shutil, "disk_usage", lambda _path: usage)

    with pytest.raises(HookonceError, match="must be free on the disk"):
        drop(url, threading.Event())
    with pytest.raises(CommandError, match="must be free on the disk"):
        migrate(url, to="0009", down=True, discard="yes")
