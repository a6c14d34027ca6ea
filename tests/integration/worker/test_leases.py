"""An execution whose lease expired is settled as lost; one with a renewed lease is not."""

import pytest

from app.db import Database, utc_now
from app.settings import Settings
from app.worker import classify, leases
from app.worker.attempt import Lease
from app.worker.loop import Worker
from tests.support import factories

OWNER = "a worker"
EXPIRED = utc_now(-1)


@pytest.fixture
def trigger_id(database: Database) -> int:
    return factories.trigger(database)


def expired(database: Database, limit: int = 10) -> list[Lease]:
    with database.writing() as connection:
        return [each.lease for each in leases.expired(connection, limit, classify.LEASE_LOST)]


def test_an_expired_lease_is_found(database: Database, trigger_id: int) -> None:
    execution_id = factories.execution(database, trigger_id, "running", lease_expires_at=EXPIRED)

    assert expired(database) == [Lease(execution_id, 1, OWNER)]


@pytest.mark.parametrize(
    ("status", "given"),
    [
        ("running", {}),
        ("running", {"lease_owner": None, "lease_expires_at": None}),
        ("pending", {"lease_expires_at": EXPIRED}),
        ("completed", {"lease_expires_at": EXPIRED}),
    ],
    ids=["still leased", "held as found", "waiting", "done"],
)
def test_nothing_else_counts_as_expired(
    database: Database, trigger_id: int, status: str, given: dict[str, object]
) -> None:
    factories.execution(database, trigger_id, status, **given)

    assert expired(database) == []


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ('{"x-request-id": "theirs"}', "theirs"),
        ('{"x-request-id": 5}', None),
        ("{}", None),
        ("[", None),
        ("[]", None),
    ],
)
def test_a_lost_attempt_names_the_request_that_brought_its_event(
    database: Database, trigger_id: int, headers: str, named: str | None
) -> None:
    execution_id = factories.execution(database, trigger_id, "running", lease_expires_at=EXPIRED)
    factories.request_of(database, execution_id, b"{}", "application/json", headers)

    with database.writing() as connection:
        (ended,) = leases.expired(connection, 10, classify.LEASE_LOST)

    assert ended.request_id == named


@pytest.mark.usefixtures("longest_waits")
def test_a_worker_settles_anothers_expired_attempt_as_lost(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    factories.execution(database, trigger_id, "running", lease_expires_at=EXPIRED)

    Worker(database, settings).run_once()

    (row,), (attempt,) = factories.executions(database), factories.attempts(database)
    assert (row.status, row.error_category, row.attempt_count) == ("retrying", "transient", 1)
    assert attempt.outcome == "lost"


def test_an_execution_that_kills_every_worker_runs_out_of_attempts(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    given = {"attempt_count": 8, "lease_expires_at": EXPIRED}
    factories.execution(database, trigger_id, "running", **given)

    Worker(database, settings).run_once()

    (row,) = factories.executions(database)
    assert row.status == "failed_retryable"


def test_a_renewed_lease_does_not_expire(database: Database, trigger_id: int) -> None:
    execution_id = factories.execution(database, trigger_id, "running", lease_expires_at=EXPIRED)

    with database.writing() as connection:
        count = leases.renew(connection, OWNER, {execution_id: trigger_id}, 60)

    assert count == 1
    assert expired(database) == []


@pytest.mark.parametrize(
    ("owner", "status"), [("another", "running"), (None, "retrying"), (None, "completed")]
)
def test_only_ones_own_running_execution_is_renewed(
    database: Database, trigger_id: int, owner: str | None, status: str
) -> None:
    given = {"lease_owner": owner, "lease_expires_at": EXPIRED}
    execution_id = factories.execution(database, trigger_id, status, **given)

    with database.writing() as connection:
        count = leases.renew(connection, OWNER, {execution_id: trigger_id}, 60)

    assert count == 0
