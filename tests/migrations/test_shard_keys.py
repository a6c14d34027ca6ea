"""Every key of PostgreSQL's executions includes the trigger, and no row or lock is lost for it."""

import pytest

from app.db import Database, partitioning, shard_key
from app.db.models import metadata
from app.stats.counter_writer import CounterWriter
from app.stats.counters import Counters
from tests.support import factories
from tests.support.databases import migrate
from tests.support.revisions import before
from tests.support.schema_dump import data, execute, schema
from tests.support.seeding import seed

KEYS = "0031"
SHARDED = sorted(name for name, table in metadata.tables.items() if shard_key.is_sharded(table))
CHILDREN = [
    name
    for name in SHARDED
    if any(
        key.referred_table.name == "trigger_executions"
        for key in metadata.tables[name].foreign_key_constraints
    )
]
OF_OLDER_CODE = (
    """INSERT INTO execution_repeats (execution_id, number, last_at) VALUES ({id}, 3, now())
    ON CONFLICT (execution_id) DO UPDATE SET number = (execution_repeats.number + excluded.number),
    last_at = CASE WHEN (excluded.last_at > execution_repeats.last_at) THEN excluded.last_at
    ELSE execution_repeats.last_at END""",
    """INSERT INTO key_mismatches (execution_id, digest, number, first_at, last_at)
    VALUES ({id}, 'd', 3, now(), now()) ON CONFLICT (execution_id, digest) DO UPDATE SET
    number = (key_mismatches.number + excluded.number),
    first_at = CASE WHEN (excluded.first_at < key_mismatches.first_at) THEN excluded.first_at
    ELSE key_mismatches.first_at END,
    last_at = CASE WHEN (excluded.last_at > key_mismatches.last_at) THEN excluded.last_at
    ELSE key_mismatches.last_at END""",
)
"""Statements of the release at revision 0028 that name keys without the trigger."""
_LACKING = """
    SELECT i.indexrelid::regclass::text FROM pg_index AS i
    WHERE i.indexrelid::regclass::text <> ALL ('{{{older}}}')
    AND i.indisunique AND i.indrelid::regclass::text IN ({tables}) AND NOT EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indrelid
        AND a.attnum = ANY (i.indkey::int2[]) AND a.attname = 'trigger_id')
    UNION ALL SELECT conname::text FROM pg_constraint AS c
    WHERE c.contype = 'f' AND c.confrelid = 'trigger_executions'::regclass AND NOT EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = c.conrelid
        AND a.attnum = ANY (c.conkey) AND a.attname = 'trigger_id')"""


@pytest.fixture
def kind() -> str:
    """Run on PostgreSQL only: SQLite keeps its keys."""
    return "postgresql"


def test_every_key_and_reference_includes_the_trigger(database_url: str) -> None:
    assert len(CHILDREN) == 7
    assert _short_keys(database_url) == []


@pytest.mark.parametrize("partitioned", [False, True])
def test_code_of_the_release_before_counts_duplicates(
    database_url: str, database: Database, partitioned: bool
) -> None:
    """Its processes run on the new schema during a deploy; on partitions they cannot."""
    execution_id = factories.execution(database, factories.trigger(database))
    if partitioned:
        partitioning.partition(database, 2, lambda _table: None)
        partitioning.undo(database, lambda _table: None)

    for _ in range(2):
        for statement in OF_OLDER_CODE:
            execute(database_url, statement.format(id=execution_id))

    counted = "SELECT number, last_at > '2026-01-01' FROM "
    assert execute(database_url, counted + "execution_repeats") == [(6, True)]
    assert execute(database_url, counted + "key_mismatches") == [(6, True)]


def test_a_count_that_a_key_for_older_code_refuses_is_tried_again(
    database: Database, database_url: str
) -> None:
    """Another process may insert the same row in the moment between the look and the insert."""
    trigger_id = factories.trigger(database)
    execution_id = factories.execution(database, trigger_id)
    row = f"VALUES ({execution_id}, {trigger_id + 1}, 1, now())"
    execute(
        database_url,
        "SET session_replication_role = replica",  # without a trigger of this id
        f"INSERT INTO execution_repeats (execution_id, trigger_id, number, last_at) {row}",
    )
    counters = Counters()
    counters.repeat(execution_id, "d" * 64)
    writer = CounterWriter(counters, database, 1.0)

    refused = writer.flush()
    execute(database_url, "DELETE FROM execution_repeats")
    written = writer.flush()

    assert (refused, written) == (False, True)
    for table in ("execution_repeats", "key_mismatches"):
        assert execute(database_url, f"SELECT number FROM {table}") == [(1,)]


@pytest.mark.parametrize("table", [name for name in CHILDREN if name != "mismatched_payloads"])
def test_a_row_that_older_code_writes_gets_the_trigger_of_its_execution(
    database_url: str, table: str
) -> None:
    seed(database_url)
    of_execution = "WHERE c.execution_id = e.id AND c.trigger_id = e.trigger_id"
    rows = execute(database_url, f"SELECT count(*) FROM {table}")

    execute(
        database_url,
        f"CREATE TEMP TABLE kept AS SELECT * FROM {table}; ALTER TABLE kept DROP COLUMN trigger_id;"
        f"DELETE FROM {table};"
        f"DO $$ DECLARE names text; BEGIN SELECT string_agg(quote_ident(attname), ', ') INTO names "
        f"FROM pg_attribute WHERE attrelid = 'kept'::regclass AND attnum > 0 AND NOT attisdropped; "
        f"EXECUTE 'INSERT INTO {table} (' || names || ') SELECT ' || names || ' FROM kept'; END $$",
    )

    query = f"SELECT count(*) FROM {table} AS c, trigger_executions AS e {of_execution}"
    assert execute(database_url, query) == rows


def test_older_rows_get_the_trigger_of_their_execution(empty_url: str) -> None:
    migrate(empty_url, to="0028")
    seed(empty_url)
    rows = {name: execute(empty_url, f"SELECT count(*) FROM {name}") for name in CHILDREN}

    migrate(empty_url)

    for name in CHILDREN:
        query = (
            f"SELECT count(*) FROM {name} AS c JOIN trigger_executions AS e "
            "ON e.id = c.execution_id AND e.trigger_id = c.trigger_id"
        )
        assert execute(empty_url, query) == rows[name] != [(0,)]


def test_a_reference_of_another_table_keeps_the_key_that_it_needs(empty_url: str) -> None:
    migrate(empty_url, to=before(KEYS))
    seed(empty_url)
    execute(
        empty_url,
        "CREATE TABLE theirs (id bigint REFERENCES trigger_executions (id))",
        "INSERT INTO theirs SELECT id FROM trigger_executions",
    )
    tables, rows = schema(empty_url), data(empty_url)

    migrate(empty_url)
    upgraded = schema(empty_url)
    migrate(empty_url, to=before(KEYS), down=True)

    assert ("pk_trigger_executions", "PRIMARY KEY (id)", True) in upgraded["trigger_executions"][
        "constraints"
    ]
    assert schema(empty_url) == tables
    assert data(empty_url)["theirs"] == rows["theirs"] != []
    execute(empty_url, "DROP TABLE theirs")
    migrate(empty_url)
    assert _short_keys(empty_url) == []


GROUPED = "SELECT id, status FROM trigger_executions GROUP BY id"
GROUPING = {
    "VIEW theirs": f"AS {GROUPED}",
    "FUNCTION theirs()": f"""RETURNS bigint LANGUAGE sql BEGIN ATOMIC
    SELECT count(*) FROM ({GROUPED}) AS rows; END""",
}


@pytest.mark.parametrize("name", GROUPING)
def test_what_groups_by_the_primary_key_keeps_it(empty_url: str, name: str) -> None:
    migrate(empty_url, to=before(KEYS))
    execute(empty_url, f"CREATE {name} {GROUPING[name]}")
    tables = schema(empty_url)

    migrate(empty_url)
    upgraded = schema(empty_url)["trigger_executions"]["constraints"]
    migrate(empty_url, to=before(KEYS), down=True)

    assert ("pk_trigger_executions", "PRIMARY KEY (id)", True) in upgraded
    assert schema(empty_url) == tables
    execute(empty_url, f"DROP {name}")
    migrate(empty_url)
    assert _short_keys(empty_url) == []


def test_the_key_that_identifies_published_rows_does_so_after_its_exchange(empty_url: str) -> None:
    migrate(empty_url, to=before(KEYS))
    seed(empty_url)
    execute(
        empty_url,
        "CREATE PUBLICATION theirs FOR ALL TABLES",
        "ALTER TABLE trigger_executions REPLICA IDENTITY USING INDEX pk_trigger_executions",
    )

    migrate(empty_url)
    execute(empty_url, "UPDATE trigger_executions SET error = 'up'")
    migrate(empty_url, to=before(KEYS), down=True)
    execute(empty_url, "UPDATE trigger_executions SET error = 'down'")


def _short_keys(url: str) -> list[object]:
    tables = ", ".join(f"'{name}'" for name in SHARDED)
    older = ", ".join(shard_key.KEYS_OF_OLDER_CODE)
    return execute(url, _LACKING.format(tables=tables, older=older))
