"""Each attempt is counted by its outcome, and the counts outlive the worker."""

import pytest
import sqlalchemy as sa

from app.db import Database
from app.settings import Settings
from app.stats import outcomes, totals
from app.stats.counters import Counters
from app.worker.loop import Worker
from tests.integration.cli.test_commands import Hookonce, hookonce
from tests.integration.conftest import WriteScript
from tests.support import factories

__all__ = ["hookonce"]
ONCE = '{"max_attempts": 1}'


@pytest.mark.parametrize(
    ("script", "policy", "outcome"),
    [
        ("exit 0", None, outcomes.ATTEMPT_SUCCEEDED),
        ("exit 75", None, outcomes.ATTEMPT_RETRIED),
        ("exit 75", ONCE, outcomes.ATTEMPT_EXHAUSTED),
        ("exit 1", None, outcomes.ATTEMPT_FAILED),
    ],
)
@pytest.mark.usefixtures("longest_waits")
def test_an_attempt_counts_as_what_became_of_it(
    database: Database,
    settings: Settings,
    write_script: WriteScript,
    script: str,
    policy: str | None,
    outcome: str,
) -> None:
    given = {"action_payload": write_script(script), "retry_policy": policy}
    trigger_id = factories.trigger(database, **given)
    factories.execution(database, trigger_id)
    counters = Counters()

    Worker(database, settings, counters=counters).run_once()

    (counted,) = counters.take().counts.items()
    assert (counted[0].trigger_id, counted[0].outcome, counted[1]) == (trigger_id, outcome, 1)


def test_a_lost_attempt_counts_as_lost(database: Database, settings: Settings) -> None:
    expired = {"lease_expires_at": sa.literal_column("'2020-01-01 00:00:00'")}
    factories.execution(database, factories.trigger(database), "running", **expired)
    counters = Counters()

    Worker(database, settings, counters=counters).work_once()

    counts = counters.take().counts
    assert sum(n for place, n in counts.items() if place.outcome == outcomes.ATTEMPT_LOST) == 1


def test_a_worker_leaves_its_numbers_in_the_database(
    hookonce: Hookonce, database: Database, write_script: WriteScript
) -> None:
    payload = write_script("exit 0")
    trigger_id = factories.trigger(database, source="github", action_payload=payload)
    factories.execution(database, trigger_id)

    ended = hookonce("worker", "--once")

    assert ended.exit_code == 0, ended.output
    with database.reading() as connection:
        assert totals.sums(connection)["github"] == {outcomes.ATTEMPT_SUCCEEDED: 1}
