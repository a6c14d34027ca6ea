"""The statements of docs/sharding.md for Citus, and the rules by which others are checked.

Citus cannot be installed here. In its place are functions of the same names, which check what Citus
checks of a table before it distributes it, as far as PostgreSQL's catalog shows it.
"""

import re
import subprocess
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app import clock
from app.cli import main
from app.db import Database
from app.db.count_cache import CountCache
from app.db.migration_ops import running, shard_keys
from app.db.paging import PagePosition
from app.db.schema import SchemaWatch
from app.executions import dead_letters, due, held, replay, search, waiting
from app.executions.search import ExecutionFilter
from app.intake.store import distributed, postgresql
from app.settings import from_environment
from app.stats import deliveries, failures, report, totals
from app.triggers import first_delivery, queries
from tests.support import citus_rules, factories
from tests.support.citus_rules import Transaction, refusals
from tests.support.databases import DISTRIBUTED, ROOT, Databases, migrate
from tests.support.databases import distributed as distributed_tables
from tests.support.schema_dump import Schema, data, execute, schema
from tests.support.seeding import seed
from tests.support.thorough import THOROUGH

CHECKS = """
CREATE TABLE managed (owner regclass, kind text);
CREATE FUNCTION fit(owner regclass, kind text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = owner AND NOT tgisinternal)
        THEN RAISE EXCEPTION '% has a database trigger', owner; END IF;
    IF EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND owner IN (conrelid, confrelid))
        THEN RAISE EXCEPTION '% is part of a foreign key', owner; END IF;
    IF kind = 'h' AND EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = owner AND indisunique
        AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = owner AND attname = 'trigger_id'
            AND attnum = ANY (i.indkey::int2[])))
        THEN RAISE EXCEPTION '% has a unique index without trigger_id', owner; END IF;
    INSERT INTO managed VALUES (owner, kind);
END $$;
CREATE FUNCTION create_reference_table(owner regclass) RETURNS void LANGUAGE sql
    AS $$ SELECT fit(owner, 'n') $$;
CREATE FUNCTION create_distributed_table(owner regclass, name text, shard_count int DEFAULT NULL,
    colocate_with text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$ SELECT fit(owner, 'h') $$;
"""
"""Functions that stand in for those of Citus: they refuse a table that Citus would refuse."""
UNFIT = """
    SELECT conname::text FROM pg_constraint AS c JOIN managed AS parent ON parent.owner = confrelid
    LEFT JOIN managed AS child ON child.owner = conrelid
    WHERE contype = 'f' AND parent.kind = 'h' AND (child.kind IS DISTINCT FROM 'h'
        OR confdeltype NOT IN ('a', 'c') OR pg_get_constraintdef(c.oid)
            !~ 'KEY .*, trigger_id\\) REFERENCES .*, trigger_id\\)')"""
"""Foreign keys to distributed tables that Citus refuses: the trigger must be on both sides."""


@pytest.fixture
def kind() -> str:
    """Run on PostgreSQL only: SQLite is on one machine."""
    return "postgresql"


def documented() -> str:
    """Return the statements that distribute the tables."""
    page = (ROOT / "docs" / "sharding.md").read_text()
    (block,) = re.findall(r"```sql\n(SET citus[^`]*create_reference_table.*?)```", page, re.DOTALL)
    return str(block)


def run(databases: Databases, url: str, script: str) -> subprocess.CompletedProcess[str]:
    psql = databases.server.programs / "psql"
    command = [psql, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", url]
    return subprocess.run(command, input=script, capture_output=True, text=True)


def test_the_documented_statements_distribute_every_table(
    databases: Databases, database_url: str
) -> None:
    seed(database_url)
    rows, keys = data(database_url), foreign_keys(schema(database_url))

    ran = run(databases, database_url, CHECKS + documented())

    assert ran.returncode == 0, ran.stderr
    kinds = dict(execute(database_url, "SELECT owner::text, kind FROM managed"))
    assert kinds == dict.fromkeys(citus_rules.DISTRIBUTED, "h") | {citus_rules.REFERENCE: "n"}
    assert execute(database_url, UNFIT) == []
    execute(database_url, "DROP TABLE managed")
    assert (data(database_url), foreign_keys(schema(database_url))) == (rows, keys)


def test_the_page_names_the_tables_that_citus_lists_afterwards() -> None:
    page = (ROOT / "docs" / "sharding.md").read_text()
    check = page.partition("**4. The check.**")[2].partition("\n\n")[0]

    assert set(re.findall(r"`(\w+_\w+)`", check)) - {"citus_tables"} == citus_rules.CONNECTED


def test_every_table_that_refers_to_a_managed_one_is_known_as_managed(database_url: str) -> None:
    """The rules for changes hold for all tables that foreign keys connect with triggers."""
    pairs = execute(
        database_url,
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint "
        "WHERE contype = 'f'",
    )
    connected = {citus_rules.REFERENCE}
    for _ in pairs:
        connected |= {owner for owner, parent in pairs if parent in connected}

    assert connected == citus_rules.MANAGED


def foreign_keys(tables: Schema) -> dict[str, list[object]]:
    return {
        name: [each for each in table["constraints"] if "FOREIGN KEY" in str(each)]
        for name, table in tables.items()
    }


def test_the_statements_of_admission_are_for_one_shard(database: Database) -> None:
    found = SchemaWatch(database).current()
    texts = [distributed._execution_text(found), distributed._request_text(found)]

    assert [refusals(each or "") for each in texts] == [[], []]
    # the statement that takes the place of both without Citus
    assert refusals(postgresql.find_or_insert_text(found)) != []


E, A, T = "trigger_executions", "execution_attempts", "triggers"
NOW = "timezone('utc', statement_timestamp())"


@pytest.mark.parametrize(
    "statement",
    [
        f"WITH RECURSIVE a AS (SELECT 1 FROM {E}) SELECT * FROM a",
        f"SELECT {E}.id FROM {E} WHERE {E}.id = %(a)s FOR NO KEY UPDATE SKIP LOCKED",
        f"UPDATE {E} SET started_at = coalesce({E}.started_at, {NOW}) WHERE {E}.trigger_id = 1",
        f"UPDATE trigger_breakers SET opened_at = CASE WHEN true THEN {NOW} END",
        f"DELETE FROM {E} WHERE received_at < clock_timestamp()",
        f"INSERT INTO {E} (trigger_id, id) VALUES (1, (SELECT 1))",
        f"INSERT INTO {E} (trigger_id, error) SELECT {E}.trigger_id, 'x' FROM {E}",
        f"WITH a AS (UPDATE {E} SET status = '' WHERE {E}.trigger_id = 1 RETURNING id) SELECT 1",
        f"INSERT INTO {A} (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET started_at = {NOW}",
        f"UPDATE {E} SET status = '' WHERE {E}.trigger_id = 1 RETURNING lower(status)",
        f"SELECT 1 FROM {E} JOIN {A} ON {A}.execution_id = {E}.id",
        f"SELECT {T}.id, (SELECT {E}.id FROM {E} WHERE {E}.trigger_id = {T}.id) FROM {T}",
        f"SELECT 1 FROM {E} WHERE EXISTS (SELECT 1 FROM {A} WHERE {A}.execution_id = {E}.id)",
        f"SELECT (SELECT {A}.id FROM {A} WHERE {A}.trigger_id = {E}.trigger_id LIMIT 1) FROM {E}",
        f"SELECT (SELECT count(*) FROM {A} WHERE {A}.trigger_id = {E}.trigger_id) FROM {E}",
        f"SELECT {E}.id FROM {E} WHERE {E}.trigger_id = ANY (%(a)s) FOR UPDATE SKIP LOCKED",
        (
            f"SELECT 1 FROM {E} JOIN {A} ON {A}.execution_id = {E}.id "
            f"WHERE {E}.trigger_id = ANY (%(a)s) AND {A}.trigger_id = ANY (%(a)s)"
        ),
        f"UPDATE {E} SET error = concat({E}.error, 'x') WHERE {E}.trigger_id = 1",
        f"DELETE FROM {E} WHERE {E}.trigger_id = 1 AND to_char({E}.received_at, 'D') = '1'",
        f"UPDATE {E} SET status = '', trigger_id=2 WHERE {E}.trigger_id = 1",
        f"UPDATE {T} SET enabled = false WHERE {T}.id IN (SELECT {E}.trigger_id FROM {E})",
        f"SELECT {T}.id, {E}.id FROM {T} LEFT OUTER JOIN {E} ON {E}.trigger_id = {T}.id",
        (
            f"SELECT asked.id FROM unnest(%(a)s) AS asked WHERE EXISTS "
            f"(SELECT 1 FROM {E} WHERE {E}.id = asked.id)"
        ),
        f"SELECT status, count(*) FROM {E} GROUP BY ROLLUP (status)",
        f"SELECT array_agg({E}.id ORDER BY {E}.id) FROM {E}",
    ],
)
def test_what_citus_refuses_is_found(statement: str) -> None:
    assert len(refusals(statement)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT {E}.id FROM {E} WHERE {E}.trigger_id = %(a)s FOR UPDATE",
        f"SELECT 1 FROM {E} JOIN {A} ON {A}.trigger_id = {E}.trigger_id",
        f"SELECT 1 FROM {E} WHERE EXISTS (SELECT 1 FROM {A} WHERE {A}.trigger_id = {E}.trigger_id)",
        f"UPDATE {E} SET started_at = LEAST({E}.started_at, {NOW}) WHERE {E}.trigger_id = 1",
        f"UPDATE {E} SET next_attempt_at = {NOW} + make_interval(0, CASE WHEN true THEN 1 END)",
        f"INSERT INTO {E} (trigger_id, id) SELECT {E}.trigger_id, 5 FROM {E}",
        f"SELECT 1 FROM (SELECT {E}.id FROM {E} ORDER BY {E}.id LIMIT 5) AS newest",
        "UPDATE hookonce_workers SET last_seen_at = coalesce(last_seen_at, now())",
        f"SELECT {E}.id FROM {E} LEFT OUTER JOIN {T} ON {T}.id = {E}.trigger_id",
        f"SELECT {T}.id, {E}.id FROM {T} LEFT JOIN {E} ON {E}.trigger_id = 5",
        (
            f"UPDATE {E} SET error = lower({E}.error), completed_at = to_timestamp(5) "
            f"WHERE {E}.status IS DISTINCT FROM {E}.error AND {E}.trigger_id = 1"
        ),
    ],
)
def test_what_citus_accepts_passes(statement: str) -> None:
    assert refusals(statement) == []


@pytest.mark.parametrize(
    ("before", "change", "count"),
    [
        (f"SELECT count(*) FROM {E}", f"UPDATE {T} SET enabled = false", 1),
        (f"DELETE FROM {A}", f"DELETE FROM {T} WHERE id = 1", 1),
        (f"UPDATE {E} SET error = '' WHERE {E}.trigger_id = ANY (%(a)s)", f"DELETE FROM {T}", 1),
        (f"SELECT {E}.id FROM {E} WHERE {E}.trigger_id = %(a)s", f"DELETE FROM {T}", 0),
        (f"INSERT INTO {E} (id, trigger_id) VALUES (1, 2)", f"DELETE FROM {T}", 0),
        (f"DELETE FROM {T} WHERE id = 1", f"SELECT count(*) FROM {E}", 0),
        (f"SELECT count(*) FROM {E}", "UPDATE trigger_breakers SET failure_count = 1", 0),
    ],
)
def test_a_change_of_triggers_after_a_statement_on_several_shards_is_found(
    before: str, change: str, count: int
) -> None:
    transaction = Transaction()

    assert transaction.refusals(before) == []
    assert len(transaction.refusals(change)) == count


@pytest.mark.parametrize(
    "arguments", [("partition", "--into", "4"), ("partition", "--undo"), ("move", "--to")]
)
def test_commands_that_citus_cannot_carry_out_change_nothing(
    databases: Databases, arguments: tuple[str, ...]
) -> None:
    with databases.at_head(DISTRIBUTED) as url, databases.at_head("sqlite") as target:
        opened = Database(from_environment({"DATABASE_URL": url}))
        factories.execution(opened, factories.trigger(opened))
        opened.dispose()
        rows, tables = data(url), schema(url)
        given = [*arguments, target] if arguments[0] == "move" else [*arguments]

        refused = CliRunner().invoke(main, given, env={"DATABASE_URL": url})

        assert refused.exit_code == 1
        assert "run undistribute_table first" in refused.output
        assert (data(url), schema(url)) == (rows, tables)


def test_migrations_of_distributed_tables_are_such_as_citus_accepts(databases: Databases) -> None:
    refused: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        refused.extend(refusals(statement))

    with databases.empty("postgresql") as url:
        migrate(url)
        seed(url)
        distributed_tables(url)
        rows = data(url)
        event.listen(Engine, "before_cursor_execute", note)
        try:
            migrate(url, to=shard_keys.SINCE, down=True)
            migrate(url)
        finally:
            event.remove(Engine, "before_cursor_execute", note)

        assert (refused, data(url)) == ([], rows)
        assert _mode(url) == "sequential"


def _mode(url: str) -> object:
    """Return Citus's setting for statements on several shards in the session of a migration."""
    database = Database(from_environment({"DATABASE_URL": url}))
    with running.session(database.engine) as (connection, _):
        mode = connection.exec_driver_sql("SHOW citus.multi_shard_modify_mode").scalar()
    database.dispose()
    return mode


@pytest.mark.skipif(not THOROUGH, reason="the suites of SPREAD ask most of it")
def test_statistics_and_lists_are_made_for_several_shards(databases: Databases) -> None:
    with databases.at_head(DISTRIBUTED) as url:
        database = Database(from_environment({"DATABASE_URL": url}))
        trigger_id = factories.trigger(database, max_concurrency=1)
        execution_id = factories.execution(database, trigger_id, "failed", idempotency_key="k")
        factories.execution(database, trigger_id)
        replay.replay(database, execution_id)
        counter, since = CountCache(), clock.now() - timedelta(days=1)

        with citus_rules.watched(database.engine) as refused, database.reading() as connection:
            asked = [
                report.read(connection, counter, 7, 1, answer_limit=lambda _source: None),
                totals.present(connection, due.find_triggers(connection)),
                failures.by_hour(connection, counter, since),
                deliveries.mismatches(connection, 10),
                first_delivery.newest_received(connection, trigger_id),
                queries.all_triggers(connection),
                held.by_trigger(connection),
                waiting.because(connection, factories.executions(database)),
                search.page(connection, counter, ExecutionFilter(since=since), PagePosition()),
                dead_letters.newest_by_trigger(connection, 5),
            ]
        database.dispose()

    assert refused == []
    assert [each.execution_count for each in asked[5]] == [3]
