"""A breaker opens for a target that keeps failing, and one execution at a time probes it."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from app import actions
from app.actions.work import Work
from app.db import Database, utc_now
from app.db.models import trigger_breakers
from app.errors import ActionFailed
from app.settings import Settings
from app.worker import circuit_breaker
from app.worker.attempt import FinishedAttempt, Lease, Outcome, RetryTerms
from app.worker.circuit_breaker import BreakerChange
from app.worker.loop import Worker
from tests.support import factories

FAILED = Outcome("failed", error="HTTP 503", category="transient", reason="target_error")
REFUSED = Outcome("failed", error="HTTP 404", category="permanent", reason="rejected")
LOST = Outcome("lost", error="the lease expired", category="transient", reason="lease_lost")
SUCCEEDED = Outcome("succeeded", summary="done")


@pytest.fixture
def patient(settings: Settings) -> Settings:
    """Settings with which three failures open a breaker, which stays open during any test."""
    return replace(settings, hookonce_breaker_failures=3, hookonce_breaker_seconds=600.0)


@pytest.fixture
def trigger_id(database: Database) -> int:
    return factories.trigger(database, action_type="test", retry_policy='{"base_seconds": 0}')


def breakers(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(trigger_breakers)))


def after(
    database: Database, settings: Settings, trigger_id: int, *outcomes: Outcome
) -> list[circuit_breaker.BreakerChange]:
    ended = [
        FinishedAttempt(Lease(1, 1, "a"), RetryTerms(trigger_id), outcome) for outcome in outcomes
    ]
    with database.writing() as connection:
        return circuit_breaker.note(connection, ended, settings)


def let_it_ask(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(trigger_breakers).values(probe_at=utc_now(-1)))


def test_the_failure_that_reaches_the_limit_opens_the_breaker(
    database: Database, patient: Settings, trigger_id: int
) -> None:
    assert after(database, patient, trigger_id, FAILED, FAILED) == []
    assert breakers(database)[0].opened_at is None

    assert after(database, patient, trigger_id, FAILED) == [BreakerChange(trigger_id, True, 3)]
    assert after(database, patient, trigger_id, FAILED) == []
    assert breakers(database)[0].opened_at is not None


@pytest.mark.parametrize("answer", [SUCCEEDED, REFUSED], ids=["success", "a permanent failure"])
def test_an_answer_ends_the_row_of_failures(
    database: Database, patient: Settings, trigger_id: int, answer: Outcome
) -> None:
    after(database, patient, trigger_id, FAILED, FAILED, answer, FAILED, FAILED)

    assert [row.failure_count for row in breakers(database)] == [2]
    assert after(database, patient, trigger_id, answer) == []
    assert breakers(database) == []


def test_a_success_closes_the_breaker(
    database: Database, patient: Settings, trigger_id: int
) -> None:
    after(database, patient, trigger_id, FAILED, FAILED, FAILED)

    assert after(database, patient, trigger_id, SUCCEEDED) == [BreakerChange(trigger_id, False, 3)]


def test_a_lost_attempt_says_nothing_of_the_target(
    database: Database, patient: Settings, trigger_id: int
) -> None:
    assert after(database, patient, trigger_id, *[LOST] * 9) == []
    assert breakers(database) == []


def test_a_breaker_that_is_turned_off_counts_nothing(
    database: Database, patient: Settings, trigger_id: int
) -> None:
    off = replace(patient, hookonce_breaker_failures=0)

    assert after(database, off, trigger_id, *[FAILED] * 9) == []
    assert breakers(database) == []


@pytest.mark.parametrize(
    ("outcomes", "all_answered", "answered"),
    [
        ([SUCCEEDED, REFUSED], True, [7]),
        ([FAILED, SUCCEEDED], True, [7]),
        ([SUCCEEDED, FAILED], False, [7]),
        ([FAILED], False, []),
        ([LOST], True, []),
    ],
)
def test_only_answers_that_came_last_leave_nothing_to_count(
    patient: Settings, outcomes: list[Outcome], all_answered: bool, answered: list[int]
) -> None:
    ended = [FinishedAttempt(Lease(1, 1, "a"), RetryTerms(7), outcome) for outcome in outcomes]

    assert circuit_breaker.all_answered(ended) is all_answered
    assert circuit_breaker.answered(ended, patient) == answered
    assert circuit_breaker.answered(ended, replace(patient, hookonce_breaker_failures=0)) == []


def test_eight_workers_let_one_execution_through(
    database: Database, patient: Settings, trigger_id: int
) -> None:
    after(database, patient, trigger_id, FAILED, FAILED, FAILED)
    let_it_ask(database)
    together = Barrier(8)

    def ask(_: int) -> bool:
        together.wait(120)
        with database.writing() as connection:
            return circuit_breaker.let_through(connection, trigger_id, 600.0)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == [False] * 7 + [True]


def test_executions_wait_while_the_target_fails_and_run_when_it_answers(
    database: Database,
    patient: Settings,
    trigger_id: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    target_is_up = False

    def act(_work: Work) -> str:
        if target_is_up:
            return "done"
        raise ActionFailed("HTTP 503", http_status=503)

    def work() -> int:
        return Worker(database, patient, concurrency=1).run_once()

    monkeypatch.setitem(actions.ACTIONS, "test", act)
    caplog.set_level(logging.INFO)
    for _ in range(5):
        factories.execution(database, trigger_id)

    assert work() == 3  # then it is open
    assert work() == 0
    let_it_ask(database)
    assert work() == 1  # the probe, which fails
    assert work() == 0
    let_it_ask(database)
    target_is_up = True
    assert work() == 5  # the probe, and with it all the others

    rows = factories.executions(database)
    assert {row.status for row in rows} == {"completed"}
    assert sum(row.attempt_count for row in rows) == 9
    said = [each.evt for each in caplog.records if "breaker" in getattr(each, "evt", "")]
    assert said == ["breaker_opened", "breaker_closed"]


def test_an_open_breaker_keeps_no_other_trigger_waiting(
    database: Database, patient: Settings, trigger_id: int
) -> None:
    after(database, patient, trigger_id, FAILED, FAILED, FAILED)
    factories.execution(database, trigger_id)
    other = factories.execution(database, factories.trigger(database))

    assert Worker(database, patient).run_once() == 1

    rows = {row.id: row.status for row in factories.executions(database)}
    assert rows[other] == "failed"  # there is no such script
