"""Failed executions are counted by the hour of their failure, replayed ones too."""

from datetime import UTC, datetime, timedelta

from app.db import Database
from app.db.count_cache import CountCache
from app.stats import failures
from tests.support import factories

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def test_each_failure_since_then_counts_in_its_hour(database: Database) -> None:
    trigger_id = factories.trigger(database)
    at = {
        "failed": NOON + timedelta(minutes=5),
        "failed_retryable": NOON + timedelta(minutes=59),
        "completed": NOON + timedelta(minutes=6),
        "replayed": NOON + timedelta(hours=2),
    }
    made = {
        status: factories.execution(database, trigger_id, status, completed_at=ended)
        for status, ended in at.items()
    }
    factories.execution(database, trigger_id, "pending", replay_of_id=made["replayed"])
    factories.execution(database, trigger_id, "failed", completed_at=NOON - timedelta(hours=1))

    with database.reading() as connection:
        counted = failures.by_hour(connection, CountCache(), NOON)

    assert counted == {NOON: 2, NOON + timedelta(hours=2): 1}
