"""Removing columns for good keeps objects of others, or names them before any change."""

import re
import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest
from alembic.util import CommandError

from app.db import Database, stash_removal, stashes
from app.settings import from_environment
from tests.support import found_databases as found
from tests.support.databases import migrate
from tests.support.schema_dump import connected, data, execute, schema

LEVEL = "0003"
"""Lowest revision with enough columns: each step costs time."""
INDEX = "CREATE INDEX owners_index ON trigger_executions (lease_owner) WHERE error IS NOT NULL"
ON_POSTGRESQL = [
    "COMMENT ON COLUMN trigger_executions.lease_owner IS 'it''s 100%% theirs'",
    "GRANT SELECT (lease_owner), UPDATE (attempt_count) ON trigger_executions TO PUBLIC",
    "GRANT SELECT (lease_owner) ON trigger_executions TO pg_monitor WITH GRANT OPTION",
    "CREATE STATISTICS owners_statistics ON lease_owner, error_category FROM trigger_executions",
    "COMMENT ON STATISTICS owners_statistics IS 'it''s 100%% theirs'",
    "ALTER STATISTICS owners_statistics SET STATISTICS 555",
    "ALTER TABLE trigger_executions ALTER COLUMN lease_owner SET STATISTICS 777",
    """CREATE POLICY owners_policy ON trigger_executions FOR UPDATE TO PUBLIC, CURRENT_USER
        USING (lease_owner LIKE 'a%%') WITH CHECK (lease_owner <> 'it''s')""",
    "COMMENT ON POLICY owners_policy ON trigger_executions IS 'it''s 100%% theirs'",
    """CREATE PUBLICATION owners_publication
        FOR TABLE trigger_executions (id, lease_owner, attempt_count, status)
        WHERE (id %% 2 = 1), triggers (id)""",
    """ALTER TABLE trigger_executions ALTER lease_owner SET (n_distinct = 5),
        ALTER lease_owner SET COMPRESSION pglz, ALTER lease_owner SET STORAGE EXTERNAL""",
    "ALTER TABLE trigger_executions ADD CONSTRAINT owners_unique UNIQUE (id, lease_owner)",
    "COMMENT ON CONSTRAINT owners_unique ON trigger_executions IS 'it''s;\n100%% theirs'",
    "COMMENT ON INDEX owners_unique IS 'an index'",
    "ALTER TABLE trigger_executions ADD CONSTRAINT owners_cover UNIQUE (id) INCLUDE (lease_owner)",
    """ALTER TABLE trigger_executions ADD CONSTRAINT owners_exclusion
        EXCLUDE (id WITH =, attempt_count WITH =)""",
    """ALTER TABLE trigger_executions ADD CONSTRAINT owners_condition
        EXCLUDE (id WITH =, lower(lease_owner) WITH =) WHERE (attempt_count > 1) DEFERRABLE""",
    "CREATE INDEX owners_expression ON trigger_executions (lower(lease_owner))",
    "ALTER INDEX owners_expression ALTER COLUMN 1 SET STATISTICS 444",
    "COMMENT ON INDEX owners_index IS 'it''s 100%% theirs'",
    "CREATE UNIQUE INDEX owners_identity ON trigger_executions (id, attempt_count)",
    "ALTER TABLE trigger_executions CLUSTER ON owners_identity",
    "ALTER TABLE trigger_executions REPLICA IDENTITY USING INDEX owners_identity",
]
COLUMNS = """
    SELECT attname, array(SELECT a::text FROM unnest(attacl) AS a ORDER BY 1), attstattarget,
        attoptions::text, attcompression, attstorage, col_description(attrelid, attnum)
    FROM pg_attribute WHERE attrelid = 'trigger_executions'::regclass AND attnum > 0
    AND NOT attisdropped"""
SEEN = {
    # a rename of the table by SQLite puts quotes around the names
    "sqlite": ["SELECT name, replace(sql, '\"', '') FROM sqlite_master WHERE name LIKE 'owners%%'"],
    "postgresql": [
        """SELECT pg_get_indexdef(indexrelid), indisclustered, indisreplident,
        obj_description(indexrelid), attstattarget FROM pg_index
        JOIN pg_attribute ON attrelid = indexrelid
        WHERE indexrelid::regclass::text LIKE 'owners%%'""",
        """SELECT pg_get_statisticsobjdef(oid), stxstattarget,
        obj_description(oid, 'pg_statistic_ext') FROM pg_statistic_ext""",
        COLUMNS,
        """SELECT conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint')
        FROM pg_constraint WHERE conname LIKE 'owners%%'""",
        """SELECT policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies""",
        "SELECT polname, obj_description(oid, 'pg_policy') FROM pg_policy",
        "SELECT tablename, attnames::text, rowfilter FROM pg_publication_tables",
    ],
}

TABLE_SQL = "SELECT sql FROM sqlite_master WHERE name = 'trigger_executions'"


def seen(url: str, kind: str) -> list[Any]:
    return [sorted(map(repr, execute(url, query))) for query in SEEN[kind]]


def test_what_can_be_written_down_comes_back_with_its_column(empty_url: str, kind: str) -> None:
    found.make(empty_url)
    tables = schema(empty_url)
    migrate(empty_url, to=LEVEL)
    execute(empty_url, INDEX, *(ON_POSTGRESQL if kind == "postgresql" else []))
    before = seen(empty_url, kind)

    migrate(empty_url, to="base", down=True)
    given_back = schema(empty_url)
    migrate(empty_url, to=LEVEL)

    assert given_back == tables
    assert seen(empty_url, kind) == before


REFUSED = "(?s)nothing was (?:changed|removed)"
"""PostgreSQL is looked through before the first step, SQLite by each step in its transaction."""


@pytest.mark.parametrize("way", ["base", "discard"])
def test_a_view_stops_the_removal_before_any_change(empty_url: str, way: str) -> None:
    found.make(empty_url)
    migrate(empty_url, to=LEVEL)
    execute(empty_url, "CREATE VIEW owners_view AS SELECT lease_owner FROM trigger_executions")
    to, x = ("base", {}) if way == "base" else ("0002", {"discard": "yes"})
    if way == "base":
        migrate(empty_url, to="0001", down=True)
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError, match=REFUSED + r".*[Rr]un `DROP VIEW \W?owners_view"):
        migrate(empty_url, to=to, down=True, **x)
    refused = schema(empty_url, whole=True), data(empty_url, whole=True)
    execute(empty_url, "DROP VIEW owners_view")
    migrate(empty_url, to=to, down=True, **x)

    for step_began in refused:
        step_began.pop("_undoing_0003", None)
        step_began.pop("_undoing_0001", None)
    assert refused == before


@pytest.mark.parametrize("way", ["discard", "drop"])
def test_it_comes_back_after_the_values_were_dropped_for_good(
    empty_url: str, kind: str, way: str
) -> None:
    migrate(empty_url, to=LEVEL)
    execute(empty_url, INDEX, *(ON_POSTGRESQL if kind == "postgresql" else []))
    before = seen(empty_url, kind)

    migrate(empty_url, to="0002", down=True, **({"discard": "yes"} if way == "discard" else {}))
    if way == "drop":
        drop_stashed_columns(empty_url)
    columns = schema(empty_url)["trigger_executions"]
    migrate(empty_url, to=LEVEL)

    assert "lease_owner" not in repr(columns)
    assert seen(empty_url, kind) == before


def drop_stashed_columns(url: str) -> None:
    database = Database(from_environment({"DATABASE_URL": url}))
    with database.reading() as connection:
        names = [each.name for each in stashes.listed(connection) if each.column]
    assert len(list(stash_removal.drop(database, names, threading.Event()))) == len(names)
    database.dispose()


TRIGGER = """CREATE TRIGGER t BEFORE UPDATE OF lease_owner ON trigger_executions
    FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"""
OTHERS = {
    "sqlite": [
        'CREATE VIEW "their ""odd"" view" AS SELECT lease_owner FROM trigger_executions',
        """CREATE TRIGGER "a ""trigger" AFTER UPDATE OF lease_owner ON trigger_executions
        BEGIN SELECT 1; END""",
        "ALTER TABLE trigger_executions ADD COLUMN g TEXT AS (upper(lease_owner))",
    ],
}
OTHERS["postgresql"] = [
    "CREATE POLICY p ON trigger_executions AS RESTRICTIVE USING (lease_owner <> 'x')",
    "CREATE PUBLICATION p FOR TABLE trigger_executions WHERE (lease_owner <> 'x')",
    "ALTER TABLE trigger_executions ADD COLUMN g text GENERATED ALWAYS AS (lease_owner) STORED",
    "ALTER TABLE trigger_executions ADD CONSTRAINT c CHECK (lease_owner <> 'x')",
    TRIGGER,
    "CREATE MATERIALIZED VIEW v AS SELECT lease_owner FROM trigger_executions",
    "CREATE VIEW a_view_of_the_view AS SELECT * FROM v",
    """CREATE RULE r AS ON DELETE TO trigger_executions
    WHERE OLD.lease_owner = 'x' DO INSTEAD NOTHING""",
    """CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC
    SELECT count(lease_owner) FROM trigger_executions; END""",
    """CREATE FUNCTION of_the_view(v) RETURNS bigint LANGUAGE sql BEGIN ATOMIC
    SELECT count(*) FROM a_view_of_the_view; END""",
    "CREATE VIEW of_the_generated_column AS SELECT g FROM trigger_executions",
    "CREATE VIEW of_the_function AS SELECT f()",
    "CREATE POLICY of_the_view ON audit_log USING (what IN (SELECT lease_owner FROM v))",
    "ALTER TABLE audit_log ALTER COLUMN user_id SET DEFAULT f()",
]


def test_every_kind_of_object_is_named_with_a_statement_that_removes_it(
    empty_url: str, kind: str
) -> None:
    found.make(empty_url)
    migrate(empty_url, to=LEVEL)
    execute(empty_url, *OTHERS[kind])
    migrate(empty_url, to="0001", down=True)

    with pytest.raises(CommandError, match=REFUSED) as refusal:
        migrate(empty_url, to="base", down=True)
    remedies = str(refusal.value).partition("`")[2].partition("`")[0]
    execute(empty_url, *filter(str.strip, remedies.split(";")))
    migrate(empty_url, to="base", down=True)

    assert len(remedies.split("; ")) == len(OTHERS[kind])


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("way", ["base", "discard"])
def test_a_check_of_sqlite_is_named_with_the_statements_that_remove_it(
    empty_url: str, way: str
) -> None:
    found.make(empty_url)
    migrate(empty_url, to=LEVEL)
    named = "ADD COLUMN level INTEGER CONSTRAINT theirs CHECK (level > 0 OR lease_owner <> ');')"
    nameless = "ADD COLUMN depth INTEGER CHECK (depth > 0) CHECK (depth > attempt_count + (1))"
    check = "CHECK (lease_owner <> 1) ON CONFLICT IGNORE"
    at_the_end = f"replace(sql, 'PRIMARY KEY (id)', 'PRIMARY KEY (id), {check}')"
    execute(
        empty_url,
        f"ALTER TABLE trigger_executions {named}",
        f"ALTER TABLE trigger_executions {nameless}",
    )
    with connected(empty_url) as connection:
        connection.exec_driver_sql("PRAGMA writable_schema = ON")
        connection.exec_driver_sql(
            f"UPDATE sqlite_master SET sql = {at_the_end} WHERE name = 'trigger_executions'"
        )
    to, x = ("base", {}) if way == "base" else ("0002", {"discard": "yes"})

    with pytest.raises(CommandError, match="nothing was removed") as refusal:
        migrate(empty_url, to=to, down=True, **x)
    with closing(sqlite3.connect(empty_url.removeprefix("sqlite:///"))) as connection:
        connection.executescript(str(refusal.value).partition("`")[2].partition("`")[0])
    migrate(empty_url, to=to, down=True, **x)

    definition = execute(empty_url, TABLE_SQL)[0][0]
    assert definition.count("CHECK (depth > 0)") == definition.count("CHECK") == 1
    assert "CONFLICT" not in definition


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_constraint_that_no_statement_removes_is_named_in_words(empty_url: str) -> None:
    found.make(empty_url)
    migrate(empty_url, to=LEVEL)
    with connected(empty_url) as connection:
        connection.exec_driver_sql("PRAGMA writable_schema = ON")
        key = "PRIMARY KEY (id), FOREIGN KEY (lease_owner) REFERENCES users"
        connection.exec_driver_sql(
            f"UPDATE sqlite_master SET sql = replace(sql, 'PRIMARY KEY (id)', '{key}') "
            "WHERE name = 'trigger_executions'"
        )
    execute(empty_url, "CREATE VIEW v AS SELECT lease_owner FROM trigger_executions")

    with pytest.raises(CommandError) as refusal:
        migrate(empty_url, to="base", down=True)

    assert re.search(
        r'Run `DROP VIEW "v";`, and create trigger_executions anew without the constraint on '
        r'"_stash_\d{4}_lease_owner", then run the same command again',
        str(refusal.value),
    )
