"""A migration that copies rows waits while a replica of PostgreSQL is too far behind."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.log import KeyValueFormatter
from tests.support import found_databases, standby
from tests.support.databases import Databases, migrate
from tests.support.service import until
from tests.support.standby import Pair
from tests.support.thorough import THOROUGH

pytestmark = pytest.mark.skipif(not THOROUGH, reason="starts two servers; TESTS_THOROUGH=1 runs it")
FAR_BEHIND = "SELECT pg_logical_emit_message(true, 'hookonce', repeat('x', 2000000))"
REVISION = "SELECT version_num FROM hookonce_alembic_version"


@pytest.fixture
def pair(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """Yield a primary that was taken over from the older system, and a standby that lags."""
    monkeypatch.setenv("HOOKONCE_REPLICA_LAG_BYTES", "1000000")
    with standby.pair(databases.server) as made:
        found_databases.make(made.primary.uri)
        migrate(made.primary.uri, to="0002")
        made.standby.execute("SELECT pg_wal_replay_pause()")
        state = "SELECT pg_get_wal_replay_pause_state()"
        until(lambda: made.standby.value(state) == "paused", "a pause of the replay")
        made.primary.execute(FAR_BEHIND)
        yield made


def test_a_copy_waits_for_the_replica_and_names_it(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    with ThreadPoolExecutor() as pool:
        migration = pool.submit(migrate, pair.primary.uri, to="base", down=True)
        try:
            until(lambda: "migration_waits_for_replica" in caplog.text, "a line about the wait")
            waiting = pair.primary.value(REVISION), migration.done()
        finally:
            pair.standby.execute("SELECT pg_wal_replay_resume()")
        migration.result()

    assert waiting == ("0001", False)
    assert "replica=standby" in "".join(map(KeyValueFormatter().format, caplog.records))
    assert pair.primary.value(REVISION) is None


def test_a_copy_without_a_limit_does_not_wait_for_the_replica(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOOKONCE_REPLICA_LAG_BYTES", "0")

    migrate(pair.primary.uri, to="base", down=True)

    assert pair.primary.value(REVISION) is None
    assert "migration_waits_for_replica" not in caplog.text
