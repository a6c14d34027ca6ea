"""A worker runs until it is told to stop, through outages, lost leases and migrations."""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa

from app import actions, clock
from app.actions.work import Work
from app.db import Database, utc_now
from app.db.models import execution_attempts, trigger_executions
from app.settings import Settings
from app.worker import outage
from app.worker.loop import Worker
from tests.support import factories
from tests.support.databases import migrate

DEADLINE_SECONDS = 120.0

Register = Callable[[Callable[[Work], str]], int]


@pytest.fixture
def register(database: Database, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Register the function as an action and create one due execution of it; return its id."""

    def made(action: Callable[[Work], str]) -> int:
        monkeypatch.setitem(actions.ACTIONS, "test", action)
        return factories.execution(database, factories.trigger(database, action_type="test"))

    return made


@contextmanager
def running(worker: Worker) -> Iterator[tuple[Event, Future[bool]]]:
    """Run the worker in a thread; yield its stop event and its result, and stop it in the end."""
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(worker.run, stop)
        try:
            yield stop, ended
        finally:
            stop.set()


@contextmanager
def called_on(name: str, then: Callable[[], None]) -> Iterator[None]:
    """Call `then` whenever the event `name` is logged."""
    handler = logging.Handler()
    handler.emit = lambda record: then() if getattr(record, "evt", "") == name else None
    logger = logging.getLogger("hookonce.worker")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(handler)


def statuses(database: Database) -> list[str]:
    return [row.status for row in factories.executions(database)]


def outcomes(database: Database) -> list[str]:
    return [row.outcome for row in factories.attempts(database)]


def test_what_comes_while_it_runs_is_worked_off_and_then_it_stops(
    database: Database, settings: Settings, register: Register
) -> None:
    settled = Event()
    with called_on("attempt", settled.set), running(Worker(database, settings)) as (stop, ended):
        register(lambda _work: "done")
        assert settled.wait(DEADLINE_SECONDS)
        stop.set()

        assert ended.result(DEADLINE_SECONDS) is True
    assert statuses(database) == ["completed"]


def test_told_to_stop_it_lets_an_action_finish(
    database: Database, settings: Settings, register: Register
) -> None:
    begun, may_end = Event(), Event()
    register(lambda _work: begun.set() or str(may_end.wait(DEADLINE_SECONDS)))

    with running(Worker(database, settings)) as (stop, ended):
        assert begun.wait(DEADLINE_SECONDS)
        stop.set()
        may_end.set()

        assert ended.result(DEADLINE_SECONDS) is True
    assert statuses(database) == ["completed"]


def stopped_while_it_runs(
    database: Database, settings: Settings, register: Register
) -> tuple[bool, Any]:
    """Stop a worker without a grace period; return its result and the execution it leaves."""
    begun, may_end = Event(), Event()
    register(lambda _work: begun.set() or str(may_end.wait(DEADLINE_SECONDS)))
    impatient = replace(settings, hookonce_shutdown_seconds=0.0)
    with running(Worker(database, impatient)) as (stop, ended):
        assert begun.wait(DEADLINE_SECONDS)
        stop.set()
        finished = ended.result(DEADLINE_SECONDS)
    may_end.set()
    return finished, factories.executions(database)[0]


def test_an_action_that_does_not_finish_in_time_is_handed_back(
    database: Database, settings: Settings, register: Register
) -> None:
    finished, row = stopped_while_it_runs(database, settings, register)

    assert finished is False
    assert (row.status, row.lease_owner, row.error_reason) == ("retrying", None, "lease_lost")
    assert row.next_attempt_at <= clock.now()
    assert outcomes(database) == ["lost"]


def test_a_plug_in_that_does_not_finish_in_time_keeps_its_lease(
    database: Database,
    settings: Settings,
    register: Register,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(actions, "built_in", lambda _name: False)

    finished, row = stopped_while_it_runs(database, settings, register)

    assert finished is False
    assert row.status == "running"
    assert outcomes(database) == [None]


def test_what_is_handed_back_is_tried_again_though_its_attempts_are_used_up(
    database: Database, settings: Settings, register: Register
) -> None:
    def at_the_last_attempt(action: Callable[[Work], str]) -> int:
        made = register(action)
        with database.writing() as connection:
            connection.execute(sa.update(trigger_executions).values(attempt_count=7))
        return made

    _, row = stopped_while_it_runs(database, settings, at_the_last_attempt)

    assert (row.status, row.attempt_count) == ("retrying", 8)


@pytest.mark.parametrize("once", [True, False], ids=["run_once", "run"])
def test_a_lease_is_renewed_while_its_action_runs(
    database: Database, settings: Settings, register: Register, once: bool
) -> None:
    pause = Event()

    def wait_for_renewal(_work: Work) -> str:
        first = expiry(database)
        while expiry(database) == first:
            pause.wait(0.02)
        return "renewed"

    register(wait_for_renewal)
    worker = Worker(database, replace(settings, hookonce_lease_seconds=3.0))
    settled = Event()

    with called_on("attempt", settled.set):
        if once:
            worker.run_once()
        else:
            with running(worker):
                assert settled.wait(DEADLINE_SECONDS)

    assert outcomes(database) == ["succeeded"]


def expiry(database: Database) -> object:
    return factories.executions(database)[0].lease_expires_at


def test_an_execution_taken_over_meanwhile_is_left_to_its_new_owner(
    database: Database,
    settings: Settings,
    register: Register,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def lose(_work: Work) -> str:
        with database.writing() as connection:
            connection.execute(sa.update(trigger_executions).values(lease_owner="another"))
        return "too late"

    register(lose)

    Worker(database, settings).run_once()

    (row,) = factories.executions(database)
    assert (row.status, row.lease_owner, row.result_summary) == ("running", "another", None)
    assert "lease_lost" in [getattr(each, "evt", None) for each in caplog.records]


def test_an_outcome_is_written_down_as_soon_as_the_database_takes_it(
    database: Database, settings: Settings, register: Register
) -> None:
    hasty = Database(replace(settings, hookonce_database_timeout_seconds=0.05))
    locked = ExitStack()

    def lock(_work: Work) -> str:
        connection = locked.enter_context(database.writing())
        connection.execute(sa.update(trigger_executions).values(error="locked"))
        return "done"

    register(lock)

    with called_on("database_unavailable", locked.close):
        Worker(hasty, settings).run_once()
    hasty.dispose()

    assert statuses(database) == ["completed"]


def test_an_outcome_outlasts_an_outage_that_is_longer_than_its_lease(
    database: Database,
    settings: Settings,
    register: Register,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outage, "LOG_INTERVAL_SECONDS", 0.0)  # every wait is logged
    chosen = replace(settings, hookonce_database_timeout_seconds=0.05, hookonce_lease_seconds=0.3)
    hasty, locked = Database(chosen), ExitStack()
    worker = Worker(hasty, chosen)

    def lock(work: Work) -> str:
        if work.attempt_number == 1:
            connection = locked.enter_context(database.writing())
            connection.execute(sa.update(trigger_executions).values(error="locked"))
        return "done"

    def release_after_the_lease() -> None:
        if worker._outage.duration_seconds > 2 * chosen.hookonce_lease_seconds:
            locked.close()

    register(lock)

    with called_on("database_unavailable", release_after_the_lease):
        worker.run_once()
    hasty.dispose()

    assert outcomes(database) == ["succeeded"]


def test_a_clock_that_is_set_forward_does_not_make_a_worker_run_its_attempt_twice(
    database: Database, settings: Settings, register: Register
) -> None:
    worker, began, goes_on = Worker(database, settings), Event(), Event()

    def slow(_work: Work) -> str:
        began.set()
        goes_on.wait(DEADLINE_SECONDS)
        return "done"

    register(slow)
    worker.work_once()
    assert began.wait(DEADLINE_SECONDS)
    an_hour_later = sa.update(trigger_executions).values(lease_expires_at=utc_now(-3_600))
    with database.writing() as connection:
        connection.execute(an_hour_later)
    worker._check_expired_at = 0.0
    worker.work_once()
    goes_on.set()
    worker.run_once()

    assert outcomes(database) == ["succeeded"]


def test_an_outcome_waits_for_a_migration_that_has_not_brought_everything_back(
    database_url: str, database: Database, settings: Settings, register: Register
) -> None:
    waited = []

    def take_back(_work: Work) -> str:
        migrate(database_url, to="0005", down=True)
        worker._schema.forget()
        return "done"

    def bring_back() -> None:
        migrate(database_url)
        waited.append(True)

    register(take_back)
    worker = Worker(
        database, settings, concurrency=1
    )  # no slot is free, so it looks for no other execution

    with called_on("database_unavailable", bring_back):
        worker.run_once()

    assert (waited, statuses(database)) == ([True], ["completed"])


@pytest.mark.parametrize("revision", ["0004", "0001", "base"])
def test_a_worker_starts_nothing_below_the_revision_it_needs(
    database_url: str,
    database: Database,
    settings: Settings,
    register: Register,
    revision: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    register(lambda _work: "done")
    migrate(database_url, to=revision, down=True)

    assert Worker(database, settings).run_once() == 0

    paused = [each.fields for each in caplog.records if getattr(each, "evt", "") == "worker_paused"]
    assert "run `alembic upgrade head`" in paused[0]["detail"]


def test_a_database_that_moved_down_and_up_again_is_worked_off_as_before(
    database_url: str, database: Database, settings: Settings, register: Register
) -> None:
    register(lambda _work: "done")
    migrate(database_url, to="0002", down=True)
    migrate(database_url)

    assert Worker(database, settings).run_once() == 1
    assert statuses(database) == ["completed"]


def test_what_cannot_be_claimed_keeps_only_its_own_trigger_waiting(
    database: Database,
    settings: Settings,
    register: Register,
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd, fine = register(lambda _work: "done"), register(lambda _work: "done")
    as_if_begun = {"execution_id": odd, "number": 1, "worker": "x", "started_at": clock.now()}
    with database.writing() as connection:
        connection.execute(sa.insert(execution_attempts).values(as_if_begun))
    worker = Worker(database, settings)

    worker.run_once()
    worker.run_once()

    found = {row.id: row.status for row in factories.executions(database)}
    assert found == {odd: "pending", fine: "completed"}
    assert caplog.text.count("cannot be claimed") == 1


LOCK = {
    "sqlite": "SELECT 1",  # a writing transaction holds the one write lock from its beginning
    "postgresql": "LOCK TABLE trigger_executions IN ACCESS EXCLUSIVE MODE",
}


def after_an_outage(database: Database, worker: Worker) -> None:
    """Lock the database for longer than a lease's renewal takes; then run one round of work."""
    with database.writing() as connection:
        connection.exec_driver_sql(LOCK[database.engine.dialect.name])
        while worker._outage.duration_seconds <= worker._renewal_seconds:
            worker.work_once()
    worker.work_once()


@pytest.fixture
def hasty(settings: Settings) -> Iterator[Worker]:
    """A worker with leases of 1.5 s and almost no wait for locks."""
    chosen = replace(settings, hookonce_database_timeout_seconds=0.05, hookonce_lease_seconds=1.5)
    own = Database(chosen)
    yield Worker(own, chosen, chance=lambda: 1.0)
    own.dispose()


def test_after_an_outage_live_workers_may_renew_before_a_lease_counts_as_lost(
    database: Database, hasty: Worker
) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id, "running", lease_expires_at=utc_now(-1))

    after_an_outage(database, hasty)
    renewed = sa.update(trigger_executions).values(lease_expires_at=utc_now(60))
    with database.writing() as connection:
        connection.execute(renewed.where(trigger_executions.c.status == "running"))
    time.sleep(hasty._renewal_seconds)
    hasty.work_once()

    assert statuses(database) == ["running"]


def test_after_an_outage_a_lease_that_is_not_renewed_is_lost(
    database: Database, hasty: Worker
) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id, "running", lease_expires_at=utc_now(-1))

    after_an_outage(database, hasty)
    before = statuses(database)
    time.sleep(hasty._renewal_seconds)
    hasty.work_once()

    assert before == ["running"]
    assert statuses(database) == ["retrying"]
