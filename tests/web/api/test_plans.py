"""Every query of the API uses the index that is named here."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from app import audit, lifecycle
from app.db import Database
from app.db.count_cache import CountCache
from app.db.models import audit as audit_rows
from app.db.models import execution_attempts, sessions, tokens, trigger_executions
from app.executions import blocks, dead_letters, listing, time_range, waiting
from app.stats import failures, summary
from app.stats.summary import Window
from app.triggers import first_delivery
from tests.support import factories
from tests.support.plans import explain

OF_TRIGGER = "ix_trigger_executions_trigger"
DEAD = "ix_trigger_executions_dead"
columns = trigger_executions.c


def newest(query: sa.Select[Any]) -> sa.Select[Any]:
    return query.order_by(columns.id.desc()).limit(21)


QUESTIONS: dict[str, tuple[sa.Select[Any], str]] = {
    "what waits behind a pause": (blocks.waiting_rows(1, 1_000), "ix_trigger_executions_turn"),
    "places in a queue": (waiting.first_waiting(1, 1_000), "ix_trigger_executions_turn"),
    "a token": (sa.select(tokens).where(tokens.c.token_hash == "x"), "token_hash|autoindex"),
    "a session": (
        sa.select(sessions).where(sessions.c.session_hash == "x"),
        "pk_hookonce_sessions|autoindex",
    ),
    "executions": (newest(listing.executions_query(1)), OF_TRIGGER),
    "executions beyond an id": (
        newest(listing.executions_query(1).where(columns.id < 9)),
        OF_TRIGGER,
    ),
    "executions completed": (newest(listing.executions_query(1, "completed")), OF_TRIGGER),
    "executions failed": (newest(listing.executions_query(1, "failed")), DEAD),
    "executions failed_retryable": (
        newest(listing.executions_query(1, "failed_retryable")),
        DEAD,
    ),
    "executions running": (
        newest(listing.executions_query(1, "running")),
        "ix_trigger_executions_leased",
    ),
    "executions replayed": (
        newest(listing.executions_query(1, "replayed")),
        "uq_trigger_executions_replay_of",
    ),
    "executions by key": (
        newest(listing.executions_query(1, key="k")),
        "uq_trigger_idem|ix_trigger_executions_idem_key",
    ),
    "dead letters": (dead_letters.page_query(dead_letters.DeadLetterFilter(), limit=21), DEAD),
    "dead letters of a reason": (
        dead_letters.page_query(dead_letters.DeadLetterFilter(reason="timeout"), 9, limit=21),
        DEAD,
    ),
    "dead letters of a sender": (
        dead_letters.page_query(dead_letters.DeadLetterFilter(source="github"), limit=21),
        DEAD,
    ),
    "times of dead letters": (failures.newest_dead(), DEAD),
    "times of replayed executions": (
        failures.newest_replayed(),
        "uq_trigger_executions_replay_of",
    ),
    "the newest event of a sender": (first_delivery.received(1), OF_TRIGGER),
    "changes of a trigger": (
        audit.audit_query("trigger:1").order_by(audit.AUDIT_ID.desc()).limit(21),
        "ix_hookonce_audit_subject",
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_plan_names_the_index(database: Database, name: str) -> None:
    query, index = QUESTIONS[name]
    filled(database)

    with database.reading() as connection:
        plan = explain(connection, query)

    assert any(each in plan for each in index.split("|")), plan


BY_STATUS = (
    DEAD,
    "ix_trigger_executions_turn",
    "ix_trigger_executions_leased",
    "ix_trigger_executions_retrying",
    "uq_trigger_executions_replay_of",
)
COUNTED: dict[str, tuple[Callable[[Window], object], str]] = {
    "by status": (summary.by_status, " ".join(BY_STATUS)),
    "retries": (summary.retries, "execution_attempts"),
    "commands": (summary.commands, OF_TRIGGER),
}


@pytest.mark.parametrize("name", COUNTED)
def test_a_statistic_reads_no_rows_but_indexes(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, indexes = COUNTED[name]
    filled(database)
    asked: list[sa.Select[Any]] = []

    def noted(
        _counter: CountCache, _connection: object, rows: sa.Select[Any], *_: object, **__: object
    ) -> int:
        asked.append(rows)
        return 1

    monkeypatch.setattr(CountCache, "count_all", noted)
    with database.reading() as connection:
        count(Window(connection, CountCache(), datetime(2020, 1, 1, tzinfo=UTC), 1, 9))
        plans = [explain(connection, sa.select(sa.func.count()).select_from(rows.subquery()))
                 for rows in asked]  # fmt: skip

    together = "\n".join(plans)
    assert [each for each in indexes.split() if each not in together] == [], together
    assert "Seq Scan on trigger_executions" not in together
    assert "SCAN trigger_executions\n" not in f"{together}\n"


def filled(database: Database) -> None:
    """Insert enough rows of every status that the planner prefers an index to a table scan."""
    triggers = [factories.trigger(database, source="evolution") for _ in range(100)]
    rows: list[dict[str, Any]] = []
    for status in lifecycle.STATUSES:
        finished = status in lifecycle.FINISHED
        times = {
            "completed_at": factories.LONG_AGO if finished else None,
            "next_attempt_at": None if finished else factories.LONG_AGO,
        }
        made = {"status": status, "event_data": "x" * 300} | times
        for number in range(4_000 if status == lifecycle.COMPLETED else 100):
            key = {"idempotency_key": f"{status}-{number}"}
            rows.append(made | key | {"trigger_id": triggers[number % len(triggers)]})
    change = {"at": factories.LONG_AGO, "actor": "Ada", "action": "trigger.edit"}
    changes = [change | {"subject": f"trigger:{number}"} for number in range(2_000)]
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_executions), rows)
        connection.execute(sa.insert(audit_rows), changes)
        connection.exec_driver_sql("ANALYZE")


def test_a_page_is_found_without_reading_the_rows_before_it(database: Database) -> None:
    filled(database)

    with database.reading() as connection:
        plan = explain(
            connection, newest(listing.executions_query(1).where(columns.id < 10_000_000))
        )

    assert "temp b-tree" not in plan.lower()
    assert "sort" not in plan.lower()


def test_the_first_execution_of_a_window_is_found_by_halving(database: Database) -> None:
    trigger_id = factories.trigger(database)
    moments = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 29)]
    ids = [
        factories.execution(database, trigger_id, "completed", received_at=moment)
        for moment in moments
    ]
    with database.writing() as connection:
        connection.execute(sa.delete(trigger_executions).where(columns.id.in_(ids[3:7])))

    with database.reading() as connection:
        found = [time_range.first_id_since(connection, moment) for moment in moments]
        later = time_range.first_id_since(connection, datetime(2027, 1, 1, tzinfo=UTC))

    kept = [each for each in ids if each not in ids[3:7]]
    expected = [min(each for each in kept if each >= wanted) for wanted in ids]
    assert [min(each for each in kept if each >= first) for first in found] == expected
    assert later > ids[-1]


def test_found_rows_without_a_time_are_old(database: Database) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id)
    new = factories.execution(database, trigger_id, received_at=datetime(2026, 1, 1, tzinfo=UTC))

    with database.reading() as connection:
        first = time_range.first_id_since(connection, datetime(2025, 1, 1, tzinfo=UTC))

    assert first == new


def test_an_empty_table_has_no_first_execution(database: Database) -> None:
    with database.reading() as connection:
        assert time_range.first_id_since(connection, datetime(2025, 1, 1, tzinfo=UTC)) == 0


def test_retries_are_counted_by_the_index_of_attempts(database: Database) -> None:
    query = sa.select(execution_attempts.c.execution_id).where(
        execution_attempts.c.execution_id >= 1, execution_attempts.c.number > 1
    )
    with database.reading() as connection:
        plan = explain(connection, query)

    assert "autoindex_execution_attempts" in plan or "uq_execution_attempts" in plan
