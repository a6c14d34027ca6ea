"""The queries that run for every request and every look of a worker are answered by an index."""

import re
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import Database, explain, locked_for_claim
from app.intake import admit
from app.models import trigger_executions
from app.worker import claim, rescue
from tests import factories


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (admit.existing_query(1, {"k-1"}), "uq_trigger_idem"),
        (admit.existing_query(1, {"k-1", "k-2", "k-3"}), "uq_trigger_idem"),
        (claim.due_query(1), "ix_trigger_executions_due"),
        (claim.due_query(64), "ix_trigger_executions_due"),
        (rescue.expired_query(1), "ix_trigger_executions_leased"),
        (rescue.expired_query(100), "ix_trigger_executions_leased"),
    ],
    ids=["pre-check", "pre-check of several", "a look", "a claim", "a glance", "a rescue"],
)
def test_the_plan_names_the_index(database: Database, query: sa.Select[Any], index: str) -> None:
    with database.reading() as connection:
        plan = explain(connection, query)

    assert index in plan


@pytest.mark.parametrize(
    ("query", "column"),
    [(claim.due_query(64), "next_attempt_at"), (rescue.expired_query(64), "lease_expires_at")],
    ids=["a claim", "a rescue"],
)
def test_a_look_reads_no_further_than_the_present_moment(
    database: Database, query: sa.Select[Any], column: str
) -> None:
    with database.reading() as connection:
        plan = explain(connection, locked_for_claim(query, connection.dialect))

    assert re.search(rf"\({column}<\?\)|Index Cond: \({column} <", plan)


def test_a_claim_among_many_waiting_sorts_nothing(database: Database) -> None:
    trigger_id = factories.trigger(database)
    values = {"trigger_id": trigger_id, "event_data": "{}", "next_attempt_at": factories.LONG_AGO}
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_executions), [values] * 3_000)
        connection.exec_driver_sql("ANALYZE")

    with database.reading() as connection:
        plan = explain(connection, locked_for_claim(claim.due_query(4), connection.dialect))

    assert "sort" not in plan.lower()
    assert "temp b-tree" not in plan.lower()
