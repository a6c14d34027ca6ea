"""A paused trigger's executions wait; once it is resumed they begin at a pace."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app import actions
from app.audit import Actor
from app.db import Database, utc_now
from app.db.models import audit, pauses, trigger_breakers, trigger_pauses
from app.errors import InvalidRequest
from app.executions import blocks, due
from app.settings import Settings
from app.triggers import breakers, manage, pausing
from app.worker import pace
from app.worker.loop import Worker
from tests.support import factories

ANA = Actor("ana")


@pytest.fixture
def trigger_id(database: Database, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setitem(actions.ACTIONS, "test", lambda _work: "done")
    return factories.trigger(database, action_type="test")


@pytest.fixture
def work(database: Database, settings: Settings) -> Callable[[], int]:
    """Runs what may begin now; returns the number of attempts."""
    return lambda: Worker(database, settings).run_once()


def add(database: Database, trigger_id: int, count: int = 1) -> None:
    for _ in range(count):
        factories.execution(database, trigger_id)


def open_breaker(database: Database, trigger_id: int) -> None:
    with database.writing() as connection:
        values = {"trigger_id": trigger_id, "failure_count": 9, "opened_at": utc_now()}
        later = utc_now(600)
        connection.execute(sa.insert(trigger_breakers).values(probe_at=later, **values))


def batch_is_due(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(trigger_pauses).values(next_at=utc_now(-1)))


def test_only_the_paused_trigger_waits(
    database: Database, trigger_id: int, work: Callable[[], int]
) -> None:
    other = factories.trigger(database, action_type="test")
    pausing.pause(database, trigger_id, ANA)
    add(database, trigger_id, 2)
    add(database, other)

    assert work() == 1

    pausing.resume(database, trigger_id, 0, ANA)
    assert work() == 2


def test_a_second_pause_keeps_the_first_time_and_name(database: Database, trigger_id: int) -> None:
    pausing.pause(database, trigger_id, ANA)
    with database.reading() as connection:
        first = blocks.of_trigger(connection, trigger_id)
    pausing.pause(database, trigger_id, Actor("bob"))

    with database.reading() as connection:
        assert blocks.of_trigger(connection, trigger_id) == first
        actions_of = connection.execute(sa.select(audit.c.action)).scalars().all()
    assert first.pause is not None
    assert (first.pause.by, actions_of) == ("ana", ["trigger.pause"])


def test_a_reason_replaces_the_one_before_and_no_reason_keeps_it(
    database: Database, trigger_id: int
) -> None:
    for author, reason in (("ana", None), ("bob", "slow"), ("cid", None), ("dan", "slow")):
        pausing.pause(database, trigger_id, Actor(author), reason=reason)
        pausing.pause_all(database, Actor(author), reason=reason)

    with database.reading() as connection:
        of_trigger = blocks.of_trigger(connection, trigger_id).pause
        of_all = blocks.pause_of_all(connection)
        rows = connection.execute(sa.select(audit).order_by(audit.c.id)).all()
    assert of_trigger is not None
    assert of_all is not None
    assert {(each.by, each.reason) for each in (of_trigger, of_all)} == {("ana", "slow")}
    changes = [(row.actor, row.action, row.after) for row in rows]
    assert changes == [
        ("ana", "trigger.pause", None),
        ("ana", "triggers.pause", None),
        ("bob", "trigger.pause", '{"reason": "slow"}'),
        ("bob", "triggers.pause", '{"reason": "slow"}'),
    ]


def test_a_trigger_that_is_resumed_at_a_pace_forgets_the_reason(
    database: Database, trigger_id: int
) -> None:
    pausing.pause(database, trigger_id, ANA, reason="slow")
    pausing.resume(database, trigger_id, 1, ANA)
    pausing.pause(database, trigger_id, ANA)

    with database.reading() as connection:
        pause = blocks.of_trigger(connection, trigger_id).pause
    assert pause is not None
    assert pause.reason is None


def test_the_backlog_begins_in_batches_and_new_events_wait_behind_it(
    database: Database,
    trigger_id: int,
    work: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "BATCH_SECONDS", 50)  # no batch is due before the test says so
    pausing.pause(database, trigger_id)
    add(database, trigger_id, 7)
    pausing.resume(database, trigger_id, per_second=0.06)
    add(database, trigger_id, 2)

    with database.writing() as connection:
        assert pace.take_batch(connection, trigger_id, 16) == 3
        assert pace.take_batch(connection, trigger_id, 16) == 0
        assert not pace.has_finished(connection)
    assert work() == 0
    batch_is_due(database)
    assert work() == 3
    batch_is_due(database)
    assert work() == 3
    batch_is_due(database)
    assert work() == 3  # the last of the backlog, and then all that came later
    with database.writing() as connection:
        assert pace.has_finished(connection)
        assert pace.forget_finished(connection) == 1


def test_all_triggers_wait_also_new_ones(
    database: Database, trigger_id: int, work: Callable[[], int]
) -> None:
    by_itself = factories.trigger(database, action_type="test")
    pausing.pause(database, by_itself)
    pausing.pause_all(database, ANA)
    new = factories.trigger(database, action_type="test")
    for each in (trigger_id, by_itself, new):
        add(database, each)

    assert work() == 0
    assert pausing.resume_all(database, 10, ANA) is True
    assert pausing.resume_all(database, 10, ANA) is False

    assert work() == 2
    with database.reading() as connection:
        of = blocks.of_triggers(connection, [trigger_id, by_itself, new])
        assert connection.execute(sa.select(pauses)).all() == []
    assert (of[trigger_id].per_second, of[new].per_second, of[by_itself].pause is None) == (
        10,
        10,
        False,
    )


@pytest.mark.parametrize("per_second", [-1, float("nan"), 1e9, 1e-9])
def test_an_impossible_pace_is_refused(
    database: Database, trigger_id: int, per_second: float
) -> None:
    pausing.pause(database, trigger_id)

    with pytest.raises(InvalidRequest, match="per_second"):
        pausing.resume(database, trigger_id, per_second)
    with pytest.raises(InvalidRequest, match="per_second"):
        pausing.resume_all(database, per_second)


@pytest.mark.parametrize("max_concurrency", [None, 1])
def test_a_test_event_passes_breaker_and_pause_and_nothing_else_does(
    database: Database, work: Callable[[], int], trigger_id: int, max_concurrency: int | None
) -> None:
    manage.update_trigger(database, trigger_id, {"max_concurrency": max_concurrency})
    add(database, trigger_id)
    factories.execution(database, trigger_id, "retrying", next_attempt_at=utc_now(600))
    pausing.pause(database, trigger_id)
    open_breaker(database, trigger_id)
    test_id = manage.try_trigger(database, trigger_id)

    assert work() == 1
    rows = {row.id: row.status for row in factories.executions(database)}
    assert rows.pop(test_id) == "completed"
    assert sorted(rows.values()) == ["pending", "retrying"]


def test_a_test_event_waits_while_all_are_paused(
    database: Database, work: Callable[[], int], trigger_id: int
) -> None:
    pausing.pause_all(database)
    manage.try_trigger(database, trigger_id)

    assert work() == 0


@pytest.mark.parametrize("max_concurrency", [None, 1])
def test_a_person_probes_or_closes_an_open_breaker(
    database: Database, work: Callable[[], int], trigger_id: int, max_concurrency: int | None
) -> None:
    manage.update_trigger(database, trigger_id, {"max_concurrency": max_concurrency})
    add(database, trigger_id, 3)
    open_breaker(database, trigger_id)
    assert work() == 0

    breakers.probe_now(database, trigger_id, ANA)
    assert work() == 3  # the probe is answered, so the others follow

    add(database, trigger_id, 2)
    open_breaker(database, trigger_id)
    breakers.close(database, trigger_id, ANA)
    assert work() == 2
    with database.reading() as connection:
        done = connection.execute(sa.select(audit.c.action).order_by(audit.c.id)).scalars().all()
    assert done[-2:] == ["breaker.probe", "breaker.close"]


def test_nothing_behind_a_pause_or_a_breaker_is_late(database: Database, trigger_id: int) -> None:
    long_ago = {"next_attempt_at": factories.LONG_AGO}
    other = factories.trigger(database)
    broken = factories.trigger(database)
    for each in (trigger_id, broken):
        factories.execution(database, each, **long_ago)
    factories.execution(database, other, next_attempt_at=utc_now(-30))
    pausing.pause(database, trigger_id)
    open_breaker(database, broken)

    with database.reading() as connection:
        oldest = due.longest_due_seconds(due.find_triggers(connection))

    assert oldest is not None
    assert 29 < oldest < 600
