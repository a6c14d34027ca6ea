"""The queries that run for every request and every look of a worker are answered by an index."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import Database, locked_for_claim
from app.intake import admit
from app.models import trigger_executions
from app.settings import Settings
from app.worker import claim, look, rescue, settle
from app.worker.attempt import Ended, Outcome
from app.worker.share import Turn
from tests import factories
from tests.plans import explain

TURN = "ix_trigger_executions_turn"
RETRYING = "ix_trigger_executions_retrying"
LEASED = "ix_trigger_executions_leased"


def of_trigger(query: sa.Select[Any], at_most: int = 4) -> sa.Select[Any]:
    return query.params(the_trigger=1, at_most=at_most)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (admit.existing_query(1, {"k-1"}), "uq_trigger_idem"),
        (admit.existing_query(1, {"k-1", "k-2", "k-3"}), "uq_trigger_idem"),
        (look.query(), TURN),
        (look.query(), RETRYING),
        (look.query(), LEASED),
        (of_trigger(claim.due_query()), TURN),
        (of_trigger(claim.in_order_query()), TURN),
        (of_trigger(claim.in_order_query()), RETRYING),
        (look.running_count(sa.literal(1)), LEASED),
        (rescue.expired_query(1), LEASED),
        (rescue.expired_query(100), LEASED),
    ],
    ids=[
        "pre-check",
        "pre-check of several",
        "a look at turns",
        "a look at retries",
        "a look at what runs",
        "a claim",
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
        (of_trigger(claim.due_query()), "next_attempt_at"),
        (rescue.expired_query(64), "lease_expires_at"),
    ],
    ids=["a claim", "a rescue"],
)
def test_a_look_reads_no_further_than_the_present_moment(
    database: Database, query: sa.Select[Any], column: str
) -> None:
    with database.reading() as connection:
        plan = explain(connection, locked_for_claim(query, connection.dialect))

    assert re.search(rf"{column}<\?\)|Index Cond: .*\({column} <", plan)


@pytest.mark.parametrize(
    "query", [look.query, claim.due_query, claim.in_order_query], ids=["look", "claim", "in order"]
)
def test_nothing_is_sorted_among_many_waiting(
    database: Database, query: Callable[[], sa.Select[Any]]
) -> None:
    backlog(database, 3_000)

    with database.reading() as connection:
        plan = explain(connection, of_trigger(query()))

    assert "sort" not in plan.lower()
    assert "temp b-tree" not in plan.lower()


def test_a_second_trigger_is_found_without_reading_the_backlog_of_the_first(
    database: Database,
) -> None:
    backlog(database, 3_000)
    second = factories.trigger(database)
    factories.execution(database, second)

    with database.reading() as connection:
        assert [turn.trigger_id for turn in look.turns(connection)][-1] == second
        touched = rows_read(connection, look.query())

    assert touched < 100


def backlog(database: Database, number: int) -> None:
    """So many executions of one trigger are due."""
    values = {
        "trigger_id": factories.trigger(database),
        "event_data": "{}",
        "next_attempt_at": factories.LONG_AGO,
    }
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_executions), [values] * number)
        connection.exec_driver_sql("ANALYZE")


def rows_read(connection: sa.Connection, query: sa.Select[Any]) -> int:
    """Rows that the plan's nodes touched on PostgreSQL; hundreds of virtual steps on SQLite."""
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
    """Such a plan, made while a table is empty, reads it whole for as long as it is kept."""
    trigger_id = factories.trigger(database)
    for _ in range(8):
        factories.execution(database, trigger_id)
    with database.writing() as connection:
        for _ in range(8):
            turn = Turn(trigger_id, -1.0)
            (attempt,) = claim.due(connection, "owner", [(turn, 1)], settings)
            ended = Ended(attempt.lease, attempt.terms, Outcome("succeeded"))
            settle.record(connection, [ended], lambda: 1.0)
        kept = connection.exec_driver_sql("SELECT statement FROM pg_prepared_statements").scalars()

        assert not [statement for statement in kept if "unnest" in statement]
