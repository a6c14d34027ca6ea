"""The first reason that holds is the one that is given."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app.db.models import TEST_DUE
from app.executions import waiting
from app.executions.blocks import Block, OpenBreaker, Pause
from app.executions.waiting import Facts
from app.executions.workers import LiveWorkers

NOW = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
BREAKER = OpenBreaker(EARLIER, 12, NOW + timedelta(seconds=30))
FINE = Facts(NOW, workers=LiveWorkers(2, 32, 5))


def row(**given: Any) -> SimpleNamespace:
    values = {"status": "pending", "next_attempt_at": EARLIER, "attempt_count": 0}
    leased = {"lease_owner": "host:1:aa", "lease_expires_at": LATER}
    return SimpleNamespace(**(values | leased | given))


ALL = replace(
    FINE,
    all_paused=Pause(EARLIER, "ana"),
    workers=LiveWorkers(),
    block=Block(Pause(EARLIER, "bob"), BREAKER, 12),
    max_concurrency=1,
    running_count=1,
    ahead=3,
)


@pytest.mark.parametrize(
    ("execution", "facts", "code", "words"),
    [
        (row(), FINE, "due", "next free slot"),
        (row(), ALL, "all_paused", "2026-01-31T02:00:00.000000Z, by ana"),
        (row(), replace(ALL, all_paused=None), "paused", "by bob"),
        (row(), replace(FINE, workers=LiveWorkers()), "no_worker", "`hookonce worker`"),
        (row(), replace(FINE, block=Block(None, BREAKER)), "breaker_open", "12 times in a row"),
        (
            row(next_attempt_at=LATER),
            replace(FINE, block=Block(None, BREAKER)),
            "breaker_open",
            "next probe at 2026-01-31T04:00:00",
        ),
        (row(next_attempt_at=LATER, attempt_count=2), FINE, "retry_at", "attempt 3 begins at 2026"),
        (row(next_attempt_at=None), ALL, "held", "hookonce held"),
        (
            row(),
            replace(FINE, max_concurrency=1, running_count=1, ahead=3),
            "serial",
            "behind 4 others",
        ),
        (
            row(),
            replace(FINE, max_concurrency=1, running_count=1, ahead=0),
            "serial",
            "behind 1 other",
        ),
        (row(), replace(FINE, max_concurrency=1, ahead=0), "due", "next free slot"),
        (row(), replace(FINE, max_concurrency=1, ahead=None), "serial", "many others"),
        (
            row(),
            replace(FINE, max_concurrency=3, running_count=2, ahead=1),
            "max_concurrency",
            "at most 3",
        ),
        (row(), replace(FINE, max_concurrency=3, running_count=2, ahead=0), "due", "free slot"),
        (row(), replace(FINE, block=Block(resumed_at=NOW, per_second=5)), "resuming", "5 of its"),
        (row(next_attempt_at=NOW), replace(FINE, block=Block(resumed_at=EARLIER)), "due", "slot"),
        (row(status="running"), ALL, "running", "worker host:1:aa runs attempt 0"),
        (row(status="running", lease_expires_at=EARLIER), FINE, "lease_expired", "takes it over"),
        (row(status="running", lease_expires_at=EARLIER), ALL, "lease_expired", "no worker"),
        (row(status="running", lease_expires_at=None), FINE, "held", "hookonce held"),
    ],
)
def test_the_first_reason_that_holds_is_given(
    execution: Any, facts: Facts, code: str, words: str
) -> None:
    found = waiting.reason(execution, facts)

    assert found.code == code
    assert words in found.detail


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (
            replace(ALL, all_paused=None, workers=LiveWorkers(1, 1, 0), running_count=0, ahead=0),
            "due",
        ),
        (replace(ALL, all_paused=None), "no_worker"),
        (ALL, "all_paused"),
    ],
)
def test_a_test_event_waits_for_neither_breaker_nor_pause_of_its_trigger(
    facts: Facts, code: str
) -> None:
    assert waiting.reason(row(next_attempt_at=TEST_DUE), facts).code == code


def test_every_other_reason_that_holds_is_given_too() -> None:
    found = waiting.reason(row(), replace(ALL, all_paused=None))

    assert [each.code for each in found.also] == ["no_worker", "breaker_open", "serial"]
    assert found.values()["also"][1]["detail"].startswith("the target failed 12 times in a row")
    assert waiting.reason(row(), FINE).also == ()
