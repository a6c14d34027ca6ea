"""A key expires with its row, whether or not the row was pruned."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.db import Database
from app.db.models import trigger_executions
from app.db.schema import SchemaWatch
from app.executions import replay
from app.executions.retention import Retention
from app.intake.batch import BatchAdmission
from app.intake.message import Admission, AdmissionRequest, Request, Verdict
from app.stats import outcomes
from tests.support import factories
from tests.support.databases import migrate

DAYS = Retention(payload_seconds=86_400, rows_seconds=2 * 86_400, dead_seconds=4 * 86_400)


@pytest.fixture(params=[True, False], ids=["looked up", "not looked up"])
def admitting(request: pytest.FixtureRequest, database: Database) -> BatchAdmission:
    return BatchAdmission(database, SchemaWatch(database), pre_check=request.param)


@pytest.fixture
def trigger_id(database: Database) -> int:
    return factories.trigger(database)


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def stood(database: Database, trigger_id: int, status: str, days: float, **given: object) -> int:
    """An execution under the key "a" that was received and finished so long ago."""
    times = {"received_at": ago(days)}
    if status in ("completed", "failed", "failed_retryable", "replayed"):
        times["completed_at"] = ago(days)
    values = {"idempotency_key": "a"} | times | given
    return factories.execution(database, trigger_id, status, **values)


def entry(trigger_id: int, *keys: str, lifetimes: Retention | None = DAYS) -> AdmissionRequest:
    events = [Admission("{}", key, "d") for key in keys]
    return AdmissionRequest(trigger_id, events, Request(str(trigger_id), {}, b"{}"), lifetimes)


def admitted(admitting: BatchAdmission, *entries: AdmissionRequest) -> list[Verdict]:
    results = admitting.admit(list(entries))
    for result in results:
        assert not isinstance(result, Exception), result
    return [verdict for result in results for verdict in result]


def keys(database: Database) -> list[str | None]:
    return [row.idempotency_key for row in factories.executions(database)]


@pytest.mark.parametrize("status", ["completed", "failed", "failed_retryable", "replayed"])
def test_an_expired_key_admits_an_event_before_its_row_is_pruned(
    database: Database, admitting: BatchAdmission, trigger_id: int, status: str
) -> None:
    stood(database, trigger_id, status, days=5)

    first, again = admitted(admitting, entry(trigger_id, "a")) + admitted(
        admitting, entry(trigger_id, "a")
    )

    assert (first.outcome, again.duplicate) == (outcomes.ACCEPTED, True)
    assert again.execution_id == first.execution_id
    assert keys(database) == [None, "a"]


@pytest.mark.parametrize(
    ("status", "days"),
    [("completed", 1.9), ("replayed", 1.9), ("failed", 3.9), ("failed_retryable", 3.9)]
    + [(status, 1000) for status in ("pending", "running", "retrying")],
)
def test_a_key_is_live_until_its_row_finished_and_expired(
    database: Database, admitting: BatchAdmission, trigger_id: int, status: str, days: float
) -> None:
    before = stood(database, trigger_id, status, days)

    (verdict,) = admitted(admitting, entry(trigger_id, "a"))

    assert (verdict.duplicate, verdict.execution_id) == (True, before)


def test_a_key_of_a_row_that_older_code_wrote_never_expires(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    stood(database, trigger_id, "completed", days=1000, received_at=None)

    (verdict,) = admitted(admitting, entry(trigger_id, "a"))

    assert verdict.duplicate


def test_without_retention_a_key_never_expires(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    stood(database, trigger_id, "completed", days=1000)

    (verdict,) = admitted(admitting, entry(trigger_id, "a", lifetimes=None))

    assert verdict.duplicate


@pytest.mark.parametrize("successor", ["pending", "running", "failed", "completed"])
def test_a_replayed_key_is_live_while_any_execution_of_its_chain_is(
    database: Database, admitting: BatchAdmission, trigger_id: int, successor: str
) -> None:
    first = stood(database, trigger_id, "replayed", days=9)
    second = stood(database, trigger_id, "replayed", 8, replay_of_id=first, chain_id=first)
    stood(database, trigger_id, successor, 1.5, replay_of_id=second, chain_id=first)

    (verdict,) = admitted(admitting, entry(trigger_id, "a"))

    assert (verdict.duplicate, verdict.execution_id) == (True, first)


def test_a_chain_that_expired_as_a_whole_releases_its_key(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    first = stood(database, trigger_id, "replayed", days=9)
    stood(database, trigger_id, "completed", 3, replay_of_id=first, chain_id=first)

    (verdict,) = admitted(admitting, entry(trigger_id, "a"))

    assert verdict.outcome == outcomes.ACCEPTED


def test_an_expired_key_does_not_affect_the_other_requests_of_its_batch(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    stood(database, trigger_id, "completed", days=5)
    other = stood(database, trigger_id, "completed", days=1, idempotency_key="b")

    verdicts = admitted(
        admitting, entry(trigger_id, "c", "a", "b"), entry(trigger_id, "a"), entry(trigger_id, "d")
    )

    new = {verdict.execution_id for verdict in verdicts if not verdict.duplicate}
    assert len(new) == 3
    assert other in {verdict.execution_id for verdict in verdicts}
    assert sorted(filter(None, keys(database))) == ["a", "b", "c", "d"]


def test_of_many_concurrent_requests_with_an_expired_key_one_is_accepted(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    stood(database, trigger_id, "completed", days=5)
    racers = 8
    ready = threading.Barrier(racers, timeout=120)

    def race(_: int) -> Verdict:
        ready.wait()
        return admitted(admitting, entry(trigger_id, "a"))[0]

    with ThreadPoolExecutor(racers) as pool:
        verdicts = list(pool.map(race, range(racers)))

    assert [verdict.duplicate for verdict in verdicts].count(False) == 1
    assert len({verdict.execution_id for verdict in verdicts}) == 1
    assert keys(database) == [None, "a"]


def test_one_triggers_retention_does_not_apply_to_another(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    other_id = factories.trigger(database)
    stood(database, trigger_id, "completed", days=5)
    stood(database, other_id, "completed", days=5)
    patient = dataclasses.replace(DAYS, rows_seconds=10 * 86_400)

    first, second = admitted(
        admitting, entry(trigger_id, "a"), entry(other_id, "a", lifetimes=patient)
    )

    assert (first.duplicate, second.duplicate) == (False, True)


def test_a_dead_letter_whose_key_was_released_can_still_be_replayed(
    database: Database, admitting: BatchAdmission, trigger_id: int
) -> None:
    dead = stood(database, trigger_id, "failed", days=5)
    admitted(admitting, entry(trigger_id, "a"))

    successor = replay.replay(database, dead)

    rows = {row.id: row for row in factories.executions(database)}
    assert rows[successor].replay_of_id == dead
    assert rows[successor].idempotency_key is None


@pytest.mark.parametrize("target", ["0011", "0016"])
def test_an_older_schema_admits_events_and_finds_duplicates(
    database: Database, database_url: str, admitting: BatchAdmission, trigger_id: int, target: str
) -> None:
    migrate(database_url, to=target, down=True)
    with database.writing() as connection:
        connection.execute(
            sa.insert(trigger_executions).values(
                trigger_id=trigger_id,
                idempotency_key="a",
                status="completed",
                completed_at=ago(1000),
            )
        )

    first, second = admitted(admitting, entry(trigger_id, "a"), entry(trigger_id, "b"))

    assert (first.duplicate, second.duplicate) == (True, False)
