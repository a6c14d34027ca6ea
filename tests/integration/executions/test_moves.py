"""Real code makes every move of lifecycle.MOVES, and refuses every other."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import lifecycle
from app.audit import UNNAMED
from app.db import Database
from app.db.models import trigger_executions
from app.errors import LeaseLost, NotPossible, NotReplayable
from app.executions import decisions, replay
from app.executions.due import DueTrigger
from app.lifecycle import DEAD, FINISHED, MOVES, STATUSES, WAITING
from app.settings import Settings
from app.worker import claim, settle
from app.worker.attempt import FinishedAttempt, Lease, Outcome, RetryTerms
from tests.support import factories

OWNER = "a worker"
SUCCEEDED = Outcome("succeeded", summary="done")
PERMANENT = Outcome("failed", error="HTTP 404", category="permanent", reason="rejected")
TRANSIENT = Outcome("failed", error="HTTP 503", category="transient", reason="target_error")


@dataclass(frozen=True)
class Way:
    """Code that moves an execution from any of `starts` to `end`."""

    name: str
    go: Callable[[Database, Settings, Any], None]
    starts: tuple[str, ...]
    end: str


def claimed(database: Database, settings: Settings, row: Any) -> None:
    with database.writing() as connection:
        claim.due(connection, OWNER, [(DueTrigger(row.trigger_id, -1.0), 9)], settings)


def replayed(database: Database, _settings: Settings, row: Any) -> None:
    replay.replay(database, row.id)


def cancelled(database: Database, _settings: Settings, row: Any) -> None:
    decisions.cancel(database, row.id, UNNAMED)


def taken_back(database: Database, _settings: Settings, row: Any) -> None:
    with database.writing() as connection:
        settle.take_back(connection, [finished(row, TRANSIENT)])


def settling(name: str, outcome: Outcome, end: str, number: int = 1) -> Way:
    def settled(database: Database, _settings: Settings, row: Any) -> None:
        with database.writing() as connection:
            connection.execute(
                sa.update(trigger_executions)
                .where(trigger_executions.c.status == lifecycle.RUNNING)
                .values(attempt_count=number)
            )
        with database.writing() as connection:
            settle.record(connection, [finished(row, outcome, number)], lambda: 1.0)

    return Way(name, settled, (lifecycle.RUNNING,), end)


def finished(row: Any, outcome: Outcome, number: int = 1) -> FinishedAttempt:
    return FinishedAttempt(Lease(row.id, number, OWNER), RetryTerms(row.trigger_id), outcome)


WAYS = [
    Way("claimed", claimed, WAITING, lifecycle.RUNNING),
    settling("succeeded", SUCCEEDED, lifecycle.COMPLETED),
    settling("failed for good", PERMANENT, lifecycle.FAILED),
    settling("failed for now", TRANSIENT, lifecycle.RETRYING),
    settling("exhausted", TRANSIENT, lifecycle.FAILED_RETRYABLE, number=8),
    Way("taken back", taken_back, (lifecycle.RUNNING,), lifecycle.RETRYING),
    Way("cancelled", cancelled, WAITING, lifecycle.FAILED),
    Way("replayed", replayed, DEAD, lifecycle.REPLAYED),
]
"""The code that changes a status; only an insert leads to `pending`."""


def test_the_listed_moves_are_those_that_the_code_makes() -> None:
    made = {(start, way.end) for way in WAYS for start in way.starts}

    assert made == {(start, end) for start, ends in MOVES.items() for end in ends}


@pytest.mark.parametrize("way", WAYS, ids=attrgetter("name"))
@pytest.mark.parametrize("current", STATUSES)
def test_an_execution_moves_along_the_listed_moves_and_no_others(
    database: Database, settings: Settings, current: str, way: Way
) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id, current)
    (before,) = factories.executions(database)

    try:
        way.go(database, settings, before)
    except (LeaseLost, NotReplayable, NotPossible):
        assert current not in way.starts

    after = factories.executions(database)[0]
    assert after.status == (way.end if current in way.starts else current)


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
