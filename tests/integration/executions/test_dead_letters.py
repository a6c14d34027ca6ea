"""Dead letters are found by trigger, reason, time and key, however many there are."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app import lifecycle
from app.db import Database
from app.db.models import trigger_executions
from app.executions import dead_letters
from app.executions.dead_letters import UNKNOWN, DeadLetterFilter
from tests.support import factories
from tests.support.plans import explain

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
EVERY_FILTER = DeadLetterFilter(1, "timeout", "transient", NOON, NOON, "k", (1, 2))


def found(database: Database, chosen: DeadLetterFilter, limit: int | None = None) -> list[int]:
    return [row.id for row in dead_letters.each(database, chosen, limit)]


def test_only_dead_letters_are_found_newest_first(database: Database) -> None:
    trigger_id = factories.trigger(database)
    by_status = {
        status: factories.execution(database, trigger_id, status) for status in lifecycle.STATUSES
    }

    assert found(database, DeadLetterFilter()) == sorted(
        (by_status[status] for status in lifecycle.DEAD), reverse=True
    )


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (DeadLetterFilter(reason="timeout"), [0]),
        (DeadLetterFilter(reason=UNKNOWN), [2]),
        (DeadLetterFilter(category="permanent"), [1]),
        (DeadLetterFilter(since=NOON), [1, 0]),
        (DeadLetterFilter(until=NOON), [2]),
        (DeadLetterFilter(since=NOON, until=NOON + timedelta(hours=1)), [0]),
        (DeadLetterFilter(key="one"), [0]),
        (DeadLetterFilter(key="one", reason="rejected"), []),
        (DeadLetterFilter(), [2, 1, 0]),
    ],
    ids=repr,
)
def test_each_filter_narrows(
    database: Database, chosen: DeadLetterFilter, expected: list[int]
) -> None:
    hour = timedelta(hours=1)
    trigger_id = factories.trigger(database)
    ids = [
        factories.execution(database, trigger_id, "failed", **values)
        for values in (
            {"error_reason": "timeout", "completed_at": NOON, "idempotency_key": "one"},
            {
                "error_reason": "rejected",
                "error_category": "permanent",
                "completed_at": NOON + hour,
            },
            {"completed_at": NOON - hour},
        )
    ]

    assert found(database, chosen) == [ids[place] for place in expected]


def test_a_trigger_and_ids_narrow(database: Database) -> None:
    one, other = factories.trigger(database), factories.trigger(database)
    ids = [factories.execution(database, each, "failed") for each in (one, other, other)]

    assert found(database, DeadLetterFilter(trigger_id=other)) == ids[:0:-1]
    assert found(database, DeadLetterFilter(ids=(ids[0], ids[2], 4711))) == [ids[2], ids[0]]
    assert found(database, DeadLetterFilter(ids=())) == []


def test_all_pages_are_gone_through_and_nothing_comes_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "PAGE_ROWS", 3)
    trigger_id = factories.trigger(database)
    ids = [factories.execution(database, trigger_id, "failed") for _ in range(9)]

    assert found(database, DeadLetterFilter()) == ids[::-1]
    assert found(database, DeadLetterFilter(), limit=4) == ids[:4:-1]
    assert found(database, DeadLetterFilter(), limit=3) == ids[:5:-1]


def test_what_dies_meanwhile_is_not_in_the_list(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "PAGE_ROWS", 1)
    trigger_id = factories.trigger(database)
    ids = [factories.execution(database, trigger_id, "failed") for _ in range(3)]

    seen = []
    for row in dead_letters.each(database, DeadLetterFilter()):
        seen.append(row.id)
        factories.execution(database, trigger_id, "failed")

    assert seen == ids[::-1]


def test_they_are_counted_by_trigger_and_reason(database: Database) -> None:
    one = factories.trigger(database, slug="one")
    other = factories.trigger(database, slug="other")
    for trigger_id, reason in [(one, "timeout"), (other, None), (other, None), (other, "auth")]:
        factories.execution(database, trigger_id, "failed", error_reason=reason)
    factories.execution(database, one, "completed", error_reason="timeout")

    with database.reading() as connection:
        counted = [tuple(row) for row in dead_letters.counts(connection, DeadLetterFilter())]

    assert counted == [("other", UNKNOWN, 2), ("one", "timeout", 1), ("other", "auth", 1)]


def among_many_others(database: Database) -> None:
    """Create three triggers with many executions and few failures; ANALYZE them on PostgreSQL."""
    for trigger_id in [factories.trigger(database) for _ in range(3)]:
        done = {"trigger_id": trigger_id, "event_data": "{}", "completed_at": NOON}
        rows = [done | {"status": "failed" if n % 100 == 0 else "completed"} for n in range(1000)]
        with database.writing() as connection:
            connection.execute(sa.insert(trigger_executions), rows)
    if database.engine.dialect.name == "postgresql":
        with database.reading() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE trigger_executions")


def plan(database: Database, query: sa.Select[object]) -> str:
    """Return the query plan of the statement as it is sent, with its parameters."""
    with database.reading() as connection:
        if connection.dialect.name != "sqlite":
            return explain(connection, query)
        sent = query.compile(connection, compile_kwargs={"render_postcompile": True})
        values = tuple(sent.params[name] for name in sent.positiontup or ())
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sent}", values)
        return "\n".join(str(row.detail) for row in rows)


@pytest.mark.parametrize(
    "query",
    [
        dead_letters.page_query(DeadLetterFilter()),
        dead_letters.page_query(DeadLetterFilter(), before_id=1000),
        dead_letters.page_query(DeadLetterFilter(trigger_id=1, reason="timeout"), before_id=1000),
        dead_letters.counts_query(DeadLetterFilter()),
        dead_letters.counts_query(DeadLetterFilter(trigger_id=1)),
    ],
    ids=["first page", "next page", "of a trigger", "counts", "counts of a trigger"],
)
def test_only_the_dead_are_looked_through(database: Database, query: sa.Select[object]) -> None:
    among_many_others(database)

    assert "ix_trigger_executions_dead" in plan(database, query)


def test_every_filter_at_once_is_a_statement_that_both_databases_take(database: Database) -> None:
    assert found(database, EVERY_FILTER) == []
    with database.reading() as connection:
        assert not dead_letters.counts(connection, EVERY_FILTER)
