"""A person runs an execution again, cancels it, retries it now, forgets its key: once, recorded."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from app.audit import Actor
from app.db import Database, utc_now
from app.db.models import audit, execution_requests, trigger_executions
from app.errors import HookonceError, InvalidRequest, NotFound, NotPossible, RateLimited
from app.executions import dead_letters, decisions, origins, own_execution, prune, replay
from app.executions.dead_letters import DeadLetterFilter
from app.executions.retention_queries import PruneGroup
from app.intake import edit
from app.intake.receive import Intake, receive
from tests.support import factories, samples

ADA = Actor("ada")
columns = trigger_executions.c


def completed(database: Database, trigger_id: int | None = None, **given: Any) -> int:
    values = {"idempotency_key": "order-1", "event_data": '{"a":1}', "payload_digest": "d", **given}
    made = factories.execution(
        database, trigger_id or factories.trigger(database), "completed", **values
    )
    factories.request_of(database, made, b'{"a": 1}', "application/json")
    return made


def row(database: Database, execution_id: int) -> Any:
    with database.reading() as connection:
        query = sa.select(trigger_executions).where(columns.id == execution_id)
        return connection.execute(query).one()


def origin(database: Database, execution_id: int) -> Any:
    with database.reading() as connection:
        return origins.of(connection, execution_id)


def recorded(database: Database) -> list[tuple[str, str, str]]:
    query = sa.select(audit.c.actor, audit.c.action, audit.c.subject).order_by(audit.c.id)
    with database.reading() as connection:
        return [tuple(each) for each in connection.execute(query)]


def delivered(intake: Intake, trigger_id: int, payload: object) -> None:
    receive(factories.request(samples.json_request("custom", payload), trigger_id), intake)


@pytest.mark.parametrize("own_key", [False, True])
def test_a_completed_execution_runs_again_with_the_old_key_or_its_own(
    database: Database, own_key: bool
) -> None:
    old = completed(database)

    new = replay.run_again(database, old, ADA, own_key=own_key)

    before, after = row(database, old), row(database, new)
    assert (before.status, before.idempotency_key) == ("completed", "order-1")
    assert (after.status, after.replay_of_id, after.attempt_count) == ("pending", old, 0)
    assert (after.idempotency_key, after.event_data) == ("order-1", '{"a":1}')
    assert after.chain_id == (new if own_key else old)
    made = origin(database, new)
    assert (made.kind, made.of_execution_id, made.made_by, made.edited) == (
        "run_again",
        old,
        "ada",
        False,
    )
    assert recorded(database) == [("ada", "execution.run_again", f"execution:{old}")]


def test_it_runs_again_once_and_then_the_newest_of_its_chain(database: Database) -> None:
    old = completed(database)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: _result(database, old), range(4)))
    (new,) = [each for each in results if isinstance(each, int)]

    refused = [each for each in results if not isinstance(each, int)]
    assert all(isinstance(each, NotPossible | RateLimited) for each in refused)
    with database.writing() as connection:
        connection.execute(sa.update(trigger_executions).values(last_replay_at=None))
    with pytest.raises(NotPossible, match="run the newest of its chain"):
        replay.run_again(database, old, ADA)
    with pytest.raises(NotPossible, match=f"{new} is pending"):
        replay.run_again(database, new, ADA)
    assert len(factories.executions(database)) == 2


def _result(database: Database, execution_id: int) -> int | HookonceError:
    try:
        return replay.run_again(database, execution_id, ADA)
    except HookonceError as error:
        return error


def test_a_changed_payload_runs_beside_the_original_until_both_are_pruned(
    database: Database,
) -> None:
    trigger_id = factories.trigger(database, source="evolution")
    old = completed(database, trigger_id, event_data='{"old": 1}')
    text = json.dumps({"event": "messages.upsert", "apikey": "theirs", "data": {"a": 2}})

    changed = edit.edited(database, old, text)
    new = replay.run_again(database, old, ADA, edited=changed)

    after, made = row(database, new), origin(database, new)
    with database.reading() as connection:
        query = sa.select(execution_requests.c.body).order_by(execution_requests.c.execution_id)
        original, body = connection.execute(query).scalars().all()
    assert json.loads(body) == {**json.loads(text), "apikey": "[redacted]"}
    assert ('"a":2' in after.event_data, after.payload_digest) == (True, None)
    assert "theirs" not in after.event_data
    assert (made.edited, made.original_event_data, bytes(made.original_body)) == (
        True,
        '{"old": 1}',
        bytes(original),
    )
    with database.reading() as connection:
        assert origins.edited(connection, [old, new]) == {new}

    with database.writing() as connection:
        connection.execute(
            sa.update(trigger_executions).values(status="completed", completed_at=utc_now())
        )
    prune._empty_payloads(database, [PruneGroup(trigger_id, {new: "completed"})], dry=False)
    assert (origin(database, new).original_body, origin(database, new).original_event_data) == (
        None,
        None,
    )


@pytest.mark.parametrize("text", ['{"a": ', "", "[" * 500, '{"a": NaN}'])
def test_a_payload_that_makes_no_event_is_refused(database: Database, text: str) -> None:
    old = completed(database)

    if text:
        with pytest.raises(InvalidRequest):
            edit.edited(database, old, text)
    else:
        assert edit.edited(database, old, text).body == b""
    assert len(factories.executions(database)) == 1


def test_a_mismatch_runs_once_as_its_own_execution(intake: Intake, database: Database) -> None:
    trigger_id = factories.trigger(database)
    delivered(intake, trigger_id, {"messageId": "m", "n": 1})
    delivered(intake, trigger_id, {"messageId": "m", "n": 2})
    (first,) = factories.executions(database)
    with database.reading() as connection:
        digest = connection.execute(sa.text("SELECT digest FROM mismatched_payloads")).scalar_one()

    new = own_execution.run_mismatch(database, first.id, digest, ADA)
    with pytest.raises(NotPossible, match="run before"):
        own_execution.run_mismatch(database, first.id, digest, ADA)
    with pytest.raises(NotFound):
        own_execution.run_mismatch(database, first.id, "0" * 64, ADA)
    delivered(intake, trigger_id, {"messageId": "m", "n": 2})

    after = row(database, new)
    assert (after.idempotency_key, after.replay_of_id, after.status) == (None, None, "pending")
    assert json.loads(after.event_data)["data"]["n"] == 2
    assert origin(database, new).kind == "mismatch"
    assert len(factories.executions(database)) == 2


def test_after_a_key_was_forgotten_the_next_event_is_admitted_once(
    intake: Intake, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    payload = {"messageId": "m"}
    delivered(intake, trigger_id, payload)
    (first,) = factories.executions(database)
    with pytest.raises(NotPossible, match="has not finished"):
        decisions.forget_key(database, first.id, ADA)
    with database.writing() as connection:
        end = {"status": "completed", "completed_at": utc_now()}
        connection.execute(sa.update(trigger_executions).values(end))

    assert decisions.forget_key(database, first.id, ADA) == "m"
    for _ in range(3):
        delivered(intake, trigger_id, payload)

    assert [each.idempotency_key for each in factories.executions(database)] == [None, "m"]
    with database.reading() as connection:
        forgotten = origins.forgotten_key(connection, first.id)
    assert (forgotten.idempotency_key, forgotten.forgotten_by) == ("m", "ada")
    with pytest.raises(NotPossible, match="has no key"):
        decisions.forget_key(database, first.id, ADA)
    assert recorded(database) == [("ada", "execution.forget_key", f"execution:{first.id}")]


def test_a_replay_holds_no_key_to_forget(database: Database) -> None:
    old = completed(database)
    new = replay.run_again(database, old, ADA)

    with pytest.raises(NotPossible, match="is a replay"):
        decisions.forget_key(database, new, ADA)
    with pytest.raises(NotPossible, match=f"{new} of this key has not finished"):
        decisions.forget_key(database, old, ADA)


@pytest.mark.parametrize("status", ["pending", "retrying"])
def test_a_waiting_execution_is_cancelled_and_a_bulk_replay_leaves_it_out(
    database: Database, status: str
) -> None:
    execution_id = factories.execution(database, factories.trigger(database), status)

    decisions.cancel(database, execution_id, ADA)

    after = row(database, execution_id)
    assert (after.status, after.error_reason, after.finished_by) == ("failed", "cancelled", "ada")
    assert after.error == "cancelled by ada"
    ids = [each.id for each in dead_letters.each(database, DeadLetterFilter())]
    asked = [each.id for each in dead_letters.each(database, DeadLetterFilter(reason="cancelled"))]
    assert (ids, asked) == ([], [execution_id])
    assert replay.replay(database, execution_id, ADA) > execution_id


@pytest.mark.parametrize("decision", [decisions.cancel, decisions.retry_now])
@pytest.mark.parametrize("status", ["running", "completed", "failed", "replayed"])
def test_only_what_waits_is_cancelled_or_retried(
    database: Database, status: str, decision: Any
) -> None:
    execution_id = factories.execution(database, factories.trigger(database), status)

    with pytest.raises(NotPossible) as raised:
        decision(database, execution_id, ADA)
    with pytest.raises(NotFound):
        decision(database, 2**63 - 1, ADA)

    assert raised.value.current_status == row(database, execution_id).status == status
    assert recorded(database) == []


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("decision", [decisions.cancel, decisions.retry_now])
def test_a_decision_at_the_moment_at_which_an_attempt_ends_waits_for_it(
    database: Database, decision: Any
) -> None:
    execution_id = factories.execution(database, factories.trigger(database), "running")
    ended = {"status": "retrying", "lease_owner": None, "lease_expires_at": None}
    settled = sa.update(trigger_executions).values(**ended, next_attempt_at=utc_now(3_600))

    with ThreadPoolExecutor(1) as pool, database.writing() as worker:
        worker.execute(settled)
        deciding = pool.submit(decision, database, execution_id, ADA)
        while not worker.exec_driver_sql("SELECT 1 FROM pg_locks WHERE NOT granted").first():
            assert not deciding.done()
        worker.commit()
        deciding.result()

    assert len(recorded(database)) == 1


def test_a_retry_is_due_at_once(database: Database) -> None:
    later = utc_now(3_600)
    trigger_id = factories.trigger(database)
    execution_id = factories.execution(database, trigger_id, "retrying", next_attempt_at=later)
    held = factories.execution(database, trigger_id, "pending", next_attempt_at=None)

    for each in (execution_id, held):
        decisions.retry_now(database, each, ADA)

    with database.reading() as connection:
        due = sa.select(columns.id).where(columns.next_attempt_at <= utc_now())
        assert set(connection.execute(due).scalars()) == {execution_id, held}
