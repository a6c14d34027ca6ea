"""The queries of every request and of every round of a worker use an index."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import Database, skip_locked, utc_now
from app.db.models import delivery_counts, execution_requests, trigger_executions
from app.executions import due, prune, retention_queries
from app.executions.due import DueTrigger
from app.settings import Settings
from app.worker import claim, claim_queries, leases, settle
from app.worker.attempt import FinishedAttempt, Outcome
from tests.support import factories
from tests.support.plans import explain

TURN = "ix_trigger_executions_turn"
RETRYING = "ix_trigger_executions_retrying"
LEASED = "ix_trigger_executions_leased"


of_each_look = pytest.mark.parametrize(
    "query",
    [due.query, claim_queries.due_query, claim_queries.in_order_query],
    ids=["look", "claim", "in order"],
)


def of_trigger(query: sa.Select[Any], at_most: int = 4) -> sa.Select[Any]:
    return query.params(the_trigger=1, at_most=at_most)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (due.query(), TURN),
        (due.query(), RETRYING),
        (due.query(), LEASED),
        (of_trigger(claim_queries.due_query()), TURN),
        (of_trigger(claim_queries.tests_query()), TURN),
        (of_trigger(claim_queries.in_order_query()), TURN),
        (of_trigger(claim_queries.in_order_query()), RETRYING),
        (due.running_count(sa.literal(1)), LEASED),
        (leases.expired_query(1), LEASED),
        (leases.expired_query(100), LEASED),
    ],
    ids=[
        "a look at turns",
        "a look at retries",
        "a look at what runs",
        "a claim",
        "a claim of test events",
        "a claim in order",
        "a claim in order of retries",
        "a count of what runs",
        "a glance",
        "a rescue",
    ],
)
def test_the_plan_names_the_index(database: Database, query: sa.Select[Any], index: str) -> None:
    with database.reading() as connection:
        plan = explain(connection, query)

    assert index in plan
    assert not re.search(r"SCAN trigger_executions(?! USING)|Seq Scan on trigger_executions", plan)


@pytest.mark.parametrize(
    ("query", "column"),
    [
        (of_trigger(claim_queries.due_query()), "next_attempt_at"),
        (leases.expired_query(64), "lease_expires_at"),
    ],
    ids=["a claim", "a rescue"],
)
def test_a_look_reads_no_further_than_the_present_moment(
    database: Database, query: sa.Select[Any], column: str
) -> None:
    with database.reading() as connection:
        plan = explain(connection, skip_locked(query))

    assert re.search(rf"{column}<\?\)|Index Cond: .*\({column} <", plan)


@of_each_look
def test_nothing_is_sorted_among_many_waiting(
    database: Database, query: Callable[[], sa.Select[Any]]
) -> None:
    backlog(database, 3_000)

    with database.reading() as connection:
        plan = explain(connection, of_trigger(query()))

    assert "sort" not in plan.lower()
    assert "temp b-tree" not in plan.lower()


@pytest.mark.parametrize("kind", ["postgresql"])
@of_each_look
def test_nothing_is_sorted_among_many_though_few_waited_when_the_table_was_analysed(
    database: Database, query: Callable[[], sa.Select[Any]]
) -> None:
    backlog(database, 1)
    leave_unanalysed(database, "trigger_executions")
    backlog(database, 3_000, trigger_id=1, analysed=False)

    with database.reading() as connection:
        plan = explain(connection, of_trigger(query()))

    assert TURN in plan
    assert "sort" not in plan.lower()


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize(
    "query", [due.query, claim_queries.in_order_query], ids=["look", "in order"]
)
def test_retries_are_found_among_many_though_few_were_there_when_the_table_was_analysed(
    database: Database, query: Callable[[], sa.Select[Any]]
) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id, status="retrying", attempt_count=1)
    with database.writing() as connection:
        connection.exec_driver_sql("ANALYZE")
    leave_unanalysed(database, "trigger_executions")
    retried = {"status": "retrying", "attempt_count": 1}
    backlog(database, 5_000, trigger_id=trigger_id, analysed=False, **retried)

    with database.reading() as connection:
        plan = explain(connection, of_trigger(query()))

    assert RETRYING in plan


@pytest.mark.parametrize("kind", ["postgresql"])
def test_who_holds_a_lease_is_found_by_id_alone(database: Database, settings: Settings) -> None:
    """A lease is renewed and settled by id: the index of leases has dead entries until VACUUM."""
    trigger_id = factories.trigger(database)
    for _ in range(4):
        factories.execution(database, trigger_id)
    with database.writing() as connection:
        claimed = claim.due(connection, "owner", [(DueTrigger(trigger_id, -1.0), 4)], settings)
        before = scans(connection, LEASED)
        held = {each.lease.execution_id: trigger_id for each in claimed}
        assert leases.renew(connection, "owner", held, 9)
        ended = [FinishedAttempt(each.lease, each.terms, Outcome("succeeded")) for each in claimed]
        settle.record(connection, ended, lambda: 1.0)

        assert scans(connection, LEASED) == before


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_claim_reads_what_it_claims_though_the_table_was_analysed_with_few_rows(
    database: Database, settings: Settings
) -> None:
    done = {"status": "completed", "completed_at": factories.LONG_AGO, "next_attempt_at": None}
    first_id = backlog(database, 1, **done)
    backlog(database, 1, **done)
    keep_requests(database, first_id, 2)
    leave_unanalysed(database, "trigger_executions", "execution_requests")
    backlog(database, 20_000, trigger_id=1, analysed=False, **done)
    keep_requests(database, first_id + 2, 20_000, analysed=False)
    backlog(database, 4, trigger_id=1, analysed=False)

    with database.writing() as connection:
        before = entries_read(connection)
        claimed = claim.due(connection, "owner", [(DueTrigger(1, -1.0), 4)], settings)

        assert len(claimed) == 4
        assert entries_read(connection) - before < 300


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("analysed", [False, True])
def test_a_sweep_of_requests_does_not_read_the_executions_that_have_none(
    database: Database, analysed: bool
) -> None:
    first_id = backlog(database, 3_000, analysed=False)
    keep_requests(database, first_id + 2_900, 100, analysed=analysed)

    with database.reading() as connection:
        query = retention_queries.payloads_query(0, 50)
        assert rows_read(connection, query) < 300, explain(connection, query)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_step_that_removes_counts_reads_none_of_them_again_and_again(database: Database) -> None:
    hours = [factories.LONG_AGO + timedelta(hours=each) for each in range(500)]
    values = [
        {"trigger_id": number, "hour": hour, "outcome": "accepted", "number": 1}
        for hour in hours
        for number in range(10)
    ]
    deletion = prune.oldest_of(delivery_counts.c.hour, delivery_counts.c.hour < utc_now())
    with database.writing() as connection:
        connection.execute(sa.insert(delivery_counts), values[:1])
        connection.exec_driver_sql("ANALYZE delivery_counts")
    leave_unanalysed(database, "delivery_counts")
    with database.writing() as connection:
        connection.execute(sa.insert(delivery_counts), values[1:])

        assert rows_read(connection, deletion) < 2.5 * len(values)


def test_a_second_trigger_is_found_without_reading_the_backlog_of_the_first(
    database: Database,
) -> None:
    backlog(database, 3_000)
    second = factories.trigger(database)
    factories.execution(database, second)

    with database.reading() as connection:
        assert [each.trigger_id for each in due.find_triggers(connection)][-1] == second
        touched = rows_read(connection, due.query())

    assert touched < 100


def backlog(
    database: Database,
    number: int,
    *,
    trigger_id: int | None = None,
    analysed: bool = True,
    **other: object,
) -> int:
    """Insert so many executions of one trigger, due by default; return the first id."""
    values = {
        "trigger_id": trigger_id or factories.trigger(database),
        "event_data": "{}",
        "next_attempt_at": factories.LONG_AGO,
    }
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_executions), [values | other] * number)
        if analysed:
            connection.exec_driver_sql("ANALYZE")
        first = connection.execute(sa.select(sa.func.min(trigger_executions.c.id)))
        return int(first.scalar_one())


def keep_requests(database: Database, first_id: int, number: int, *, analysed: bool = True) -> None:
    """Insert the requests of so many executions."""
    same = {"content_type": "a/b", "headers": "{}", "body": b""}
    with database.writing() as connection:
        connection.execute(
            sa.insert(execution_requests),
            [{"execution_id": first_id + each} | same for each in range(number)],
        )
        if analysed:
            connection.exec_driver_sql("ANALYZE")


def leave_unanalysed(database: Database, *tables: str) -> None:
    """Switch off autovacuum: PostgreSQL keeps its present statistics of the tables."""
    with database.writing() as connection:
        for table in tables:
            connection.exec_driver_sql(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")


def entries_read(connection: sa.Connection) -> int:
    """Return the index entries that this connection read since it last reported statistics."""
    query = (
        "SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class "
        "WHERE relkind = 'i' AND relnamespace = current_schema()::regnamespace"
    )
    return int(connection.exec_driver_sql(query).scalar_one())


def scans(connection: sa.Connection, index: str) -> int:
    """Return the scans of the index by this connection since it last reported statistics."""
    query = sa.text("SELECT pg_stat_get_xact_numscans(to_regclass(:index))")
    return int(connection.execute(query, {"index": index}).scalar_one())


def rows_read(connection: sa.Connection, query: sa.Select[Any] | sa.Delete) -> int:
    """Return the rows that the plan touched on PostgreSQL; hundreds of VM steps on SQLite."""
    sql = query.compile(connection, compile_kwargs={"literal_binds": True}).string
    if connection.dialect.name == "postgresql":
        plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").scalar_one()
        return sum(int(node) for node in re.findall(r"'Actual Rows': ([0-9]+)", str(plan)))
    steps = []
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.set_progress_handler(lambda: steps.append(1), 10)
    try:
        raw.execute(sql).fetchall()
    finally:
        raw.set_progress_handler(None, 0)
    return len(steps)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_no_plan_is_kept_of_what_joins_given_rows_with_a_table(
    database: Database, settings: Settings
) -> None:
    """A kept plan, made while a table is empty, reads the whole table for ever."""
    trigger_id = factories.trigger(database)
    for _ in range(8):
        factories.execution(database, trigger_id)
    with database.writing() as connection:
        for _ in range(8):
            due_trigger = DueTrigger(trigger_id, -1.0)
            (attempt,) = claim.due(connection, "owner", [(due_trigger, 1)], settings)
            ended = FinishedAttempt(attempt.lease, attempt.terms, Outcome("succeeded"))
            settle.record(connection, [ended], lambda: 1.0)
        kept = connection.exec_driver_sql("SELECT statement FROM pg_prepared_statements").scalars()

        assert not [statement for statement in kept if "unnest" in statement]
