"""Work beside the writers of SQLite leaves no long write-ahead log to a writer's commit."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import create_engine
from app.db.migration_ops import checkpoints, gentle
from app.settings import from_environment
from tests.support.service import until

PAGES = checkpoints.RESTART_PAGES + 100


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A migration's connection to a file with one table of large rows."""
    monkeypatch.setattr(gentle, "PAUSE_FACTOR", 0)
    engine = create_engine(from_environment({"DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"}))
    with gentle.own_connection(engine) as connection:
        connection.execute(sa.text("CREATE TABLE rows (content BLOB)"))
        connection.commit()
        yield connection
    engine.dispose()


@pytest.fixture
def reader(connection: Connection) -> Iterator[sqlite3.Connection]:
    """A connection that reads, such as a backup's."""
    path = str(connection.engine.url.database)
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    yield reader
    reader.close()


def read(reader: sqlite3.Connection) -> None:
    """Begin to read: from now on the connection keeps its snapshot."""
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM rows").fetchone()


def work(connection: Connection, times: int = 1) -> None:
    """Write so many pages in each of some short transactions."""
    for _ in range(times):
        with gentle.brief(connection):
            connection.exec_driver_sql(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                "INSERT INTO rows SELECT zeroblob(4000) FROM n",
                (PAGES,),
            )


def pages_in_log(reader: sqlite3.Connection) -> int:
    """Write a row; return the pages that the log has since it began anew."""
    reader.execute("INSERT INTO rows VALUES ('x')")
    return int(reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def test_the_log_begins_anew_although_it_was_never_written_whole_between_two_commits(
    connection: Connection, reader: sqlite3.Connection
) -> None:
    def end_read(statement: str) -> None:
        if "RESTART" in statement and reader.in_transaction:
            reader.execute("COMMIT")

    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_trace_callback(end_read)

    for _ in range(3):
        read(reader)
        work(connection)
        if reader.in_transaction:
            reader.execute("COMMIT")

    assert pages_in_log(reader) < 10


def test_work_waits_for_a_reader_that_keeps_the_log_from_the_file(
    connection: Connection,
    reader: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(checkpoints, "BACKLOG_PAGES", PAGES)
    monkeypatch.setattr(checkpoints, "REPORT_SECONDS", 0)
    read(reader)
    working = threading.Thread(target=work, args=(connection, 5))

    working.start()
    try:
        until(lambda: "migration_waits_for_reader" in caplog.text, "a line about the wait")
        rows_meanwhile = count(reader)
    finally:
        reader.execute("COMMIT")
        working.join()

    assert rows_meanwhile <= 2 * PAGES
    assert count(reader) == 5 * PAGES


def count(reader: sqlite3.Connection) -> int:
    """Return the number of rows that are committed, also while `reader` keeps a snapshot."""
    path = reader.execute("PRAGMA database_list").fetchone()[2]
    with sqlite3.connect(path) as another:
        return int(another.execute("SELECT count(*) FROM rows").fetchone()[0])
