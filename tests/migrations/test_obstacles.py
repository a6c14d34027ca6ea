"""A found table that would refuse events, or lose them, stops the upgrade before any change."""

import re

import pytest
from alembic.util import CommandError

from tests.migrations.test_fitness import receives_and_runs
from tests.support import found_databases as found
from tests.support.databases import migrate
from tests.support.schema_dump import data, execute, schema
from tests.support.thorough import some

ALL = tuple(found.ADDED_COLUMNS)
E, T = "trigger_executions", "triggers"

BOTH = {
    "a column that nobody fills": [
        f"ALTER TABLE {E} ADD COLUMN team VARCHAR(9) NOT NULL DEFAULT ''",
    ],
    "another spelling": [f'ALTER TABLE {E} RENAME COLUMN idempotency_key TO "Idempotency_Key"'],
    "another unique index": [f"CREATE UNIQUE INDEX one_key ON {E} (trigger_id, idempotency_key)"],
}
"""Statements after which neither database can be adopted as it is."""
CHANGING = """CREATE FUNCTION changing() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.idempotency_key := lower(NEW.idempotency_key); RETURN NEW; END'"""
REFUSING = """CREATE FUNCTION refusing() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''frozen''; END'"""
BY = "FOR EACH ROW EXECUTE FUNCTION"
POSTGRESQL = BOTH | {
    "a column that nobody fills": [
        f"ALTER TABLE {E} ADD COLUMN team VARCHAR(9) NOT NULL DEFAULT ''",
        f"ALTER TABLE {E} ALTER COLUMN team DROP DEFAULT",
    ],
    "an end of every row": [
        f"UPDATE {E} SET completed_at = now()",
        f"ALTER TABLE {E} ALTER COLUMN completed_at SET NOT NULL",
    ],
    "an agent of every trigger": [
        f"UPDATE {T} SET agent = 'a'",
        f"ALTER TABLE {T} ALTER COLUMN agent SET NOT NULL",
    ],
    "no primary key": [f"ALTER TABLE {E} DROP CONSTRAINT trigger_executions_pkey"],
    "a copy of the rows": [
        f"CREATE TABLE copy AS SELECT * FROM {E}",
        f"DROP TABLE {E}",
        f"ALTER TABLE copy RENAME TO {E}",
    ],
    "ids that are taken": ["SELECT setval('trigger_executions_id_seq', 3)"],
    "another primary key": [
        f"ALTER TABLE {E} DROP CONSTRAINT trigger_executions_pkey, ADD PRIMARY KEY (id, trigger_id)"
    ],
    "a collation": [
        "CREATE COLLATION folded (provider = libc, locale = 'C')",
        "UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'folded'",
        f"ALTER TABLE {E} ALTER COLUMN idempotency_key TYPE varchar(255) COLLATE folded",
    ],
    "a unique constraint": [f"ALTER TABLE {E} ADD CONSTRAINT one UNIQUE (idempotency_key)"],
    "no log": [f"ALTER TABLE {E} SET UNLOGGED"],
    "a view": [f"ALTER TABLE {T} RENAME TO old", f"CREATE VIEW {T} AS SELECT * FROM old"],
    "partitions": [
        f"ALTER TABLE {E} RENAME TO old",
        f"CREATE TABLE {E} (LIKE old) PARTITION BY RANGE (id)",
    ],
    "a child": [f"CREATE TABLE child () INHERITS ({E})"],
    "an id that only the database may give": [
        f"ALTER TABLE {E} ALTER COLUMN id DROP DEFAULT",
        f"ALTER TABLE {E} ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (START 100)",
    ],
    "a generated column": [
        f"ALTER TABLE {E} DROP COLUMN error",
        f"ALTER TABLE {E} ADD COLUMN error text GENERATED ALWAYS AS ('none') STORED",
    ],
    "a CHECK of statuses": [
        f"UPDATE {E} SET status = 'failed' WHERE status IS NULL",
        f"ALTER TABLE {E} ADD CONSTRAINT known CHECK (status <> 'failed_retryable')",
    ],
    "a CHECK of keys and a CHECK of sources": [
        f"ALTER TABLE {E} ADD CONSTRAINT short CHECK (length(idempotency_key) < 64)",
        f"ALTER TABLE {T} ADD CONSTRAINT github CHECK (source = 'github')",
    ],
    "a domain with a CHECK": [
        "CREATE DOMAIN short AS text CHECK (length(value) < 100)",
        f"ALTER TABLE {E} ALTER COLUMN idempotency_key TYPE short",
    ],
    "a domain that is NOT NULL": [
        f"UPDATE {E} SET error = ''",
        "CREATE DOMAIN known AS text NOT NULL",
        f"ALTER TABLE {E} ALTER COLUMN error TYPE known",
    ],
    "a trigger that changes keys": [
        CHANGING,
        f"CREATE TRIGGER t BEFORE INSERT ON {E} {BY} changing()",
        f"CREATE TRIGGER suppress BEFORE UPDATE ON {E} {BY} suppress_redundant_updates_trigger()",
    ],
    "a trigger that refuses updates": [
        REFUSING,
        f"CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON {E} INITIALLY DEFERRED {BY} refusing()",
    ],
    "a rule": [f"CREATE RULE r AS ON UPDATE TO {E} DO INSTEAD NOTHING"],
    "a unique expression": [
        f"CREATE UNIQUE INDEX folded ON {E} (trigger_id, lower(idempotency_key))"
    ],
    "an exclusion": [f"ALTER TABLE {E} ADD CONSTRAINT ex EXCLUDE (idempotency_key WITH =)"],
    "an index of whole payloads": [f"CREATE INDEX whole ON {E} (event_data)"],
    "a foreign key of the key": [
        "CREATE TABLE known_keys (k varchar(255) PRIMARY KEY)",
        f"ALTER TABLE {E} ADD FOREIGN KEY (idempotency_key) REFERENCES known_keys NOT VALID",
    ],
    "ids of a former smallserial": ["ALTER SEQUENCE trigger_executions_id_seq AS smallint"],
    "an index of ours on another table": ["CREATE INDEX uq_trigger_idem ON users (email)"],
    "a table with the name of our index": ["CREATE TABLE uq_trigger_idem (id integer)"],
    "a table and a view with names of ours": [
        "CREATE TABLE notification_channels (id integer)",
        "CREATE VIEW execution_attempts AS SELECT 1 AS id",
    ],
}
UNIQUE_IN_TABLE = "CONSTRAINT uq_trigger_idem UNIQUE (trigger_id, idempotency_key)"


def anew(pattern: str, other: str) -> list[str]:
    """Return the change, as pattern and replacement, of the CREATE statement of the executions."""
    return ["anew", pattern, other]


def respelled(old: str, new: str) -> list[str]:
    """Return statements that change the CREATE statement which SQLite stores."""
    change = f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}')"
    return ["PRAGMA writable_schema = ON", change]


SQLITE = BOTH | {
    "a column that nobody fills": [
        f"ALTER TABLE {E} ADD COLUMN team TEXT NOT NULL DEFAULT 0",
        *respelled(" DEFAULT 0", ""),
    ],
    "an end of every row": [
        f"UPDATE {E} SET completed_at = started_at",
        *respelled("completed_at DATETIME", "completed_at DATETIME NOT NULL"),
    ],
    "no rowid": anew(r"\n\)$", ") WITHOUT ROWID"),
    "an id of another type": anew("id INTEGER NOT NULL", "id BIGINT NOT NULL"),
    "no primary key": anew(r"PRIMARY KEY \(id\)", "CHECK (id > 0)"),
    "another primary key": anew(r"PRIMARY KEY \(id\)", "PRIMARY KEY (id, trigger_id)"),
    "a collation": anew(r"VARCHAR\(255\)", "VARCHAR(255) COLLATE NOCASE"),
    "a unique constraint": anew(r"PRIMARY KEY \(id\)", f"PRIMARY KEY (id), {UNIQUE_IN_TABLE}"),
    "a table of another spelling": [
        f"ALTER TABLE {T} RENAME TO old",
        "ALTER TABLE old RENAME TO Triggers",
    ],
    "a view": [f"ALTER TABLE {T} RENAME TO old", f"CREATE VIEW {T} AS SELECT * FROM old"],
    "a CHECK of statuses": anew(
        r"PRIMARY KEY \(id\)", "PRIMARY KEY (id), CHECK (status <> 'failed_retryable')"
    ),
    "a trigger that changes keys": [
        f"""CREATE TRIGGER t AFTER INSERT ON {E} BEGIN UPDATE {E}
        SET idempotency_key = lower(idempotency_key) WHERE id = new.id; END"""
    ],
    "a trigger that ignores rows": [
        f"CREATE TRIGGER t BEFORE INSERT ON {E} BEGIN SELECT RAISE(IGNORE); END"
    ],
    "a trigger that refuses updates": [
        f"CREATE TRIGGER t BEFORE UPDATE OF status ON {E} BEGIN SELECT RAISE(ABORT, 'no'); END"
    ],
    "triggers that roll back": [
        f"CREATE TRIGGER t BEFORE UPDATE ON {E} BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
        f"CREATE TRIGGER \"a b\" AFTER INSERT ON {T} BEGIN SELECT raise ( rollback, 'no'); END",
    ],
    "a unique expression": [
        f"CREATE UNIQUE INDEX folded ON {E} (trigger_id, lower(idempotency_key))"
    ],
    "a trigger into a table that is gone": [
        f"CREATE TRIGGER t AFTER INSERT ON {E} BEGIN INSERT INTO gone VALUES (new.id); END"
    ],
    "a foreign key of the key": anew(
        r"PRIMARY KEY \(id\)", "PRIMARY KEY (id), FOREIGN KEY (idempotency_key) REFERENCES users"
    ),
    "an index of ours on another table": ["CREATE INDEX uq_trigger_idem ON users (email)"],
    "a table with the name of our index": ["CREATE TABLE uq_trigger_idem (id integer)"],
    "a table with a name of ours": ["CREATE TABLE Notification_Channels (id integer)"],
}
CASES = [
    pytest.param(kind, statements, id=f"{kind}-{name}")
    for kind, cases in (("sqlite", SQLITE), ("postgresql", POSTGRESQL))
    for name, statements in cases.items()
]


def make(url: str, statements: list[str]) -> None:
    found.make(url, ALL)
    if statements[0] != "anew":
        execute(url, *statements)
        return
    _, pattern, other = statements
    made = execute(url, f"SELECT sql FROM sqlite_master WHERE name = '{E}'")[0][0]
    changed = re.sub(pattern, other, made.replace("VARCHAR(255), ", "VARCHAR(255),"))
    assert changed != made
    columns = ", ".join(row[1] for row in execute(url, f"PRAGMA table_info({E})"))
    execute(
        url,
        f"ALTER TABLE {E} RENAME TO old",
        changed,
        f"INSERT INTO {E} ({columns}) SELECT {columns} FROM old",
        "DROP TABLE old",
    )


@pytest.mark.parametrize(("kind", "statements"), some(CASES, one_in=16))
def test_an_obstacle_stops_the_upgrade_before_any_change(
    empty_url: str, statements: list[str]
) -> None:
    make(empty_url, statements)
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError, match="nothing was changed") as refused:
        migrate(empty_url)

    after = schema(empty_url, whole=True), data(empty_url, whole=True)
    assert after == before
    for remedy in re.findall(r"run `(.*?);`", str(refused.value)):
        for statement in remedy.split("; "):
            execute(empty_url, statement)
    if "run `" in str(refused.value):
        migrate(empty_url)
        assert receives_and_runs(empty_url)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_what_others_built_is_no_obstacle_if_it_lets_our_rows_be(empty_url: str) -> None:
    found.make(empty_url, ALL)
    execute(
        empty_url,
        f"CREATE UNIQUE INDEX uq_trigger_idem ON {E} (trigger_id, lower(idempotency_key))",
        f"ALTER TABLE {E} ADD COLUMN code text",
        f"CREATE UNIQUE INDEX theirs ON {E} (lower(code), status)",
        REFUSING,
        f"CREATE TRIGGER t BEFORE INSERT ON {E} {BY} refusing()",
        f"ALTER TABLE {E} DISABLE TRIGGER t",
        "CREATE SCHEMA elsewhere",
        "CREATE TABLE elsewhere.notification_channels (id integer)",
        f"ALTER TABLE {E} ADD CONSTRAINT known CHECK (id > 0 AND trigger_id IS NOT NULL)",
    )

    migrate(empty_url)

    assert receives_and_runs(empty_url)
