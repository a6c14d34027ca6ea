"""A dead letter is replayed exactly once, with its key, and linked to its replay."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import lifecycle
from app.audit import Actor
from app.db import Database, utc_now
from app.db.models import audit, execution_requests, trigger_executions
from app.errors import DatabaseUnavailable, HookonceError, NotFound, NotReplayable, RateLimited
from app.executions import replay as replaying
from app.executions.due import DueTrigger
from app.executions.replay import replay
from app.intake.receive import Intake, receive
from app.settings import Settings
from app.worker import claim, settle
from app.worker.attempt import FinishedAttempt, Lease, Outcome, RetryTerms
from app.worker.loop import Worker
from tests.integration.conftest import WriteScript
from tests.support import factories, samples
from tests.support.databases import migrate

every_dead_status = pytest.mark.parametrize("status", lifecycle.DEAD)
columns = trigger_executions.c


def dead_letter(database: Database, trigger_id: int | None = None, **given: Any) -> int:
    """Create an execution that failed, with a trigger of its own if none is given."""
    values = {"status": "failed", "idempotency_key": "order-1", "error": "no", **given}
    return factories.execution(database, trigger_id or factories.trigger(database), **values)


def row(database: Database, execution_id: int) -> Any:
    with database.reading() as connection:
        query = sa.select(trigger_executions).where(columns.id == execution_id)
        return connection.execute(query).one()


def change(database: Database, execution_id: int, **values: Any) -> None:
    with database.writing() as connection:
        connection.execute(
            sa.update(trigger_executions).where(columns.id == execution_id).values(values)
        )


def dies(database: Database, execution_id: int) -> None:
    """Let the replay fail permanently, long enough ago to be replayed again."""
    end = {"status": "failed", "completed_at": utc_now(), "next_attempt_at": None}
    change(database, execution_id, **end)
    with database.writing() as connection:
        connection.execute(
            sa.update(trigger_executions)
            .where(columns.last_replay_at.is_not(None))
            .values(last_replay_at=utc_now(-replaying.PAUSE_SECONDS))
        )


def refusal(database: Database, execution_id: int) -> HookonceError:
    with pytest.raises(HookonceError) as raised:
        replay(database, execution_id)
    return raised.value


def now_of(database: Database) -> datetime:
    with database.reading() as connection:
        return connection.execute(sa.select(utc_now())).scalar_one()


@every_dead_status
def test_a_dead_letter_is_replayed_by_a_new_execution(database: Database, status: str) -> None:
    old = dead_letter(database, status=status)

    new = replay(database, old)

    assert row(database, old).status == "replayed"
    assert row(database, new).status == "pending"
    assert new != old


def test_the_new_execution_has_the_event_and_the_key_and_a_life_of_its_own(
    database: Database,
) -> None:
    old = dead_letter(
        database,
        event_data='{"a": "ü"}',
        payload_digest="d" * 64,
        attempt_count=8,
        error="HTTP 500",
    )
    before = now_of(database)

    made = row(database, replay(database, old))

    found = row(database, old)
    assert made.trigger_id == found.trigger_id
    assert made.event_data == '{"a": "ü"}'
    assert (made.idempotency_key, made.payload_digest) == ("order-1", "d" * 64)
    assert (made.replay_of_id, made.chain_id) == (old, old)
    assert (made.attempt_count, made.error, made.last_replay_at) == (0, None, None)
    assert made.started_at is made.completed_at is made.lease_owner is None
    assert before <= made.next_attempt_at <= now_of(database)
    assert before <= made.received_at <= now_of(database)


def test_the_dead_letter_keeps_what_it_died_of(database: Database) -> None:
    old = dead_letter(database, error="HTTP 500", error_category="transient", attempt_count=8)
    before = row(database, old)

    replay(database, old)

    after = row(database, old)
    assert before.last_replay_at is None
    assert after.last_replay_at <= now_of(database)
    assert after._asdict() | {"status": "failed", "last_replay_at": None} == before._asdict()


def test_a_dead_letter_of_older_code_that_ended_at_no_time_ends_now(
    databases: Any, kind: str
) -> None:
    with databases.empty(kind) as url:
        migrate(url, to="0008")
        database = Database(Settings(database_url=url))
        with database.writing() as connection:
            connection.exec_driver_sql(
                "INSERT INTO triggers (id, name, slug, type, source, action_type, enabled,"
                " from_yaml) VALUES (1, 't', 't', 'webhook', 'custom', 'script', true, false)"
            )
            connection.exec_driver_sql(
                "INSERT INTO trigger_executions (trigger_id, event_data, status)"
                " VALUES (1, '{}', 'failed')"
            )

        new = replay(database, 1)

        with database.reading() as connection:
            query = sa.select(columns.status, columns.completed_at, columns.replay_of_id)
            old, made = connection.execute(query.order_by(columns.id)).all()
        database.dispose()
        assert (old.status, old.completed_at is None) == ("replayed", False)
        assert (made.status, made.completed_at, made.replay_of_id) == ("pending", None, 1)
        assert new == 2


def test_the_original_request_travels_along(database: Database) -> None:
    old = dead_letter(database)
    factories.request_of(database, old, b"\x00\xff as it came", "text/x-odd")

    new = replay(database, old)

    with database.reading() as connection:
        requests = connection.execute(sa.select(execution_requests)).all()
    (kept,) = [each for each in requests if each.execution_id == old]
    (copied,) = [each for each in requests if each.execution_id == new]
    assert copied[1:] == kept[1:]
    assert copied.body == b"\x00\xff as it came"


def test_what_has_no_original_request_any_more_is_replayed_from_its_event(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    action = {"action_type": "script", "action_payload": write_script("cat")}
    old = dead_letter(
        database, factories.trigger(database, **action), event_data='{"event_type":"paid"}'
    )

    new = replay(database, old)
    Worker(database, settings).run_once()

    made = row(database, new)
    assert (made.status, made.result_summary) == ("completed", '{"event_type":"paid"}')


@pytest.mark.parametrize("status", sorted(set(lifecycle.STATUSES) - set(lifecycle.DEAD)))
def test_what_is_no_dead_letter_is_not_replayed(database: Database, status: str) -> None:
    old = dead_letter(database, status=status)

    refused = refusal(database, old)

    assert isinstance(refused, NotReplayable)
    assert refused.current_status == status
    assert [each.status for each in factories.executions(database)] == [status]


@pytest.mark.parametrize("execution_id", [0, -1, 4711, 2**31, 2**63 - 1, 2**63, 10**30])
def test_what_is_not_there_is_not_found(database: Database, execution_id: int) -> None:
    dead_letter(database)

    assert isinstance(refusal(database, execution_id), NotFound)


def test_a_replay_that_died_is_not_replayed_within_the_pause(database: Database) -> None:
    first = dead_letter(database)
    second = replay(database, first)
    dies(database, second)
    change(database, first, last_replay_at=utc_now(-30))

    refused = refusal(database, second)

    assert isinstance(refused, RateLimited)
    assert 0 < refused.retry_after_seconds <= 30
    assert len(factories.executions(database)) == 2


def test_a_replay_that_died_is_replayed_after_the_pause(database: Database) -> None:
    first = dead_letter(database)
    second = replay(database, first)
    dies(database, second)
    change(database, first, last_replay_at=utc_now(-60))

    assert row(database, replay(database, second)).replay_of_id == second


@pytest.mark.parametrize(("ago", "wait"), [(0.0, 60), (0.5, 60), (30.5, 30), (58.5, 2), (-0.5, 60)])
def test_the_wait_is_rounded_up_to_whole_seconds(database: Database, ago: float, wait: int) -> None:
    began = time.monotonic()
    old = dead_letter(database, last_replay_at=utc_now(-ago))

    refused = refusal(database, old)

    took = time.monotonic() - began
    assert isinstance(refused, RateLimited)
    assert min(wait, math.ceil(60 - ago - took)) <= refused.retry_after_seconds <= wait


def test_a_last_replay_far_in_the_future_is_a_mistake_and_no_limit(database: Database) -> None:
    old = dead_letter(database, last_replay_at=datetime(2999, 1, 1, tzinfo=UTC))

    assert replay(database, old)


def test_status_comes_before_rate(database: Database) -> None:
    old = dead_letter(database)
    replay(database, old)

    refused = refusal(database, old)

    assert isinstance(refused, NotReplayable)
    assert refused.current_status == "replayed"


def test_a_chain_of_three_has_one_first_and_one_key(database: Database) -> None:
    chain = [dead_letter(database)]
    for _ in range(3):
        chain.append(replay(database, chain[-1]))
        dies(database, chain[-1])

    rows = factories.executions(database)

    assert [each.id for each in rows] == chain
    assert [each.replay_of_id for each in rows] == [None, *chain[:-1]]
    assert [each.chain_id for each in rows] == [None, chain[0], chain[0], chain[0]]
    assert {each.idempotency_key for each in rows} == {"order-1"}


def test_what_has_no_key_is_replayed_without_one(database: Database) -> None:
    old = dead_letter(database, idempotency_key=None)

    assert row(database, replay(database, old)).idempotency_key is None


def test_a_key_that_a_migration_has_put_aside_is_that_of_the_first(database: Database) -> None:
    first = dead_letter(database)
    second = replay(database, first)
    dies(database, second)
    change(database, second, idempotency_key=None)

    assert row(database, replay(database, second)).idempotency_key == "order-1"


def test_an_execution_of_a_disabled_trigger_is_replayed(database: Database) -> None:
    old = dead_letter(database, factories.trigger(database, enabled=False))

    assert row(database, replay(database, old)).status == "pending"


@pytest.mark.parametrize("status", lifecycle.STATUSES)
def test_a_webhook_that_comes_again_is_a_duplicate_whatever_became_of_the_replay(
    database: Database, intake: Intake, status: str
) -> None:
    trigger_id = factories.trigger(database)
    sent = samples.signed("custom", samples.sample("custom", "idempotency_key"))
    receive(factories.request(sent, trigger_id), intake)
    (first,) = (each.id for each in factories.executions(database))
    change(database, first, status="failed", completed_at=utc_now())
    second = replay(database, first)
    fitting = factories._of_status(status)
    change(database, second, status=status, **fitting)

    receive(factories.request(sent, trigger_id), intake)

    assert len(factories.executions(database)) == 2


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Start the calls together; return the result or the error of each."""
    barrier = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        barrier.wait(120)
        try:
            return call()
        except HookonceError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def test_of_replays_at_once_one_wins_and_the_others_hear_why(database: Database) -> None:
    for _ in range(10):
        old = dead_letter(database)
        answers = together(*[partial(replay, database, old)] * 4)

        (new,) = [each for each in answers if isinstance(each, int)]
        refused = [each for each in answers if each != new]
        assert [each.current_status for each in refused] == ["replayed"] * 3
        assert [e.id for e in factories.executions(database) if e.replay_of_id == old] == [new]


def test_a_replay_against_the_end_of_the_last_attempt_is_refused_or_takes_over(
    database: Database,
) -> None:
    failure = Outcome("failed", error="no", category="permanent", reason="rejected")
    trigger_id = factories.trigger(database)

    def end(execution_id: int) -> None:
        ended = FinishedAttempt(Lease(execution_id, 1, "a worker"), RetryTerms(trigger_id), failure)
        with database.writing() as connection:
            settle.record(connection, [ended], lambda: 1.0)

    for _ in range(10):
        old = factories.execution(database, trigger_id, "running")
        _, answer = together(partial(end, old), partial(replay, database, old))

        successors = [e.id for e in factories.executions(database) if e.replay_of_id == old]
        taken_over = isinstance(answer, int)
        assert row(database, old).status == ("replayed" if taken_over else "failed")
        assert successors == ([answer] if taken_over else [])
        assert taken_over or answer.current_status == "running"


def test_a_replay_against_a_scheduled_retry_is_refused_and_the_retry_runs(
    database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database)

    def claimed() -> list[int]:
        with database.writing() as connection:
            due_trigger = DueTrigger(trigger_id, -1.0)
            due = claim.due(connection, "a worker", [(due_trigger, 1)], settings)
        return [attempt.lease.execution_id for attempt in due]

    for _ in range(10):
        old = factories.execution(database, trigger_id, "retrying")
        taken, answer = together(claimed, partial(replay, database, old))

        assert taken == [old]
        assert isinstance(answer, NotReplayable)
        assert answer.current_status in ("retrying", "running")
    assert {each.replay_of_id for each in factories.executions(database)} == {None}


def test_without_the_unique_index_the_compare_and_set_alone_lets_one_win(
    database: Database,
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DROP INDEX uq_trigger_executions_replay_of")

    for _ in range(10):
        old = dead_letter(database)
        answers = together(*[partial(replay, database, old)] * 4)

        refused = [each for each in answers if not isinstance(each, int)]
        assert [each.current_status for each in refused] == ["replayed"] * 3
        assert len([e for e in factories.executions(database) if e.replay_of_id == old]) == 1


def test_the_unique_index_alone_refuses_a_second_replay(
    database: Database,
) -> None:
    old = dead_letter(database)
    replay(database, old)
    change(database, old, status="failed", last_replay_at=None)

    refused = refusal(database, old)

    assert isinstance(refused, NotReplayable)
    assert refused.current_status == "replayed"
    assert len(factories.executions(database)) == 2


def test_while_a_downgrade_builds_the_index_that_knows_no_replays_none_is_made(
    database: Database,
) -> None:
    old = dead_letter(database)
    with database.writing() as connection:
        connection.exec_driver_sql(
            "CREATE INDEX uq_trigger_idem_incoming ON trigger_executions (idempotency_key)"
        )

    refused = refusal(database, old)

    assert isinstance(refused, DatabaseUnavailable)
    assert row(database, old).status == "failed"


@pytest.mark.parametrize(
    "kind", ["postgresql"]
)  # on SQLite no other transaction can write meanwhile
def test_a_migration_that_went_by_between_two_looks_leaves_no_chain_that_begins_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = dead_letter(database)
    second = replay(database, first)
    dies(database, second)
    look = replaying._require_replayable

    def migrated_meanwhile(*given: Any) -> None:
        with database.writing() as other:  # the columns exist again, but are not filled yet
            other.exec_driver_sql("UPDATE hookonce_alembic_version SET version_num = '0007'")
            other.exec_driver_sql("UPDATE trigger_executions SET chain_id = NULL")
        look(*given)

    change(database, second, last_replay_at=None)
    change(database, first, last_replay_at=None)
    monkeypatch.setattr(replaying, "_require_replayable", migrated_meanwhile)

    assert "a replay needs revision 0008" in str(refusal(database, second))
    assert len(factories.executions(database)) == 2


def test_the_index_that_knows_no_replays_is_no_duplicate_but_a_migration(
    database: Database,
) -> None:
    old = dead_letter(database)
    with database.writing() as connection:
        connection.exec_driver_sql("DROP INDEX uq_trigger_idem")
        connection.exec_driver_sql(
            "CREATE UNIQUE INDEX uq_trigger_idem ON trigger_executions "
            "(trigger_id, idempotency_key) WHERE idempotency_key IS NOT NULL"
        )

    refused = refusal(database, old)

    assert isinstance(refused, DatabaseUnavailable)
    assert row(database, old).status == "failed"


def test_a_constraint_of_somebody_else_is_not_explained_away(database: Database) -> None:
    old = dead_letter(database)
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX theirs ON trigger_executions (event_data)")

    with pytest.raises(IntegrityError):
        replay(database, old)

    assert row(database, old).status == "failed"


def test_who_replayed_is_on_record(database: Database) -> None:
    old = dead_letter(database)

    new = replay(database, old, Actor("maria", "10.0.0.7"))
    refusal(database, old)

    with database.reading() as connection:
        (record,) = connection.execute(sa.select(audit)).all()
    assert (record.actor, record.origin, record.action) == ("maria", "10.0.0.7", "execution.replay")
    assert (record.subject, record.after) == (f"execution:{old}", f'{{"new_execution_id": {new}}}')
