"""Expired payloads and rows are removed in small steps; live keys and replays are kept."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app import db
from app.db import Database, utc_now
from app.db.models import (
    ALL_TIME,
    audit,
    delivery_counts,
    execution_attempts,
    execution_requests,
    mismatched_payloads,
    sessions,
    tokens,
    triggers,
)
from app.executions import prune, replay, retention_queries
from app.executions.prune import NOTHING, PruneStep
from app.executions.retention_queries import PruneGroup, PruneRules
from app.intake import sources
from app.settings import Settings, from_environment
from app.worker.pruner import Pruner
from tests.support import factories

DAY_SECONDS = 86_400.0
KEEP = {
    "HOOKONCE_KEEP_PAYLOAD_DAYS": "2",
    "HOOKONCE_KEEP_ROWS_DAYS": "4",
    "HOOKONCE_KEEP_DEAD_DAYS": "8",
    "HOOKONCE_KEEP_COUNTS_DAYS": "16",
    "HOOKONCE_KEEP_AUDIT_DAYS": "32",
}


@pytest.fixture
def settings(database_url: str) -> Settings:
    return from_environment(KEEP | {"DATABASE_URL": database_url})


@pytest.fixture
def trigger_id(database: Database) -> int:
    return factories.trigger(database)


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def stood(
    database: Database, trigger_id: int, days: float, status: str = "completed", **given: object
) -> int:
    """Create an execution with its request that was received and finished so long ago."""
    times = {"received_at": ago(days)}
    if status in ("completed", "failed", "failed_retryable", "replayed"):
        times["completed_at"] = ago(days)
    made = factories.execution(
        database, trigger_id, status, **({"event_data": '{"a": 1}'} | times | given)
    )
    factories.request_of(database, made, b'{"a": 1}', "application/json")
    return made


def rules(database: Database, settings: Settings) -> PruneRules:
    return retention_queries.rules(database, sources.retry_seconds(), settings)


def swept(database: Database, settings: Settings, *, dry: bool = False) -> PruneStep:
    steps = prune.run(database, rules(database, settings), threading.Event(), dry=dry)
    return sum_of(list(steps))


def sum_of(steps: Sequence[PruneStep]) -> PruneStep:
    total = NOTHING
    for step in steps:
        total = total.plus(step)
    return total


def ids(database: Database, column: sa.Column[int]) -> list[int]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(column).order_by(column)).scalars())


def left(database: Database) -> tuple[list[int], list[int]]:
    """Return the ids of all executions, and of those that have their request."""
    rows = [row.id for row in factories.executions(database)]
    return rows, ids(database, execution_requests.c.execution_id)


def test_a_payload_goes_first_then_the_row_and_a_dead_letter_last(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    young = stood(database, trigger_id, 1)
    emptied = stood(database, trigger_id, 3)
    stood(database, trigger_id, 5)
    letter = stood(database, trigger_id, 7, "failed")
    stood(database, trigger_id, 9, "failed_retryable")

    removed = swept(database, settings)

    assert left(database) == ([young, emptied, letter], [young, letter])
    events = {row.id: row.event_data for row in factories.executions(database)}
    assert events == {young: '{"a": 1}', emptied: "{}", letter: '{"a": 1}'}
    assert removed == PruneStep(payloads=3, executions=2)


@pytest.mark.parametrize("status", ["pending", "running", "retrying"])
def test_what_has_not_finished_stays_however_old_it_is(
    database: Database, settings: Settings, trigger_id: int, status: str
) -> None:
    kept = stood(database, trigger_id, 10_000, status)

    assert swept(database, settings) == NOTHING
    assert left(database) == ([kept], [kept])


def test_what_older_code_wrote_stays(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    kept = stood(database, trigger_id, 10_000, received_at=None)

    assert swept(database, settings) == NOTHING
    assert left(database) == ([kept], [kept])


def test_what_was_replayed_goes_with_the_last_of_its_chain(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    first = stood(database, trigger_id, 30, "replayed")
    second = stood(database, trigger_id, 20, "replayed", replay_of_id=first, chain_id=first)
    third = stood(database, trigger_id, 3, replay_of_id=second, chain_id=first)

    swept(database, settings)
    assert left(database)[0] == [first, second, third]

    with database.writing() as connection:
        columns = prune.trigger_executions
        connection.execute(
            sa.update(columns).where(columns.c.id == third).values(completed_at=ago(5))
        )
    assert swept(database, settings).executions == 3
    assert left(database)[0] == []


def test_what_hangs_on_an_execution_goes_with_it(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    gone = stood(database, trigger_id, 5)
    with database.writing() as connection:
        connection.execute(
            sa.insert(execution_attempts).values(
                execution_id=gone, number=1, worker="w", started_at=ago(5)
            )
        )

    swept(database, settings)

    assert ids(database, execution_attempts.c.id) == []
    assert ids(database, execution_requests.c.execution_id) == []


def test_a_trigger_has_its_own_word(database: Database, settings: Settings) -> None:
    hasty = factories.trigger(database, keep_payload_seconds=1, keep_rows_seconds=DAY_SECONDS)
    patient = factories.trigger(database, keep_payload_seconds=1e9, keep_rows_seconds=1e9)
    stood(database, hasty, 1.1)
    emptied = stood(database, hasty, 0.5)
    kept = stood(database, patient, 1000)

    swept(database, settings)

    assert left(database) == ([emptied, kept], [kept])


def test_a_key_is_kept_beyond_the_last_retry_of_its_sender(
    database: Database, settings: Settings
) -> None:
    slow = factories.trigger(database, source="whatsapp")
    kept = stood(database, slow, 7.5)

    swept(database, settings)

    assert left(database)[0] == [kept]


def test_a_dry_run_says_the_same_and_removes_nothing(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    for days in (1, 3, 5, 7):
        stood(database, trigger_id, days)
    stood(database, trigger_id, 9, "failed")
    before = left(database)

    expected = swept(database, settings, dry=True)

    assert left(database) == before
    assert swept(database, settings) == expected


def test_more_than_a_page_goes_in_steps_of_a_bounded_size(
    database: Database, settings: Settings, trigger_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_queries.rows_query, "__defaults__", (7,))
    monkeypatch.setattr(retention_queries.payloads_query, "__defaults__", (7,))
    monkeypatch.setattr(prune, "BATCH_ROWS", 3)
    for _ in range(25):
        stood(database, trigger_id, 5)
    last = stood(database, trigger_id, 1)

    steps = list(prune.run(database, rules(database, settings), threading.Event()))

    assert left(database)[0] == [last]
    assert sum_of(steps).executions == 25
    assert max(step.executions for step in steps) == 3


def test_it_stops_between_two_steps_when_asked_to(
    database: Database, settings: Settings, trigger_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "BATCH_ROWS", 1)
    for _ in range(5):
        stood(database, trigger_id, 3)
    stop = threading.Event()
    steps = prune.run(database, rules(database, settings), stop)

    first = next(steps)
    stop.set()

    assert (first, list(steps)) == (PruneStep(payloads=1), [])


def test_whoever_replays_a_dead_letter_at_the_last_moment_keeps_it(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    letter = stood(database, trigger_id, 9, "failed")
    kept = rules(database, settings)
    with database.reading() as connection:
        page = connection.execute(retention_queries.rows_query(0)).all()
    groups = retention_queries.expired_rows(database, page, kept)

    successor = replay.replay(database, letter)
    step = prune._remove_rows(database, groups, dry=False)

    assert (groups, step) == ([PruneGroup(trigger_id, {letter: "failed"})], PruneStep())
    assert left(database)[0] == [letter, successor]


def test_two_who_prune_at_the_same_time_remove_everything_once(
    database: Database, settings: Settings, trigger_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "BATCH_ROWS", 2)
    for _ in range(30):
        stood(database, trigger_id, 5)
    kept = rules(database, settings)
    found: list[PruneStep] = []
    ready = threading.Barrier(2, timeout=120)

    def race() -> None:
        ready.wait()
        found.extend(prune.run(database, kept, threading.Event()))

    racers = [threading.Thread(target=race) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(240)
    found.extend(prune.run(database, kept, threading.Event()))

    assert left(database)[0] == []
    assert sum_of(found).executions == 30


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_while_another_one_prunes_it_leaves_all_of_it_to_that_one(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    kept = stood(database, trigger_id, 5)

    with database.writing() as connection:
        assert db.try_advisory_lock(connection, prune.PRUNE_LOCK)
        assert swept(database, settings) == NOTHING

    assert left(database)[0] == [kept]


def test_counts_the_audit_and_sessions_go_in_their_time_and_the_sums_since_ever_stay(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    with database.writing() as connection:
        for hour in (ALL_TIME, ago(17), ago(15)):
            connection.execute(
                sa.insert(delivery_counts).values(
                    trigger_id=trigger_id, hour=hour, outcome="accepted", number=1
                )
            )
        for days in (33, 31):
            connection.execute(
                sa.insert(audit).values(at=ago(days), actor="a", action="x", subject="y")
            )
        token_id = connection.execute(
            sa.insert(tokens)
            .values(name="t", role="viewer", token_hash="0" * 64, created_at=utc_now())
            .returning(tokens.c.id)
        ).scalar_one()
        for name, seconds in (("old", -1), ("new", 3600)):
            connection.execute(
                sa.insert(sessions).values(
                    session_hash=name,
                    token_id=token_id,
                    csrf_token="c",
                    created_at=utc_now(),
                    expires_at=utc_now(seconds),
                )
            )

    expected = swept(database, settings, dry=True)
    removed = swept(database, settings)

    assert removed == expected == PruneStep(counts=1, audit=1, sessions=1)
    with database.reading() as connection:
        hours = connection.execute(sa.select(delivery_counts.c.hour)).scalars().all()
        names = connection.execute(sa.select(sessions.c.session_hash)).scalars().all()
    assert ALL_TIME in hours
    assert names == ["new"]


def test_the_pruner_of_a_worker_removes_what_is_kept_no_longer(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    stood(database, trigger_id, 5)
    pruner = Pruner(database, settings, sources.retry_seconds(), lambda: 0.0)

    assert pruner.prune_once() == PruneStep(payloads=1, executions=1)
    assert left(database)[0] == []


def test_a_trigger_that_is_gone_meanwhile_ends_no_sweep(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    stood(database, trigger_id, 5)
    kept = rules(database, settings)
    other_id = factories.trigger(database)
    stood(database, other_id, 5)
    with database.writing() as connection:
        connection.execute(sa.delete(triggers).where(triggers.c.id == trigger_id))

    assert sum_of(list(prune.run(database, kept, threading.Event()))) == NOTHING


def test_a_payload_that_came_with_a_known_key_goes_as_any_payload_does(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    execution_id = stood(database, trigger_id, days=0.1)
    with database.writing() as connection:
        for days, digest in ((1, "a"), (100, "b")):
            connection.execute(
                sa.insert(mismatched_payloads).values(
                    execution_id=execution_id,
                    digest=digest * 64,
                    trigger_id=trigger_id,
                    received_at=ago(days),
                    event_data="{}",
                    headers="{}",
                    body=b"{}",
                )
            )

    assert swept(database, settings, dry=True).payloads == 1
    assert swept(database, settings).payloads == 1

    with database.reading() as connection:
        left = connection.execute(sa.select(mismatched_payloads.c.digest)).scalars().all()
    assert left == ["a" * 64]
