"""/api/triggers/stats: the agreed JSON shape and correct numbers."""

import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock, lifecycle
from app.db import Database
from app.db.models import delivery_counts, execution_attempts, trigger_breakers
from app.stats import latency, outcomes
from tests.support import factories
from tests.support.api import Api

NOW = clock.now()
LATELY = NOW - timedelta(hours=1)
LONG_BEFORE = NOW - timedelta(days=20)


def stats(api: Api, token: str, days: int = 7) -> dict[str, object]:
    answer = api.ask("GET", "/api/triggers/stats", token, params={"days": days})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json
    return found


def test_of_nothing_the_numbers_are_nought(api: Api, viewer: str) -> None:
    assert stats(api, viewer) == {
        "window_days": 7,
        "total_executions": 0,
        "by_status": dict.fromkeys(lifecycle.STATUSES, 0),
        "retries_observed": 0,
        "idempotent_replays": 0,
        "dlq_size": 0,
        "wpp_command_count": 0,
        "circuit_breaker_watermark_hit": False,
        "deliveries": [],
        "dead_by_reason": {},
        "oldest_pending_seconds": None,
        "breakers": [],
        "answer_times": [],
    }


def test_executions_of_the_window_are_counted_by_status(
    api: Api, viewer: str, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id, "completed", received_at=LONG_BEFORE)
    factories.execution(database, trigger_id, "failed", received_at=LONG_BEFORE)
    due = {lifecycle.PENDING: {"next_attempt_at": LATELY}}
    made = {
        status: factories.execution(
            database, trigger_id, status, received_at=LATELY, **due.get(status, {})
        )
        for status in lifecycle.STATUSES
    }
    factories.execution(
        database, trigger_id, "completed", received_at=LATELY, replay_of_id=made["replayed"]
    )

    found = stats(api, viewer)
    wider = stats(api, viewer, days=30)

    assert found["by_status"] == dict.fromkeys(lifecycle.STATUSES, 1) | {"completed": 2}
    assert (found["total_executions"], wider["total_executions"]) == (8, 10)
    assert (found["dlq_size"], found["dead_by_reason"]) == (3, {"unknown": 3})
    waited = (clock.now() - LATELY).total_seconds()
    assert waited - 60 < found["oldest_pending_seconds"] < waited + 1


def test_retries_are_attempts_that_were_not_the_first(
    api: Api, viewer: str, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    execution_id = factories.execution(database, trigger_id, "completed", received_at=LATELY)
    of = {"execution_id": execution_id, "trigger_id": trigger_id}
    rows = [of | {"number": number, "worker": "w", "started_at": LATELY} for number in (1, 2, 3)]
    with database.writing() as connection:
        connection.execute(sa.insert(execution_attempts), rows)

    assert stats(api, viewer)["retries_observed"] == 2


def test_duplicates_are_those_of_the_window(api: Api, viewer: str, database: Database) -> None:
    hour = LATELY.replace(minute=0, second=0, microsecond=0)
    counts = {
        outcomes.ACCEPTED: 100,
        outcomes.DUPLICATE: 5,
        outcomes.DUPLICATE_RACE: 2,
        outcomes.MISMATCH: 1,
    }
    rows = [
        {"trigger_id": trigger_id, "hour": at, "outcome": outcome, "number": number}
        for trigger_id in (1, 2)
        for at in (hour, LONG_BEFORE)
        for outcome, number in counts.items()
    ]
    with database.writing() as connection:
        connection.execute(sa.insert(delivery_counts), rows)

    found = stats(api, viewer)

    assert found["idempotent_replays"] == 16
    assert found["deliveries"] == [
        {"hour": clock.text(hour), "outcome": outcome, "number": 2 * number}
        for outcome, number in sorted(counts.items())
    ]


def test_a_month_of_counts_is_read_once_and_not_for_every_look(
    api: Api, viewer: str, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    hour = LATELY.replace(minute=0, second=0, microsecond=0)
    rows = [
        {"trigger_id": trigger_id, "hour": hour - timedelta(hours=back), "outcome": word}
        for back in range(600)
        for word in (outcomes.ACCEPTED, outcomes.DUPLICATE, *latency.CLASSES[:2])
    ]
    with database.writing() as connection:
        connection.execute(sa.insert(delivery_counts).values(number=1), rows)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.extend([statement] if "delivery_counts" in statement else [])

    sa.event.listen(database.engine, "before_cursor_execute", note)
    first, second = (stats(api, viewer, days=30) for _ in range(2))

    assert len(asked) == 2
    assert first["deliveries"] == second["deliveries"]
    assert first["idempotent_replays"] == second["idempotent_replays"] == 600
    assert first["answer_times"] == second["answer_times"] != []


@pytest.mark.parametrize(
    "given",
    [
        {"source": "whatsapp"},
        {"source": "evolution"},
        {"source": "evolution_go"},
        {"slug": "wpp-orders"},
        {"name": "WhatsApp orders"},
    ],
)
def test_messages_of_people_are_counted_and_too_many_warned_of(
    api: Api,
    viewer: str,
    database: Database,
    given: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    trigger_id, other = factories.trigger(database, **given), factories.trigger(database)
    factories.execution(database, other, received_at=LATELY)
    for _ in range(50):
        factories.execution(database, trigger_id, received_at=LATELY)

    at_the_mark = stats(api, viewer)
    factories.execution(database, trigger_id, received_at=LATELY)
    with caplog.at_level(logging.WARNING, logger="hookonce.web"):
        above = [stats(api, viewer) for _ in range(2)]

    assert at_the_mark["wpp_command_count"] == 50
    assert at_the_mark["circuit_breaker_watermark_hit"] is False
    assert [each["circuit_breaker_watermark_hit"] for each in above] == [True, True]
    assert [record.msg for record in caplog.records] == ["watermark_hit"]


def test_targets_that_fail_are_named(api: Api, viewer: str, database: Database) -> None:
    one = factories.trigger(database, slug="one")
    with database.writing() as connection:
        connection.execute(
            sa.insert(trigger_breakers).values(
                trigger_id=one, failure_count=10, opened_at=NOW, probe_at=NOW
            )
        )

    assert stats(api, viewer)["breakers"] == [
        {
            "trigger_id": one,
            "trigger_slug": "one",
            "state": "open",
            "failure_count": 10,
            "opened_at": clock.text(NOW),
            "probe_at": clock.text(NOW),
        }
    ]


@pytest.mark.parametrize(
    ("days", "window"), [("0", 1), ("-7", 1), ("31", 30), ("week", 7), ("", 7), ("9" * 40, 7)]
)
def test_a_window_has_one_to_thirty_days(api: Api, viewer: str, days: str, window: int) -> None:
    answer = api.ask("GET", "/api/triggers/stats", viewer, params={"days": days})

    assert answer.json["window_days"] == window


def test_a_cancelled_execution_is_no_dead_letter(api: Api, viewer: str, database: Database) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id, "failed", error_reason="rejected")
    factories.execution(database, trigger_id, "failed", error_reason=lifecycle.CANCELLED)

    stats = api.ask("GET", "/api/triggers/stats", viewer).json

    assert (stats["dead_by_reason"], stats["dlq_size"]) == ({"rejected": 1}, 1)
