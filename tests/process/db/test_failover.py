"""A primary that dies, is fenced or loses its synchronous standby costs no acknowledged event."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app import health
from app.db import Database
from app.settings import from_environment
from tests.support import sink, standby
from tests.support.chaos import CLIENTS, SETTINGS, Scene
from tests.support.databases import Databases, migrate
from tests.support.failover import fail_over, fence
from tests.support.findings import found
from tests.support.ledger import Ledger
from tests.support.load import sending
from tests.support.service import Service, until
from tests.support.standby import Pair
from tests.support.thorough import THOROUGH

pytestmark = pytest.mark.skipif(not THOROUGH, reason="starts two servers; TESTS_THOROUGH=1 runs it")
LIMIT_SECONDS = 1.0
IMPATIENT = {"HOOKONCE_DATABASE_TIMEOUT_SECONDS": str(LIMIT_SECONDS)}
PATIENCE_SECONDS = 60.0
"""Seconds within which an answer must arrive on a busy machine, far less than a sender waits."""
WAITS_FOR_STANDBY = """
    SELECT pid FROM pg_stat_activity
    WHERE wait_event = 'SyncRep' AND query LIKE '%INSERT INTO trigger_executions%'"""


@pytest.fixture
def pair(databases: Databases) -> Iterator[Pair]:
    """Yield a primary at head and its synchronous standby."""
    with standby.pair(databases.server) as made:
        migrate(made.uri)
        yield made


@pytest.fixture
def scene(pair: Pair, tmp_path: Path) -> Iterator[Scene]:
    settings = {"DATABASE_URL": pair.uri, "HOOKONCE_SCRIPTS_DIR": str(tmp_path)}
    database = Database(from_environment(settings))
    service = Service(tmp_path, **settings)
    with sink.listening() as target:
        chance = random.Random(random.random())
        yield Scene(service, Ledger(database, tmp_path), target, chance)
    service.remove()
    database.dispose()


def test_when_the_primary_is_killed_and_the_standby_promoted_nothing_is_lost_or_doubled(
    scene: Scene, pair: Pair
) -> None:
    failed_over = fail_over(scene, pair)

    assert failed_over.findings.not_kept() == {}
    assert failed_over.findings.answers.keys() == {"200", "503"}


def test_a_primary_that_was_fenced_and_lives_on_is_left_for_the_promoted_standby(
    scene: Scene, pair: Pair
) -> None:
    fenced = fence(scene, pair)

    assert fenced.findings.not_kept() == {}
    assert fenced.findings.answers.keys() == {"200", "503"}


def test_without_its_standby_nothing_is_acknowledged_and_the_late_commit_is_a_duplicate(
    scene: Scene, pair: Pair
) -> None:
    gunicorn = scene.service.gunicorn(workers=1, **IMPATIENT)
    sender = scene.ledger.sender(gunicorn)
    assert sender.post_event("before").acknowledged

    with pair.standby.frozen():
        began = time.monotonic()
        answers = [sender.post_event("late").status for _ in range(2)]
        seconds = (time.monotonic() - began) / len(answers)
        stored = scene.ledger.rows_by_key()
    until(lambda: sender.post_event("late").acknowledged, "an acknowledgement of the late commit")

    assert answers == [503, 503]
    assert seconds < PATIENCE_SECONDS
    assert stored == {"before": 1}
    assert scene.ledger.rows_by_key() == {"before": 1, "late": 1}


def test_a_cancelled_wait_for_the_standby_is_no_acknowledgement(scene: Scene, pair: Pair) -> None:
    sender = scene.ledger.sender(scene.service.gunicorn(workers=1))
    assert sender.post_event("before").acknowledged

    with pair.standby.frozen(), ThreadPoolExecutor(1) as pool:
        sent = pool.submit(sender.post_event, "cancelled")
        pid = until(lambda: pair.primary.value(WAITS_FOR_STANDBY), "a commit that waits")
        pair.primary.execute(f"SELECT pg_cancel_backend({pid})")
        answer = sent.result()

    assert answer.status == 503


def test_what_was_acknowledged_before_the_standby_froze_and_the_primary_died_is_on_the_standby(
    scene: Scene, pair: Pair
) -> None:
    gunicorn, worker = scene.service.gunicorn(**IMPATIENT), scene.service.worker(**SETTINGS)
    load = scene.load(gunicorn.port, "frozen")

    with sending(load, CLIENTS):
        load.until_delivered(100)
        with pair.standby.frozen():
            refused = load.answers["503"]
            until(lambda: load.answers["503"] > refused + CLIENTS, "refusals without the standby")
            scene.ledger.database.dispose()
            pair.primary.kill()
        pair.standby.promote()
        load.until_delivered(load.deliveries + 100)
    scene.ledger.wait_until_done()

    assert worker.stop() == 0
    assert found(load, scene.ledger, scene.sink.received).not_kept() == {}
    assert load.answers.keys() == {"200", "503"}


def test_the_check_names_standbys_that_no_commit_waits_for(pair: Pair) -> None:
    database = Database(from_environment({"DATABASE_URL": pair.primary.uri}))
    notes = {"synchronous": health.notes(database)}
    pair.primary.execute("ALTER DATABASE hookonce SET synchronous_commit = 'local'")
    database.dispose()
    notes["local"] = health.notes(database)
    pair.primary.execute("ALTER DATABASE hookonce SET synchronous_commit = 'off'")
    database.dispose()
    notes["off"] = health.notes(database)
    pair.primary.execute(
        "ALTER DATABASE hookonce RESET synchronous_commit",
        "ALTER SYSTEM RESET synchronous_standby_names",
        "SELECT pg_reload_conf()",
    )
    database.dispose()
    notes["asynchronous"] = until(lambda: health.notes(database), "a note on the standby")
    database.dispose()

    loses = "A FAILOVER LOSES ACKNOWLEDGED EVENTS: PostgreSQL has 1 standby(s)"
    assert notes["synchronous"] == []
    assert [note.startswith(loses) for note in notes["local"]] == [True]
    assert notes["off"][0].startswith("ACKNOWLEDGED EVENTS CAN BE LOST")
    assert notes["off"][1].startswith(loses)
    assert [note.startswith(loses) for note in notes["asynchronous"]] == [True]
