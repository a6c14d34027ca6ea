"""The reasons of a list are read from the database by a few statements, for any number of rows."""

import pytest
import sqlalchemy as sa

from app.db import Database, utc_now
from app.db.models import trigger_breakers, trigger_executions, workers
from app.executions import waiting
from app.triggers import pausing
from tests.support import factories


def reasons(database: Database, *, breakers: bool = True) -> dict[int, waiting.Because]:
    with database.reading() as connection:
        rows = connection.execute(sa.select(trigger_executions)).all()
        return waiting.because(connection, rows, breakers=breakers)


def start_worker(database: Database) -> None:
    values = {"owner": "host:1:aa", "host": "host", "pid": 1, "version": "0", "slots": 4, "busy": 0}
    with database.writing() as connection:
        now = {"started_at": utc_now(), "last_seen_at": utc_now()}
        connection.execute(sa.insert(workers).values(values | now))


def open_breaker(database: Database, trigger_id: int) -> None:
    values = {"trigger_id": trigger_id, "failure_count": 9, "opened_at": utc_now(-60)}
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_breakers).values(values | {"probe_at": utc_now(60)}))


def test_every_reason_of_a_mixed_list(database: Database) -> None:
    start_worker(database)
    plain, paused, broken = (factories.trigger(database) for _ in range(3))
    serial = factories.trigger(database, max_concurrency=1)
    pausing.pause(database, paused)
    open_breaker(database, broken)
    due = factories.execution(database, plain)
    later = factories.execution(database, plain, "retrying", next_attempt_at=utc_now(600))
    held = factories.execution(database, plain, next_attempt_at=None)
    running = factories.execution(database, plain, "running", lease_expires_at=utc_now(60))
    done = factories.execution(database, plain, "completed")
    in_pause = factories.execution(database, paused)
    behind = factories.execution(database, broken)
    first, second = (factories.execution(database, serial) for _ in range(2))
    retried = factories.execution(database, serial, "retrying", next_attempt_at=utc_now(600))

    found = reasons(database)

    assert {each: because.code for each, because in found.items()} == {
        due: "due",
        later: "retry_at",
        held: "held",
        running: "running",
        in_pause: "paused",
        behind: "breaker_open",
        first: "serial",
        second: "serial",
        retried: "retry_at",
    }
    assert done not in found
    assert [found[each].ahead for each in (first, second)] == [1, 2]
    assert reasons(database, breakers=False)[behind].code == "due"


def test_without_a_worker_everything_that_waits_says_so(database: Database) -> None:
    waits = factories.execution(database, factories.trigger(database))

    assert reasons(database)[waits].code == "no_worker"


def test_a_place_far_behind_is_not_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "COUNTED", 2)
    monkeypatch.setattr(waiting, "LEAST_COUNTED", 2)
    start_worker(database)
    serial = factories.trigger(database, max_concurrency=1)
    ids = [factories.execution(database, serial) for _ in range(4)]

    found = reasons(database)

    assert [found[each].ahead for each in ids[1:]] == [1, None, None]
    assert found[ids[3]].detail.endswith("behind many others")


def test_a_list_of_many_triggers_takes_as_many_statements_as_one(database: Database) -> None:
    start_worker(database)

    def statements() -> int:
        seen: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        sa.event.listen(database.engine, "before_cursor_execute", note)
        try:
            reasons(database)
        finally:
            sa.event.remove(database.engine, "before_cursor_execute", note)
        return len(seen)

    factories.execution(database, factories.trigger(database, max_concurrency=1))
    few = statements()
    for _ in range(20):
        factories.execution(database, factories.trigger(database, max_concurrency=1))

    assert statements() == few
