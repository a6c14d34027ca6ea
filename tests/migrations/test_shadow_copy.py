"""A table of SQLite is copied beside its writers, and takes their every write along."""

import dataclasses
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from app import db
from app.db.migration_ops import gentle, rehearsal, shadow, shadow_remains, shadow_target
from app.settings import from_environment
from tests.support.thorough import THOROUGH

SCHEMA = """
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE things (
        id INTEGER PRIMARY KEY AUTOINCREMENT, -- numbered for ever ()
        parent INTEGER REFERENCES parents (id) ON DELETE CASCADE,
        "odd name" TEXT DEFAULT 'it''s', number INTEGER, amount REAL, body BLOB,
        code TEXT COLLATE NOCASE UNIQUE,
        doubled INTEGER GENERATED ALWAYS AS (number * 2) VIRTUAL,
        CONSTRAINT positive CHECK (number > 0 OR number IS NULL OR typeof(number) = 'text')
    );
    CREATE TABLE parts (id INTEGER PRIMARY KEY, thing INTEGER REFERENCES things (id));
    CREATE TABLE written (id INTEGER, verb TEXT);
    CREATE INDEX things_by_number ON things (number DESC, id);
    CREATE UNIQUE INDEX "things's label" ON things ("odd name", number) WHERE number > 5;
    CREATE VIEW shown AS SELECT id, code FROM things;
    CREATE TRIGGER of_somebody AFTER DELETE ON things BEGIN
        INSERT INTO written VALUES (OLD.id, 'deleted'); END;
    CREATE TRIGGER elsewhere AFTER INSERT ON parts BEGIN
        UPDATE things SET amount = amount + 1 WHERE id = NEW.thing; END;
"""
VALUES = [None, 0, 1, 7, 8, 9, 2.5, "x", "8", b"\x00\xff", "text in a number", 2**63 - 1, -1]
IDS = [0, -5, -(2**63), 1, 2, 3, 5, 8, 13, 40, 2**40, 2**63 - 1]


def build_an_index() -> None:
    op.execute("ALTER TABLE things ADD COLUMN added INTEGER DEFAULT 3")
    op.execute("CREATE INDEX things_by_amount ON things (amount, added) WHERE amount > 1")
    op.execute("DROP INDEX things_by_number")


def build_a_unique_index() -> None:
    op.create_index("things_once", "things", ["amount"], unique=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "things.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(SCHEMA)
        connection.executemany("INSERT INTO parents VALUES (?)", [(n,) for n in range(1, 6)])
    return file


@pytest.fixture
def connection(path: Path) -> Iterator[sa.Connection]:
    engine = db.create_engine(from_environment({"DATABASE_URL": f"sqlite:///{path}"}))
    with gentle.own_connection(engine) as opened:
        yield opened
    engine.dispose()


@pytest.fixture(autouse=True)
def _in_tiny_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gentle, "HOLD_SECONDS", 0)
    monkeypatch.setattr(shadow, "BATCH_ROWS", 3)
    monkeypatch.setattr(shadow, "SMALL_LOG", 4)


def target_of(connection: sa.Connection, change: Callable[[], None]) -> shadow_target.RebuiltTable:
    context = MigrationContext.configure(connection)
    with rehearsal.rehearsed(connection, context, change) as rehearsed:
        (target,) = shadow_target.targets(connection, rehearsed, ["things"])
    connection.commit()
    return target


@contextmanager
def between_transactions(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[], None]
) -> Iterator[None]:
    """Call `write` in each pause of the copy."""
    with monkeypatch.context() as patch:
        patch.setattr(gentle.time, "sleep", lambda _seconds: write())
        yield


def swap(connection: sa.Connection, copy: shadow.ShadowCopy) -> None:
    with gentle.writing(connection):
        copy.swap(connection, lambda: None)


def content(path: Path) -> list[Any]:
    """Return all rows, each value with its storage class."""
    columns = ["id", "parent", '"odd name"', "number", "amount", "body", "code", "doubled"]
    shown = ", ".join(f"quote({name}), typeof({name})" for name in columns)
    with sqlite3.connect(path) as reader:
        return reader.execute(f"SELECT {shown} FROM things ORDER BY id").fetchall()


class Writer:
    """Writes into the table by every kind of statement, at random; refused ones change nothing."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute(f"PRAGMA foreign_keys = {chance.choice(['ON', 'OFF'])}")
        self._chance = chance

    def write(self) -> None:
        for _ in range(self._chance.randrange(4)):
            sql, values = self._chance.choice(self._statements())
            try:
                self._connection.execute(sql, values)
            except sqlite3.IntegrityError:
                continue
            except sqlite3.OperationalError:  # no id is left after the highest
                continue

    def close(self) -> None:
        self._connection.close()

    def _statements(self) -> list[tuple[str, tuple[Any, ...]]]:
        some = self._chance.choice
        row = (some([None, 1, 2, 3, 99]), some("aAbBcC"), *(some(VALUES) for _ in range(4)))
        columns = '(parent, code, "odd name", number, amount, body) VALUES (?, ?, ?, ?, ?, ?)'
        with_id = columns.replace("(", "(id, ", 1).replace("(?", "(?, ?", 1)
        verbs = ("INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT OR FAIL")
        verb = some(verbs)
        id_, other = some(IDS), some(IDS)
        conflict = some(["", "OR REPLACE", "OR IGNORE"])
        upsert = some(
            ["DO NOTHING", "DO UPDATE SET number = 9", "(code) DO UPDATE SET id = id + 50"]
        )
        return [
            (f"{verb} INTO things {columns}", row),
            (f"{verb} INTO things {with_id}", (id_, *row)),
            (f"INSERT INTO things {columns} ON CONFLICT {upsert}", row),
            (f"UPDATE {conflict} things SET code = ?, number = ? WHERE id = ?", (*row[1:3], id_)),
            (f"UPDATE {conflict} things SET id = ? WHERE id = ?", (id_, other)),
            (f"UPDATE {conflict} things SET amount = ?", (row[4],)),
            ("DELETE FROM things WHERE id = ?", (id_,)),
            ("DELETE FROM things WHERE number = ?", (row[3],)),
            (
                some(
                    ["DELETE FROM parents WHERE id = ?", "INSERT OR IGNORE INTO parents VALUES (?)"]
                ),
                (some([1, 2, 3]),),
            ),
            ("INSERT INTO parts (thing) VALUES (?)", (id_,)),
        ]


@pytest.mark.parametrize("seed", range(100 if THOROUGH else 12))
def test_whatever_is_written_meanwhile_the_copy_is_the_table(
    path: Path, connection: sa.Connection, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    writer = Writer(path, random.Random(seed))
    for _ in range(12):
        writer.write()
    copy = shadow.ShadowCopy(connection, target_of(connection, build_an_index))

    with between_transactions(monkeypatch, writer.write):
        copy.start()
        copy.fill()
    writer.write()
    copy.verify()
    writer.write()
    writer.close()
    before = content(path)
    swap(connection, copy)

    assert content(path) == before
    assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]


def test_the_exchanged_table_is_as_if_the_step_had_changed_it(
    path: Path, connection: sa.Connection
) -> None:
    with sqlite3.connect(path) as writer:
        writer.execute("INSERT INTO things (id, code) VALUES (41, 'a')")
        writer.execute("DELETE FROM things WHERE id = 41")
        writer.execute("INSERT INTO parts (thing) VALUES (7)")
    as_written = catalog(path)
    copy = shadow.ShadowCopy(connection, target_of(connection, build_an_index))

    copy.start()
    copy.fill()
    swap(connection, copy)
    shadow_remains.remove(connection)

    changed = "ALTER TABLE things ADD COLUMN added INTEGER DEFAULT 3"
    with sqlite3.connect(path, isolation_level=None) as compared:
        now = catalog(path)
        assert {name for name in now if name.startswith("_hookonce")} == set()
        assert now.keys() == as_written.keys() - {"things_by_number"} | {"things_by_amount"}
        unchanged = now.keys() & as_written.keys() - {"things"}
        assert {n: now[n] for n in unchanged} == {n: as_written[n] for n in unchanged}
        assert "added INTEGER DEFAULT 3" in now["things"]
        compared.execute("INSERT INTO things (code) VALUES ('next')")
        rows = compared.execute("SELECT id, added FROM things").fetchall()
        assert rows == [(42, 3)], changed
        compared.execute("DELETE FROM things")
        assert compared.execute("SELECT * FROM written").fetchall()[-1] == (42, "deleted")


def catalog(path: Path) -> dict[str, str]:
    with sqlite3.connect(path) as reader:
        return dict(reader.execute("SELECT name, sql FROM sqlite_master"))


def test_a_row_that_the_new_index_refuses_is_refused_to_its_writer_while_the_table_is_copied(
    path: Path, connection: sa.Connection
) -> None:
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.executemany("INSERT INTO things (amount) VALUES (?)", [(n,) for n in range(20)])
        target = target_of(connection, build_a_unique_index)
        copy = shadow.ShadowCopy(connection, dataclasses.replace(target, refuses=True))
        copy.start()
        copy.fill()

        for verb in ("INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE"):
            with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE .* things\.amount"):
                writer.execute(f"{verb} INTO things (amount) VALUES (7)")
        with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE .* things\.amount"):
            writer.execute("UPDATE things SET amount = 7 WHERE amount = 8")
        writer.execute("INSERT INTO things (amount) VALUES (70)")
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            writer.execute("INSERT INTO things (amount) VALUES (70)")
        writer.execute("UPDATE things SET amount = 71 WHERE amount = 70")
        writer.execute("INSERT INTO things (amount) VALUES (70)")
    swap(connection, copy)

    assert [row[8] for row in content(path)][-2:] == ["71.0", "70.0"]


def test_a_value_that_moves_from_one_row_to_another_is_no_conflict(
    path: Path, connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "BATCH_ROWS", 1)
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.executemany("INSERT INTO things (amount) VALUES (?)", [(n,) for n in range(4)])
        copy = shadow.ShadowCopy(connection, target_of(connection, build_a_unique_index))
        copy.start()
        copy.fill()

        writer.execute("UPDATE things SET amount = 50 WHERE id = 4")
        writer.execute("UPDATE things SET amount = 3 WHERE id = 1")
    before = content(path)
    swap(connection, copy)

    assert content(path) == before


def test_a_copy_that_lacks_a_row_is_not_exchanged(path: Path, connection: sa.Connection) -> None:
    with sqlite3.connect(path) as writer:
        writer.executemany("INSERT INTO things (amount) VALUES (?)", [(n,) for n in range(9)])
    copy = shadow.ShadowCopy(connection, target_of(connection, build_an_index))
    copy.start()
    copy.fill()

    with gentle.writing(connection):
        connection.exec_driver_sql("DELETE FROM _hookonce_shadow_things WHERE id = 5")
    with pytest.raises(CommandError, match="8 rows instead of 9"):
        copy.verify()


def test_a_damaged_index_is_named_with_the_statement_that_mends_it(
    path: Path, connection: sa.Connection
) -> None:
    add = "INSERT INTO things (amount) VALUES (?)"
    hidden = "UPDATE sqlite_master SET sql = ? WHERE name = 'things_by_number'"
    whole = "CREATE INDEX things_by_number ON things (number DESC, id)"
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.executemany(add, [(n,) for n in range(9)])
        owner.execute("PRAGMA writable_schema = ON")
        owner.execute(hidden, (f"{whole} WHERE number > 1000",))
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.executemany(add, [(n,) for n in range(20, 25)])
        owner.execute("PRAGMA writable_schema = ON")
        owner.execute(hidden, (whole,))
    copy = shadow.ShadowCopy(connection, target_of(connection, build_an_index))
    copy.start()
    copy.fill()

    with pytest.raises(
        CommandError, match=r"14 rows instead of \d+; nothing was changed. Run `REINDEX"
    ):
        copy.verify()
    connection.exec_driver_sql("REINDEX things")
    copy.verify()


def test_a_table_that_somebody_changed_meanwhile_is_not_exchanged(
    path: Path, connection: sa.Connection
) -> None:
    copy = shadow.ShadowCopy(connection, target_of(connection, build_an_index))
    copy.start()
    copy.fill()
    with sqlite3.connect(path) as owner:
        owner.execute("ALTER TABLE things ADD COLUMN theirs TEXT")
    before = catalog(path)

    with pytest.raises(CommandError, match="somebody changed the table things"):
        swap(connection, copy)

    assert catalog(path) == before


def test_a_copy_is_taken_up_where_it_was_interrupted(
    path: Path, connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.executemany("INSERT INTO things (amount) VALUES (?)", [(n,) for n in range(30)])
        interrupted = shadow.ShadowCopy(connection, target_of(connection, build_an_index))
        interrupted.start()
        monkeypatch.setattr(gentle.time, "sleep", mock.Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            interrupted.fill()
        monkeypatch.undo()
        copied = connection.exec_driver_sql("SELECT count(*) FROM _hookonce_shadow_things").scalar()
        writer.execute("UPDATE things SET amount = -1 WHERE id = 1")
    before = content(path)

    again = shadow.ShadowCopy(connection, target_of(connection, build_an_index))
    again.start()
    assert connection.exec_driver_sql("SELECT last_id FROM _hookonce_shadow_state_things").scalar()
    again.fill()
    again.verify()
    swap(connection, again)

    assert 0 < copied < 30
    assert content(path) == before


def test_another_step_discards_the_copy_of_an_interrupted_one(
    path: Path, connection: sa.Connection
) -> None:
    with sqlite3.connect(path) as writer:
        writer.executemany("INSERT INTO things (amount) VALUES (?)", [(n,) for n in range(9)])
    first = shadow.ShadowCopy(connection, target_of(connection, build_an_index))
    first.start()
    first.fill()

    second = shadow.ShadowCopy(connection, target_of(connection, build_a_unique_index))
    second.start()
    second.fill()
    before = content(path)
    swap(connection, second)

    assert content(path) == before
    assert {"things_once", "things_by_number"} <= catalog(path).keys()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("CREATE UNIQUE INDEX odd ON things (lower(code))", "odd is unique on an expression"),
        ("", "no INTEGER PRIMARY KEY"),
    ],
)
def test_a_table_that_cannot_be_copied_row_by_row_is_left_to_the_step(
    path: Path, connection: sa.Connection, change: str, reason: str
) -> None:
    with sqlite3.connect(path) as owner:
        if change:
            owner.execute(change)
        else:
            owner.executescript(
                "DROP TABLE things; CREATE TABLE things (id TEXT PRIMARY KEY, "
                "amount REAL) WITHOUT ROWID;"
            )

    with pytest.raises(rehearsal.Unfit, match=reason):
        target_of(connection, build_a_unique_index)
