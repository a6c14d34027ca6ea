"""A failed migration prints one line, keeps the revision, and works once the cause is gone."""

import os
import resource
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy.engine import Engine

from app.db.migration_ops import orphans
from tests.support.databases import ROOT, migrate
from tests.support.revisions import NAMES, revisions, with_one_more
from tests.support.schema_dump import data, execute, schema
from tests.support.seeding import seed

only_sqlite = pytest.mark.parametrize("kind", ["sqlite"])
only_postgresql = pytest.mark.parametrize("kind", ["postgresql"])


def version(url: str) -> str:
    return str(execute(url, "SELECT version_num FROM hookonce_alembic_version")[0][0])


def upgrade_with(url: str, directory: Path, upgrade: str) -> None:
    """Run `alembic upgrade head` with one more revision, whose body is `upgrade`."""
    with mock.patch.dict(os.environ, {"DATABASE_URL": url}):
        command.upgrade(with_one_more(directory, upgrade), "head")


def alembic(
    url: str, *arguments: str, as_user: bool = False, **options: object
) -> subprocess.CompletedProcess[str]:
    root = as_user and os.geteuid() == 0  # root ignores permissions
    return subprocess.run(
        [
            *(["setpriv", "--bounding-set", "-all"] if root else []),
            sys.executable,
            "-m",
            "alembic",
            *(arguments or ("upgrade", "head")),
        ],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "HOOKONCE_LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def one_line(ended: subprocess.CompletedProcess[str]) -> str:
    lines = (ended.stdout + ended.stderr).strip().splitlines()
    assert ended.returncode != 0
    assert len(lines) == 1, lines
    assert lines[0].startswith("FAILED: ")
    return lines[0]


def test_a_lookup_without_its_index_fails_the_migration(
    database_url: str, tmp_path: Path, kind: str
) -> None:
    promise = "op.verify_lookup(\"SELECT id FROM triggers WHERE name = 'x'\", uses='ix_name')"

    with pytest.raises(CommandError, match=rf"{kind} \d+\.\d+.* does not answer .* from ix_name"):
        upgrade_with(database_url, tmp_path, promise)

    assert version(database_url) == NAMES[-1]
    execute(database_url, "CREATE INDEX ix_name ON triggers (name)")
    upgrade_with(database_url, tmp_path, promise)
    assert version(database_url) == "9999"


@only_sqlite
def test_rebuilding_a_parent_table_keeps_its_children(database_url: str, tmp_path: Path) -> None:
    seed(database_url)
    rows = data(database_url)

    upgrade_with(
        database_url,
        tmp_path,
        "with op.batch_alter_table('triggers', recreate='always') as t: "
        "t.alter_column('agent', type_=sa.String(150))",
    )

    assert data(database_url) == rows


@only_sqlite
def test_a_migration_that_would_leave_orphans_changes_nothing(
    database_url: str, tmp_path: Path
) -> None:
    seed(database_url)
    rows = data(database_url)

    with pytest.raises(CommandError, match=r"\d+ rows would lose their parent"):
        upgrade_with(database_url, tmp_path, "op.execute('DELETE FROM triggers')")

    assert data(database_url) == rows
    assert version(database_url) == NAMES[-1]


@only_sqlite
def test_a_step_that_removes_nothing_looks_for_no_orphans(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []

    def look(_connection: sa.Connection, tables: object) -> Counter[str]:
        looks.append(tables)
        return Counter()

    monkeypatch.setattr(orphans, "counts", look)
    upgrade_with(database_url, tmp_path, "op.add_column('triggers', sa.Column('n', sa.Integer))")

    assert looks == []


def migrate_without_room(url: str, revision: str) -> None:
    def fill(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages - free}")

    sa.event.listen(Engine, "connect", fill)
    try:
        migrate(url, to=revision)
    finally:
        sa.event.remove(Engine, "connect", fill)


def needs_room(revision: Script) -> bool:
    """Return True if the revision needs disk space: a table or index does, a column may not."""
    text = Path(revision.path).read_text().split("def downgrade")[0]
    return "ensure_index" in text or "create_or_restore_table" in text


@only_sqlite
@pytest.mark.parametrize(
    "revision", [each.revision for each in revisions()[1:] if needs_room(each)]
)
def test_a_full_disk_is_one_line_and_leaves_the_version(empty_url: str, revision: str) -> None:
    migrate(empty_url, to=NAMES[NAMES.index(revision) - 1])
    seed(empty_url)
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError, match=r"sqlite \d.*database or disk is full"):
        migrate_without_room(empty_url, revision)

    assert (schema(empty_url, whole=True), data(empty_url, whole=True)) == before
    migrate(empty_url, to=revision)
    assert version(empty_url) == revision


@only_sqlite
def test_a_file_that_cannot_grow_is_one_line(empty_url: str) -> None:
    migrate(empty_url, to=NAMES[0])
    seed(empty_url)

    def no_growth() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    ended = alembic(empty_url, preexec_fn=no_growth)

    assert "run the same command again once the cause is gone" in one_line(ended)
    assert version(empty_url) == NAMES[0]
    assert alembic(empty_url).returncode == 0


@only_sqlite
def test_a_read_only_file_is_one_line(empty_url: str) -> None:
    migrate(empty_url, to=NAMES[0])
    Path(empty_url.removeprefix("sqlite:///")).chmod(0o444)

    ended = alembic(empty_url, as_user=True)

    assert "readonly database" in one_line(ended)
    assert version(empty_url) == NAMES[0]
    Path(empty_url.removeprefix("sqlite:///")).chmod(0o644)
    assert alembic(empty_url, as_user=True).returncode == 0


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    ended = alembic(f"sqlite:///{tmp_path}/file/hookonce.db")

    assert f"{tmp_path}/file" in one_line(ended)
    assert alembic(f"sqlite:///{tmp_path}/new/place/hookonce.db").returncode == 0


@only_postgresql
def test_a_read_only_server_is_one_line_and_leaves_the_version(empty_url: str) -> None:
    migrate(empty_url, to=NAMES[1])
    name = execute(empty_url, "SELECT current_database()")[0][0]
    execute(empty_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    ended = alembic(empty_url)

    assert "read-only transaction" in one_line(ended)
    assert version(empty_url) == NAMES[1]
    execute(
        empty_url,
        "SET default_transaction_read_only = off",
        f"ALTER DATABASE {name} RESET default_transaction_read_only",
    )
    assert alembic(empty_url).returncode == 0
    assert version(empty_url) == NAMES[-1]


@only_postgresql
def test_an_unreachable_server_is_one_line(empty_url: str) -> None:
    ended = alembic(empty_url.replace("@/t", "@/no_such_"))

    assert "the database could not be reached: " in one_line(ended)
    assert "does not exist" in one_line(ended)


@pytest.mark.parametrize("arguments", [("upgrade", "head"), ("current",), ("downgrade", "base")])
def test_no_revision_is_spoken_of_where_no_server_answers(arguments: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    ended = alembic(f"postgresql://nobody@127.0.0.1:{port}/none", *arguments)

    assert "the database could not be reached: " in one_line(ended)
    assert "revision" not in one_line(ended)


@only_sqlite
def test_a_file_that_is_no_database_is_one_line(empty_url: str) -> None:
    Path(empty_url.removeprefix("sqlite:///")).write_bytes(b"no database at all " * 100)

    ended = alembic(empty_url)

    assert "could not be reached: file is not a database" in one_line(ended)


@only_sqlite
def test_an_old_sqlite_is_refused_with_what_is_needed(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))

    with pytest.raises(CommandError, match=r"needs SQLite 3\.35\.0 or newer; nothing was changed"):
        migrate(empty_url)

    assert schema(empty_url, whole=True) == {}


CHECKED = {
    "DROP TABLE triggers": {"trigger_executions", "execution_attempts"},
    "DROP TABLE _stash_0004_attempts": set(),
    "DELETE FROM trigger_executions": {"execution_attempts"},
    "INSERT INTO execution_attempts SELECT 1": {"execution_attempts"},
    "INSERT OR REPLACE INTO triggers VALUES (1)": {
        "triggers",
        "trigger_executions",
        "execution_attempts",
    },
    "UPDATE execution_attempts SET execution_id = 2": {"execution_attempts"},
    "UPDATE execution_attempts SET number = 2": set(),
    "DELETE FROM execution_attempts": set(),
    "DROP TABLE /* empty */ triggers": set(),
    "ALTER TABLE triggers RENAME COLUMN a TO b": set(),
}
"""Tables that may have rows without their parent after each statement."""


@pytest.mark.parametrize("statement", CHECKED)
def test_only_tables_that_may_have_orphans_are_checked_for_them(statement: str) -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        for table in (
            "triggers (a)",
            "trigger_executions (id, trigger_id REFERENCES triggers (a))",
            """execution_attempts (execution_id REFERENCES trigger_executions (id), number,
            trigger_id REFERENCES Triggers (a))""",
            "_stash_0004_attempts (id)",
        ):
            connection.exec_driver_sql(f"CREATE TABLE {table}")
        with orphans.noting_children(connection) as noted, suppress(sa.exc.DBAPIError):
            connection.exec_driver_sql(statement)

    assert set(noted) == CHECKED[statement]


def test_a_table_that_was_renamed_since_is_checked_for_orphans_by_its_new_name() -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE parents (a INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("CREATE TABLE children (a REFERENCES parents)")
        connection.exec_driver_sql("INSERT INTO parents VALUES (1)")
        connection.exec_driver_sql("INSERT INTO children VALUES (1), (1)")
        with orphans.noting_children(connection) as noted:
            connection.exec_driver_sql("DELETE FROM parents")
            connection.exec_driver_sql("ALTER TABLE children RENAME TO _stash_children")

        assert orphans.counts(connection, noted) == {"_stash_children": 2}
        assert orphans.counts(connection, {"parents"}) == {}


def test_rows_that_had_no_parent_before_do_not_stop_a_step() -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE parents (a INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("CREATE TABLE children (a REFERENCES parents)")
        connection.exec_driver_sql("INSERT INTO parents VALUES (1), (2)")
        connection.exec_driver_sql("INSERT INTO children VALUES (1), (7), (8)")
        with orphans.noting_children(connection) as noted:
            connection.exec_driver_sql("DELETE FROM parents WHERE a = 2")
            connection.exec_driver_sql("ALTER TABLE children RENAME TO _stash_children")
            before = orphans.more(connection, noted)
            connection.exec_driver_sql("DELETE FROM parents WHERE a = 1")

        assert (before, orphans.more(connection, noted)) == (0, 1)
