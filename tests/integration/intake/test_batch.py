"""Requests that arrive together are admitted together, and each gets its own result."""

import dataclasses
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.db import Database
from app.db.models import execution_requests, trigger_executions
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable
from app.intake.batch import BatchAdmission, Result
from app.intake.message import Admission, AdmissionRequest, Request, Verdict
from app.intake.store import postgresql, sqlite
from app.settings import Settings
from app.stats import outcomes
from tests.support import factories
from tests.support.databases import migrate
from tests.support.service import until
from tests.support.thorough import some

_ROW = "integer, text, text, text, text, text, bytea"
"""PostgreSQL's types of the fields of a new execution."""


@pytest.fixture
def admitting(database: Database) -> BatchAdmission:
    return BatchAdmission(database, SchemaWatch(database), pre_check=True)


@pytest.fixture
def trigger_id(database: Database) -> int:
    return factories.trigger(database)


def entry(trigger_id: int, *keys: str | None, body: bytes = b"{}") -> AdmissionRequest:
    """Return a request with an event for each key."""
    events = [Admission(f'{{"key": "{key}"}}', key, None if key is None else "d") for key in keys]
    return AdmissionRequest(
        trigger_id, events, Request(str(trigger_id), {"content-type": "a/b"}, body)
    )


def outcome_of(result: list[Verdict] | Exception) -> object:
    return type(result) if isinstance(result, Exception) else [each.outcome for each in result]


def test_each_event_of_each_request_is_an_execution_in_their_order(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    other_id = factories.trigger(database)

    results = admitting.admit(
        [entry(trigger_id, "a", None, body=b"1"), entry(other_id, "a"), entry(trigger_id, "b")]
    )

    rows = factories.executions(database)
    made = [verdict.execution_id for result in results for verdict in result]
    assert [outcome_of(result) for result in results] == [
        [outcomes.ACCEPTED] * 2,
        [outcomes.ACCEPTED],
        [outcomes.ACCEPTED],
    ]
    assert [row.id for row in rows] == made
    assert [(row.trigger_id, row.idempotency_key, row.payload_digest) for row in rows] == [
        (trigger_id, "a", "d"),
        (trigger_id, None, None),
        (other_id, "a", "d"),
        (trigger_id, "b", "d"),
    ]
    assert {row.status for row in rows} == {"pending"}
    assert all(row.received_at and row.next_attempt_at for row in rows)


def test_every_execution_is_stored_with_its_request(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    bodies = [b"", bytes(range(256)), b"x" * 100_000]

    results = admitting.admit([entry(trigger_id, None, body=body) for body in bodies])

    with database.reading() as connection:
        query = sa.select(execution_requests).order_by(execution_requests.c.execution_id)
        rows = connection.execute(query).all()
    assert [row.execution_id for row in rows] == [r[0].execution_id for r in results]
    assert [bytes(row.body) for row in rows] == bodies
    assert {row.content_type for row in rows} == {"a/b"}


def test_a_key_that_comes_twice_in_one_batch_is_inserted_once(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    results = admitting.admit([entry(trigger_id, "a"), entry(trigger_id, "a", "b", "b")])

    first, second = results
    assert outcome_of(first) == [outcomes.ACCEPTED]
    assert outcome_of(second) == [outcomes.DUPLICATE, outcomes.ACCEPTED, outcomes.DUPLICATE]
    assert second[0].execution_id == first[0].execution_id
    assert len(factories.executions(database)) == 2


def test_a_batch_has_duplicates_beside_new_events(
    admitting: BatchAdmission, trigger_id: int
) -> None:
    before = admitting.admit([entry(trigger_id, "a")])[0][0]

    results = admitting.admit([entry(trigger_id, "b"), entry(trigger_id, "a")])

    assert [outcome_of(result) for result in results] == [[outcomes.ACCEPTED], [outcomes.DUPLICATE]]
    assert results[1][0].execution_id == before.execution_id


def test_a_race_lost_by_one_fails_none_of_the_others(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    admitting.admit([entry(trigger_id, "a")])
    blind = dataclasses.replace(admitting, pre_check=False)

    results = blind.admit([entry(trigger_id, "b"), entry(trigger_id, "a"), entry(trigger_id, "c")])

    assert [outcome_of(result) for result in results] == [
        [outcomes.ACCEPTED],
        [outcomes.DUPLICATE_RACE],
        [outcomes.ACCEPTED],
    ]
    assert [row.idempotency_key for row in factories.executions(database)] == ["a", "b", "c"]


def test_a_row_that_breaks_another_constraint_fails_alone_and_is_no_duplicate(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    results = admitting.admit([entry(trigger_id, "a"), entry(4711, "a"), entry(trigger_id, "b")])

    assert [outcome_of(result) for result in results] == [
        [outcomes.ACCEPTED],
        IntegrityError,
        [outcomes.ACCEPTED],
    ]
    assert [row.idempotency_key for row in factories.executions(database)] == ["a", "b"]


def admitted_while_another_admits_a_then_b(
    admitting: BatchAdmission, trigger_id: int, *entries: AdmissionRequest, blocked_seconds: float
) -> list[Result]:
    """Admit the entries while another process admits `a`, and `b` once they wait for it.

    The other process waits no longer than `blocked_seconds`, and detects no deadlock itself.
    """
    insert = sa.insert(trigger_executions).values(trigger_id=trigger_id)
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as pool, admitting.database.writing() as other:
        other.exec_driver_sql("SET LOCAL deadlock_timeout = '60s'")
        other.exec_driver_sql(f"SET LOCAL lock_timeout = '{blocked_seconds}s'")
        other.execute(insert.values(idempotency_key="a"))
        results = pool.submit(admitting.admit, list(entries))
        until(lambda: other.scalar(waiting), "somebody waiting")
        other.execute(insert.values(idempotency_key="b"))
    return results.result()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_keys_are_inserted_in_order_so_that_two_processes_never_deadlock(
    admitting: BatchAdmission, trigger_id: int
) -> None:
    results = admitted_while_another_admits_a_then_b(
        admitting, trigger_id, entry(trigger_id, "b"), entry(trigger_id, "a"), blocked_seconds=0.2
    )

    assert [outcome_of(result) for result in results] == [[outcomes.DUPLICATE]] * 2


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_request_that_a_deadlock_aborted_is_admitted_all_the_same(
    admitting: BatchAdmission, trigger_id: int
) -> None:
    admitting.admit([entry(trigger_id, "0")])
    blind = dataclasses.replace(admitting, pre_check=False)

    results = admitted_while_another_admits_a_then_b(
        blind, trigger_id, entry(trigger_id, "0"), entry(trigger_id, "b", "a"), blocked_seconds=20
    )

    assert [outcome_of(result) for result in results] == [
        [outcomes.DUPLICATE_RACE],
        [outcomes.DUPLICATE_RACE] * 2,
    ]


def test_without_the_database_each_request_gets_an_error_of_its_own(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    impatient = Database(dataclasses.replace(settings, hookonce_database_timeout_seconds=0.2))
    admitting = BatchAdmission(impatient, SchemaWatch(impatient), pre_check=True)

    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE trigger_executions IN EXCLUSIVE MODE")
        results = admitting.admit([entry(trigger_id, "a"), entry(trigger_id, "b")])
    after = admitting.admit([entry(trigger_id, "a")])
    impatient.dispose()

    assert [type(result) for result in results] == [DatabaseUnavailable] * 2
    assert results[0] is not results[1]
    assert [outcome_of(result) for result in after] == [[outcomes.ACCEPTED]]


@pytest.mark.parametrize("revision", some(["0011", "0007", "0004", "0002"], one_in=3))
def test_on_an_older_schema_only_its_columns_are_written(
    database: Database, database_url: str, admitting: BatchAdmission, trigger_id: int, revision: str
) -> None:
    admitting.admit([entry(trigger_id, "a")])
    migrate(database_url, to=revision, down=True)

    results = admitting.admit([entry(trigger_id, "a", "b"), entry(trigger_id, None)])

    assert [outcome_of(result) for result in results] == [
        [outcomes.DUPLICATE, outcomes.ACCEPTED],
        [outcomes.ACCEPTED],
    ]
    migrate(database_url)
    assert len(factories.executions(database)) == 3


def test_ids_increase_whichever_statement_inserts(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    ids = []
    for number in range(3):
        ids.append(factories.execution(database, trigger_id))
        ids += [
            each.execution_id for each in admitting.admit([entry(trigger_id, f"k-{number}")])[0]
        ]

    assert ids == sorted(set(ids))


@pytest.mark.parametrize("alone", [True, False])
def test_the_look_up_is_answered_from_the_unique_index(
    database: Database, admitting: BatchAdmission, alone: bool
) -> None:
    schema = admitting.schema.current()
    with database.reading() as connection:
        if connection.dialect.name == "sqlite":
            query, keys = (sqlite.find_one_text, "k") if alone else (sqlite.find_text, '["k"]')
            text = f"EXPLAIN QUERY PLAN {query(schema)}"
            plan = str(connection.exec_driver_sql(text, (1, keys)).all())
        elif alone:
            connection.exec_driver_sql(
                f"PREPARE alone ({_ROW}) AS {postgresql.find_or_insert_text(schema)}"
            )
            text = "EXPLAIN EXECUTE alone (1, '', 'k', '', '', '', '')"
            plan = str(connection.exec_driver_sql(text).all())
        else:
            text = f"EXPLAIN {postgresql.find_text(schema)}"
            plan = str(connection.exec_driver_sql(text, (1, ["k", "l"])).all())

    assert "uq_trigger_idem" in plan
    assert not re.search(r"SCAN trigger_executions(?! USING)|Seq Scan on trigger_executions", plan)


_MANY_OF_ONE = """
    INSERT INTO trigger_executions (trigger_id, status, event_data, idempotency_key)
    SELECT (SELECT min(id) FROM triggers), 'pending', '', n FROM generate_series(1, 5000) AS n"""
_OTHERS = """
    INSERT INTO triggers (name, slug, source, action_type, action_payload, secret)
    SELECT n, n, 'custom', 'noop', '', 's' FROM generate_series(1, 2000) AS n"""
_ONE_OF_EACH = """
    INSERT INTO trigger_executions (trigger_id, status, event_data, idempotency_key)
    SELECT id, 'pending', '', 'one' FROM triggers"""


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize(
    "history",
    [
        [_MANY_OF_ONE],
        ["VACUUM ANALYZE", _MANY_OF_ONE],
        [_ONE_OF_EACH, "VACUUM ANALYZE", _MANY_OF_ONE],
        [_OTHERS, _ONE_OF_EACH, _MANY_OF_ONE, "VACUUM ANALYZE"],
    ],
    ids=["never analysed", "analysed while empty", "analysed with one row", "one among many"],
)
@pytest.mark.usefixtures("trigger_id")
def test_a_key_is_looked_up_by_the_unique_index_whatever_postgresql_s_statistics(
    database: Database, admitting: BatchAdmission, history: list[str]
) -> None:
    schema = admitting.schema.current()
    together = postgresql.find_text(schema).replace("%s", "$1", 1).replace("%s", "$2", 1)
    in_autocommit = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with in_autocommit.connect() as connection:
        for statement in (
            "ALTER TABLE trigger_executions SET (autovacuum_enabled = off)",
            *history,
            "SET plan_cache_mode = force_generic_plan",
            f"PREPARE together (integer, text[]) AS {together}",
            f"PREPARE alone ({_ROW}) AS {postgresql.find_or_insert_text(schema)}",
        ):
            connection.exec_driver_sql(statement)
        asked = ("together (1, ARRAY['k', 'l'])", "alone (1, '', 'k', '', '', '', '')")
        plans = [str(connection.exec_driver_sql(f"EXPLAIN EXECUTE {each}").all()) for each in asked]

    for plan in plans:
        assert re.search(
            "uq_trigger_idem .*Index Cond: .*trigger_id = .*idempotency_key", plan, re.S
        )
        assert "ix_trigger_executions" not in plan


def test_no_column_of_an_execution_is_forgotten(
    database: Database, admitting: BatchAdmission
) -> None:
    trigger_id = factories.trigger(database)
    schema = admitting.schema.current()
    admitting.admit([entry(trigger_id, "a")])
    dataclasses.replace(admitting, pre_check=False).admit(
        [entry(trigger_id, "a"), entry(trigger_id, "b")]
    )

    alone, together = sorted(factories.executions(database), key=lambda row: row.idempotency_key)
    volatile = {"id", "idempotency_key", "event_data", "received_at", "next_attempt_at"}
    same = {column.name for column in trigger_executions.c if column.name not in volatile}
    assert schema.has("trigger_executions", "received_at")
    assert {n: getattr(alone, n) for n in same} == {n: getattr(together, n) for n in same}
    assert all(type(getattr(row, n)) for row in (alone, together) for n in volatile)
