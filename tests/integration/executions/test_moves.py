"""Real code makes every move of lifecycle.MOVES, and refuses every other."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import lifecycle
from app.db import Database
from app.db.models import trigger_executions
from app.errors import LeaseLost, NotReplayable
from app.executions import replay
from app.executions.due import DueTrigger
from app.lifecycle import FINISHED, MOVES, STATUSES
from app.settings import Settings
from app.worker import claim, settle
from app.worker.attempt import FinishedAttempt, Lease, Outcome, RetryTerms
from tests.support import factories

OWNER = "a worker"
SUCCEEDED = Outcome("succeeded", summary="done")
PERMANENT = Outcome("failed", error="HTTP 404", category="permanent", reason="rejected")
TRANSIENT = Outcome("failed", error="HTTP 503", category="transient", reason="target_error")

Way = Callable[[Database, Settings, Any], None]


def claimed(database: Database, settings: Settings, row: Any) -> None:
    with database.writing() as connection:
        claim.due(connection, OWNER, [(DueTrigger(row.trigger_id, -1.0), 9)], settings)


def replayed(database: Database, _settings: Settings, row: Any) -> None:
    replay.replay(database, row.id)


def settling(outcome: Outcome, number: int = 1) -> Way:
    def settled(database: Database, _settings: Settings, row: Any) -> None:
        with database.writing() as connection:
            connection.execute(
                sa.update(trigger_executions)
                .where(trigger_executions.c.status == lifecycle.RUNNING)
                .values(attempt_count=number)
            )
        ended = FinishedAttempt(Lease(row.id, number, OWNER), RetryTerms(row.trigger_id), outcome)
        with database.writing() as connection:
            settle.record(connection, [ended], lambda: 1.0)

    return settled


WAYS: dict[str, Way] = {
    lifecycle.RUNNING: claimed,
    lifecycle.COMPLETED: settling(SUCCEEDED),
    lifecycle.FAILED: settling(PERMANENT),
    lifecycle.RETRYING: settling(TRANSIENT),
    lifecycle.FAILED_RETRYABLE: settling(TRANSIENT, number=8),
    lifecycle.REPLAYED: replayed,
}
"""The code that leads to each status; only an insert leads to `pending`."""


def test_there_is_a_way_to_every_status_that_a_move_leads_to() -> None:
    assert set(WAYS) == frozenset().union(*MOVES.values())


@pytest.mark.parametrize("target", WAYS)
@pytest.mark.parametrize("current", STATUSES)
def test_an_execution_moves_along_the_listed_moves_and_no_others(
    database: Database, settings: Settings, current: str, target: str
) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id, current)
    (before,) = factories.executions(database)

    try:
        WAYS[target](database, settings, before)
    except (LeaseLost, NotReplayable):
        assert target not in MOVES[current]

    after = factories.executions(database)[0]
    assert after.status == (target if target in MOVES[current] else current)


@pytest.mark.parametrize("target", [*STATUSES, "done", "", "Pending"])
@pytest.mark.parametrize("current", STATUSES)
def test_the_schema_refuses_a_status_that_the_other_columns_do_not_fit(
    database: Database, current: str, target: str
) -> None:
    factories.execution(database, factories.trigger(database), current)
    ends_or_begins_again = (current in FINISHED) != (target in FINISHED)
    keeps_a_lease = current == lifecycle.RUNNING != target
    refused = target not in STATUSES or ends_or_begins_again or keeps_a_lease

    try:
        with database.writing() as connection:
            connection.execute(sa.update(trigger_executions).values(status=target))
    except IntegrityError:
        assert refused
    else:
        assert not refused


def test_the_schema_knows_each_state_by_its_name_and_no_other() -> None:
    checks = {
        each.name: str(each.sqltext)
        for each in trigger_executions.constraints
        if isinstance(each, sa.CheckConstraint)
    }

    named, finished = (
        re.findall(r"'(\w+)'", checks[f"ck_trigger_executions_{name}"])
        for name in ("status", "finished")
    )

    assert sorted(named) == sorted(STATUSES)
    assert sorted(finished) == sorted(FINISHED)
