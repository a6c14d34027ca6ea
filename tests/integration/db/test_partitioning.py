"""`hookonce partition` spreads executions over partitions, loses nothing, and can be undone."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from click.testing import CliRunner

from app.cli import main
from app.db import IDEMPOTENCY_INDEX, REPLAY_INDEX, Database, deduplication, partitioning, violates
from app.db.models import trigger_executions
from app.db.schema import SchemaWatch
from app.errors import NotPossible
from app.executions.due import DueTrigger
from app.intake import store
from app.intake.batch import BatchAdmission
from app.intake.store.postgresql import find_or_insert_text
from app.settings import Settings, from_environment
from app.worker import claim, settle
from app.worker.attempt import FinishedAttempt, Outcome
from tests.integration.intake.test_store import entry, row
from tests.support import factories
from tests.support.databases import Databases, migrate
from tests.support.schema_dump import data, execute, schema
from tests.support.seeding import seed

NAMES = partitioning.tables()
_PLACE = """
    SELECT number FROM generate_series(0, 3) AS number WHERE satisfies_hash_partition(
        CAST('trigger_executions' AS regclass), 4, number, CAST(:id AS integer))"""
_USES = """
    SELECT relname::text, coalesce(idx_scan, 0) + seq_scan + n_tup_ins + n_tup_upd + n_tup_del
    FROM pg_stat_xact_user_tables WHERE relname ~ '_p[0-9]+$'"""
"""Partitions, each with the number of its scans and changed rows in this session."""


@pytest.fixture
def kind() -> str:
    """Run on PostgreSQL only: SQLite has no partitions."""
    return "postgresql"


@pytest.fixture
def database_url(databases: Databases, kind: str) -> Iterator[str]:
    with databases.empty(kind) as url:
        migrate(url)
        yield url


def partition(database: Database, count: int = 4) -> None:
    partitioning.partition(database, count, lambda _table: None)


def test_partitioned_and_undone_nothing_is_lost(database: Database, database_url: str) -> None:
    seed(database_url)
    rows, tables = data(database_url), schema(database_url, whole=True)

    partition(database)
    spread = {name: data(database_url)[name] for name in NAMES}
    partitioning.undo(database, lambda _table: None)

    assert spread == {name: rows[name] for name in NAMES}
    assert data(database_url) == rows
    assert without_casts(schema(database_url, whole=True)) == without_casts(tables)


def test_a_downgrade_waits_for_the_operator(database: Database, database_url: str) -> None:
    partition(database)
    tables = schema(database_url)

    with pytest.raises(CommandError, match="run hookonce partition --undo first"):
        migrate(database_url, to="0030", down=True)
    assert schema(database_url) == tables

    partitioning.undo(database, lambda _table: None)
    migrate(database_url, to="0030", down=True)
    migrate(database_url)


def without_casts(tables: object) -> str:
    """Return the schema as text; PostgreSQL moves the casts of a predicate that it reads again."""
    return re.sub(r"::[a-z ]+(\[\])?|[()]", "", str(tables))


def test_the_command_partitions_and_undoes_and_says_what_is_wrong(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    def ran(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["partition", *arguments])
        return result.exit_code, result.output

    assert ran()[0] == ran("--into", "2", "--undo")[0] == 2
    assert "between 2 and" in ran("--into", "1")[1]
    assert "are not partitioned" in ran("--undo")[1]
    assert ran("--into", "2")[0] == 0
    assert "run `hookonce partition --undo` first" in ran("--into", "3")[1]
    assert ran("--undo")[0] == 0
    execute(database_url, "CREATE VIEW theirs AS SELECT id FROM trigger_executions")
    code, output = ran("--into", "2")
    assert (code, "nothing was changed" in output) == (1, True)
    assert execute(database_url, "SELECT count(*) FROM pg_inherits") == [(0,)]


def test_a_partitioned_index_keeps_duplicates_out_only_if_each_part_does(
    database: Database, database_url: str
) -> None:
    partition(database)
    with database.reading() as connection:
        before = deduplication.read(connection)
    execute(
        database_url,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN (SELECT relid FROM "
        "pg_partition_tree('uq_trigger_idem') WHERE isleaf ORDER BY 1 LIMIT 1)",
    )
    with database.reading() as connection:
        after = deduplication.read(connection)

    assert (before.fault, after.fault) == (None, "is invalid: its build failed or is under way")


def test_the_index_of_a_partition_is_recognised(database: Database) -> None:
    trigger_id = factories.trigger(database)
    partition(database)
    first = factories.execution(database, trigger_id, "failed")
    factories.execution(database, trigger_id, replay_of_id=first)

    factories.execution(database, trigger_id, idempotency_key="k")

    twice = refused(database, trigger_id=trigger_id, idempotency_key="k")
    replayed = refused(database, trigger_id=trigger_id, replay_of_id=first)

    assert str(twice.orig.diag.constraint_name).startswith("trigger_executions_p")
    assert (violates(twice, IDEMPOTENCY_INDEX), violates(twice, REPLAY_INDEX)) == (True, False)
    assert violates(replayed, REPLAY_INDEX)
    assert not violates(replayed, IDEMPOTENCY_INDEX)


def refused(database: Database, **values: object) -> Any:
    """Return the error with which the database refuses an execution with these values."""
    try:
        with database.writing() as connection:
            connection.execute(sa.insert(trigger_executions).values(values))
    except sa.exc.IntegrityError as error:
        return error
    raise AssertionError("the row was inserted")


def test_of_many_at_once_one_is_admitted(database: Database) -> None:
    trigger_id = factories.trigger(database)
    partition(database)
    admission = BatchAdmission(database, SchemaWatch(database), pre_check=False)
    verdicts: list[object] = []

    def send() -> None:
        verdicts.extend(admission.admit([entry(trigger_id, "k")]))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(factories.executions(database)) == 1
    ids = {verdict.execution_id for (verdict,) in verdicts}
    assert (len(verdicts), len(ids)) == (8, 1)


def test_the_plan_of_receiving_has_the_partition_of_the_trigger_alone(database: Database) -> None:
    trigger_id = factories.trigger(database)
    partition(database)
    receiving = find_or_insert_text(SchemaWatch(database).current())
    values = f"{trigger_id}, '{{}}', 'k', 'd', NULL, '{{}}', ''"

    with database.reading() as connection:
        place = connection.scalar(sa.text(_PLACE), {"id": trigger_id})
        connection.exec_driver_sql(f"PREPARE receiving AS {receiving}")
        lines = connection.exec_driver_sql(f"EXPLAIN EXECUTE receiving ({values})").scalars()
        plan = "\n".join(lines)

    assert set(re.findall(r"trigger_executions_p(\d+)", plan)) == {str(place)}


def test_from_receipt_to_its_end_an_event_touches_one_partition(
    database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database)
    partition(database)
    found = SchemaWatch(database).current()

    with database.writing() as connection:
        place = connection.scalar(sa.text(_PLACE), {"id": trigger_id})
        before = dict(connection.exec_driver_sql(_USES).all())
        statements = store.within(connection)
        statements.insert(found, [row(trigger_id, "k")])
        statements.insert(found, [row(trigger_id, "l"), row(trigger_id, "m")])
        assert statements.find(found, trigger_id, {"k", "l"}).keys() == {"k", "l"}
        claimed = claim.due(connection, "w", [(DueTrigger(trigger_id, 0.0), 3)], settings)
        ended = [FinishedAttempt(each.lease, each.terms, Outcome("succeeded")) for each in claimed]
        assert settle.record(connection, ended, lambda: 1.0) == ["completed"] * 3
        after = dict(connection.exec_driver_sql(_USES).all())

    touched = sorted(name for name in after if after[name] != before[name])
    executions = ("execution_attempts", "execution_requests", "trigger_executions")
    assert touched == [f"{name}_p{place}" for name in executions]


def test_a_number_of_partitions_that_makes_no_sense_is_refused(database: Database) -> None:
    for count in (0, 1, -3, partitioning.PARTITIONS_AT_MOST + 1):
        with pytest.raises(NotPossible):
            partition(database, count)


def test_sqlite_has_no_partitions(databases: Databases) -> None:
    with databases.at_head("sqlite") as url:
        database = Database(from_environment({"DATABASE_URL": url}))
        with pytest.raises(NotPossible, match="only PostgreSQL"):
            partition(database)
        database.dispose()
