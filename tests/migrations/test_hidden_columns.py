"""A downgrade renames columns: values, and what others built on a column, stay as they are."""

import re
from typing import Any

import pytest
from alembic.util import CommandError

from app import health
from app.db import Database
from app.settings import from_environment
from tests.support import found_databases as found
from tests.support.databases import migrate
from tests.support.schema_dump import data, execute, in_any_order, schema, stashes
from tests.support.seeding import seed, seed_bare

OF_EITHER = """
CREATE VIEW owners_view AS SELECT id, received_at, error_reason FROM trigger_executions;
CREATE INDEX owners_index ON trigger_executions (lower(payload_digest))
WHERE error_reason IS NOT NULL;
"""
OTHERS = {
    "sqlite": """
CREATE TRIGGER owners_trigger AFTER UPDATE OF payload_digest ON trigger_executions
BEGIN DELETE FROM triggers WHERE name = new.payload_digest\\; END;
ALTER TABLE trigger_executions ADD COLUMN owners_day TEXT AS (date(received_at));
ALTER TABLE trigger_executions ADD COLUMN owners_note TEXT CHECK (received_at <> 'x');
""",
    "postgresql": """
CREATE MATERIALIZED VIEW owners_copy AS SELECT payload_digest FROM trigger_executions;
CREATE FUNCTION owners_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW\\; END';
CREATE TRIGGER owners_trigger AFTER UPDATE OF payload_digest ON trigger_executions
FOR EACH ROW EXECUTE FUNCTION owners_function();
ALTER TABLE trigger_executions ADD COLUMN owners_day date
GENERATED ALWAYS AS (received_at::date) STORED;
ALTER TABLE trigger_executions ADD CONSTRAINT owners_check CHECK (received_at > '2000-01-01');
CREATE POLICY owners_policy ON trigger_executions USING (error_reason <> 'hidden');
CREATE PUBLICATION owners_publication FOR TABLE trigger_executions (id, payload_digest);
COMMENT ON COLUMN trigger_executions.received_at IS 'of the owner';
GRANT SELECT (payload_digest), UPDATE (error_reason) ON trigger_executions TO PUBLIC;
CREATE STATISTICS owners_statistics ON received_at, payload_digest FROM trigger_executions;
ALTER TABLE trigger_executions ALTER COLUMN payload_digest SET STATISTICS 777;
ALTER TABLE trigger_executions ALTER COLUMN payload_digest SET STORAGE EXTERNAL;
""",
}
"""Statements of somebody else about columns of revisions 0011 and 0012."""
SEEN = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE name LIKE 'owners%'",
    "postgresql": """
SELECT viewname, definition FROM pg_views WHERE schemaname = 'public';
SELECT matviewname, definition FROM pg_matviews;
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal;
SELECT tablename, policyname, qual FROM pg_policies;
SELECT pubname, tablename, attnames::text FROM pg_publication_tables;
SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext;
SELECT attname, attacl::text, attstattarget, attstorage, attgenerated, attnum,
col_description(attrelid, attnum) FROM pg_attribute
WHERE attrelid = 'trigger_executions'::regclass;
SELECT relname, pg_relation_filenode(oid) FROM pg_class
WHERE relname IN ('trigger_executions', 'owners_index')
""",
}


def statements(script: str) -> list[str]:
    """Split at each semicolon that has no backslash before it."""
    parts = re.split(r"(?<!\\);", script)
    return [part.replace("\\;", ";").strip() for part in parts if part.strip()]


def seen(url: str, kind: str) -> list[Any]:
    return [sorted(map(repr, execute(url, query))) for query in statements(SEEN[kind])]


def test_what_others_built_on_a_column_is_the_same_after_down_and_up(
    empty_url: str, kind: str
) -> None:
    migrate(empty_url)
    execute(empty_url, *statements(OF_EITHER + OTHERS[kind]))
    execute(empty_url, "INSERT INTO triggers (name, slug, action_type) VALUES ('n', 's', 'noop')")
    execute(
        empty_url,
        "INSERT INTO trigger_executions (trigger_id, received_at, payload_digest) "
        "VALUES (1, '2024-02-29 00:00:00', 'd')",
    )
    before = seen(empty_url, kind), in_any_order(schema(empty_url)), data(empty_url)

    migrate(empty_url, to="0003", down=True)
    view = execute(empty_url, "SELECT * FROM owners_view")
    hidden = stashes(empty_url)
    migrate(empty_url)

    assert str(view[0][1]).startswith("2024-02-29")
    assert "trigger_executions._stash_0012_received_at" in hidden
    after = seen(empty_url, kind), in_any_order(schema(empty_url)), data(empty_url)
    assert after == before


def hidden_key(url: str) -> None:
    """Make an adopted database at 0001 with hidden keys; the older system adds the column anew."""
    found.make(url)
    migrate(url)
    execute(url, "UPDATE trigger_executions SET idempotency_key = 'old ' || id WHERE id > 12")
    migrate(url, to="0001", down=True)
    execute(
        url,
        "ALTER TABLE trigger_executions ADD COLUMN idempotency_key VARCHAR(255)",
        "INSERT INTO trigger_executions (trigger_id, status, idempotency_key) "
        "VALUES (1, 'completed', 'new')",
    )


def keys(url: str) -> set[str | None]:
    return {row["idempotency_key"] for row in data(url)["trigger_executions"]}


def test_a_column_that_the_older_system_added_anew_gets_the_hidden_values_too(
    empty_url: str,
) -> None:
    hidden_key(empty_url)

    migrate(empty_url)

    assert keys(empty_url) == {None, "old 13", "old 14", "old 15", "new"}
    assert stashes(empty_url) == set()


def test_a_hidden_key_that_came_again_is_refused_by_name_or_kept_on_the_first(
    empty_url: str,
) -> None:
    hidden_key(empty_url)
    execute(
        empty_url,
        found.UNIQUE,
        "INSERT INTO trigger_executions (trigger_id, status, idempotency_key) "
        "VALUES (3, 'completed', 'old 15')",
    )
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError, match="trigger 3, key 'old 15': executions 15, 17"):
        migrate(empty_url)
    refused = schema(empty_url, whole=True), data(empty_url, whole=True)
    migrate(empty_url, dedupe="keep-first")

    assert refused == before
    assert [
        r["id"] for r in data(empty_url)["trigger_executions"] if r["idempotency_key"] == "old 15"
    ] == [15]
    assert execute(empty_url, "SELECT id, idempotency_key FROM _stash_0002_duplicate_keys") == [
        (17, "old 15")
    ]


# on SQLite a copy is made whole, and a stash beside hidden columns is one that is being restored
@pytest.mark.parametrize("kind", ["postgresql"])
def test_an_incomplete_copy_beside_hidden_columns_is_not_restored(empty_url: str) -> None:
    found.make(empty_url)
    migrate(empty_url, to="0002")
    execute(empty_url, "UPDATE trigger_executions SET idempotency_key = 'k' WHERE id = 15")
    migrate(empty_url, to="0001", down=True)
    execute(
        empty_url,
        "CREATE TABLE _stash_0002_trigger_executions AS "
        "SELECT id, 'stale' AS idempotency_key FROM trigger_executions",
    )

    migrate(empty_url, to="0002")

    assert keys(empty_url) == {None, "k"}
    assert stashes(empty_url) == set()


def test_two_values_of_one_row_are_not_guessed_about(empty_url: str) -> None:
    hidden_key(empty_url)
    execute(empty_url, "UPDATE trigger_executions SET idempotency_key = 'other' WHERE id = 14")
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError, match="rename one of the columns"):
        migrate(empty_url)

    assert (schema(empty_url, whole=True), data(empty_url, whole=True)) == before


def test_the_check_names_hidden_columns(empty_url: str) -> None:
    migrate(empty_url)
    seed(empty_url)
    migrate(empty_url, to="0001", down=True)
    database = Database(from_environment({"DATABASE_URL": empty_url}))

    notes = "\n".join(health.notes(database))
    database.dispose()

    assert all(name in notes for name in stashes(empty_url))


def test_older_code_writes_rows_without_any_hidden_column(empty_url: str) -> None:
    migrate(empty_url)
    seed(empty_url)

    migrate(empty_url, to="0001", down=True)

    for table in schema(empty_url, whole=True).values():
        for column in table["columns"]:
            if column[0].startswith("_stash_"):
                assert not column[2] or column[3] is not None, column
    assert seed_bare(empty_url)
