"""Nothing is admitted while no index keeps duplicates out, whatever stands in its place."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app.db import Database
from app.db.deduplication import IndexState
from app.db.schema import WATCH_SECONDS, Schema, SchemaWatch
from app.errors import DatabaseUnavailable
from app.intake.batch import BatchAdmission
from app.intake.message import Admission, AdmissionRequest, Request
from tests.support import factories, wrong_indexes
from tests.support.databases import migrate

THREADS = 8
ROUNDS = 200
"""Most rounds of a race that one of the first usually decides."""


def execute(database: Database, *statements: str) -> None:
    with database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def entry(trigger_id: int, *keys: str) -> AdmissionRequest:
    events = [Admission("{}", key, "d") for key in keys]
    return AdmissionRequest(trigger_id, events, Request(str(trigger_id), {}, b"{}"))


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(database: Database, clock: Clock) -> SchemaWatch:
    return SchemaWatch(database, clock)


@pytest.mark.parametrize(("kind", "case"), wrong_indexes.CASES)
def test_another_index_is_noticed_and_the_upgrade_builds_the_right_one(
    database: Database, database_url: str, watch: SchemaWatch, clock: Clock, kind: str, case: str
) -> None:
    watch.admitting()
    execute(database, *wrong_indexes.statements(kind, case))
    clock.now += WATCH_SECONDS

    with pytest.raises(DatabaseUnavailable, match="duplicates would be admitted; run `alembic up"):
        watch.admitting()

    if case == "on another table":
        execute(database, "DROP TABLE elsewhere")
    if case != "another table in its place":  # which has no foreign keys, and is not ours to mend
        migrate(database_url)
        clock.now += WATCH_SECONDS
        assert watch.admitting().keeps_duplicates_out


def test_an_index_of_another_table_is_named_and_left_alone(
    database: Database, database_url: str, kind: str
) -> None:
    execute(database, *wrong_indexes.statements(kind, "on another table"))

    with pytest.raises(Exception, match="the table elsewhere has an index uq_trigger_idem"):
        migrate(database_url)


@pytest.mark.parametrize("pre_check", [True, False])
@pytest.mark.parametrize("keys", [("a",), ("a", "b")], ids=["one event", "several events"])
def test_an_admission_that_read_the_schema_before_is_refused_all_the_same(
    database: Database, watch: SchemaWatch, keys: tuple[str, ...], pre_check: bool
) -> None:
    trigger_id = factories.trigger(database)
    admitting = BatchAdmission(database, watch, pre_check)
    watch.admitting()
    execute(database, wrong_indexes.DROP)

    (result,) = admitting.admit([entry(trigger_id, *keys)])

    assert isinstance(result, DatabaseUnavailable)
    assert factories.executions(database) == []


def test_an_event_that_is_admitted_on_its_own_is_refused_all_the_same(
    database: Database, watch: SchemaWatch
) -> None:
    trigger_id = factories.trigger(database)
    admitting = BatchAdmission(database, watch, pre_check=True)
    watch.admitting()
    execute(database, wrong_indexes.DROP)

    (result,) = admitting._admit_one_by_one([entry(trigger_id, "a")])

    assert isinstance(result, DatabaseUnavailable)
    assert factories.executions(database) == []


def test_an_index_that_was_built_again_meanwhile_costs_no_refusal(
    database: Database, database_url: str, watch: SchemaWatch
) -> None:
    trigger_id = factories.trigger(database)
    admitting = BatchAdmission(database, watch, pre_check=True)
    watch.admitting()
    execute(database, wrong_indexes.DROP)
    migrate(database_url)

    (result,) = admitting.admit([entry(trigger_id, "a")])

    assert isinstance(result, list)


def test_the_loss_and_the_return_are_one_line_each(
    database: Database, watch: SchemaWatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    other = SchemaWatch(database, clock)
    made = "CREATE UNIQUE INDEX uq_trigger_idem ON trigger_executions "
    made += f"({wrong_indexes.COLUMNS}) WHERE {wrong_indexes.KEYS}"

    with caplog.at_level(logging.INFO):
        for statement in (None, wrong_indexes.DROP, None, made, None):
            if statement:
                execute(database, statement)
            clock.now += WATCH_SECONDS
            watch.current()
            other.current()

    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, line in lines if "deduplication_lost" in line] == ["CRITICAL"]
    assert [level for level, line in lines if "deduplication_restored" in line] == ["WARNING"]


@pytest.mark.parametrize("pre_check", [True, False])
def test_with_no_eye_on_the_index_a_storm_gets_in_more_than_once(
    database: Database, watch: SchemaWatch, pre_check: bool
) -> None:
    """The control of all of this: the index, and nothing else, keeps a storm of duplicates out."""
    trigger_id = factories.trigger(database)
    execute(database, wrong_indexes.DROP)
    together = threading.Barrier(THREADS)
    blind = _Blind(watch.current(), _version_of_another_index(database))

    def send(number: int) -> None:
        together.wait()
        BatchAdmission(database, blind, pre_check).admit([entry(trigger_id, f"k-{number}")])

    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(ROUNDS):
            list(pool.map(send, [number] * THREADS))
            if len(factories.executions(database)) > number + 1:
                return
    raise AssertionError("every event was admitted once without the index")


class _Blind(SchemaWatch):
    """A watch that takes a database without the unique index for one that has it."""

    def __init__(self, schema: Schema, version: int) -> None:
        self._blind = replace(schema, index=IndexState(None, version))

    def admitting(self) -> Schema:
        return self._blind


def _version_of_another_index(database: Database) -> int:
    sqlite = "PRAGMA schema_version"
    other = "SELECT 'uq_trigger_executions_replay_of'::regclass::oid::bigint"
    with database.reading() as connection:
        query = sqlite if connection.dialect.name == "sqlite" else other
        return int(connection.execute(sa.text(query)).scalar_one())
