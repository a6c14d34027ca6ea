"""Every part of the service works through PgBouncer in transaction mode, and leaves nothing there.

Two sessions of the server are shared by all connections of two receiving processes and a worker.
"""

import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.support import pgbouncer, sink
from tests.support.chaos import SETTINGS, Scene
from tests.support.databases import ROOT, Databases
from tests.support.findings import found
from tests.support.ledger import Ledger
from tests.support.load import REFUSED, Load, sending
from tests.support.pgbouncer import Command, PgBouncer
from tests.support.service import Service, run, until
from tests.support.thorough import THOROUGH

pytestmark = [
    pytest.mark.parametrize("kind", ["postgresql"]),
    pytest.mark.skipif(not THOROUGH, reason="TESTS_THOROUGH is not set"),
]
CLIENTS = 16
DELIVERIES = 400
RESTARTS = 3
FAILS_ONCE = "[ -e again ] || { touch again; exit 1; }"
COMMANDS = (
    "dead replay --trigger dead --yes",
    "prune",
    "check",
    "stats",
    "migrate current",
    "worker --once",
)
LIMITS = {"lock_timeout": "5s", "statement_timeout": "10s", "enable_seqscan": "off", "jit": "off"}
INSTALLED = pytest.mark.parametrize("pooler", ["installed"], indirect=True)
PREPARED = {
    "newer-0": "max_prepared_statements = 0",
    "newer-200": "max_prepared_statements = 200",
}
FOREIGN = {
    "prepared statements": "SELECT count(*) FROM pg_prepared_statements",
    "channels listened to": "SELECT count(*) FROM pg_listening_channels()",
    "advisory locks": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
    "settings": """
        SELECT count(*) FROM pg_settings WHERE source = 'session'
        AND name NOT IN ('application_name', 'client_encoding', 'TimeZone')""",
}
"""State that no other client may find in a session of the server, with the query that counts it.

PgBouncer keeps those three settings for each client.
"""


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    directory = tmp_path_factory.mktemp("newer")
    yield pgbouncer.newer(directory)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["installed", *PREPARED])
def pooler(
    request: pytest.FixtureRequest, databases: Databases, tmp_path: Path
) -> Iterator[PgBouncer]:
    """Yield a PgBouncer in front of the test's server, with or without prepared statements."""
    more = PREPARED.get(request.param, "")
    command = request.getfixturevalue("newer") if more else pgbouncer.installed()
    with pgbouncer.running(command, tmp_path, databases.server, more) as made:
        yield made


@pytest.fixture
def pooled_url(pooler: PgBouncer, database_url: str) -> str:
    """Return the URL of this test's database through the pooler."""
    return pooler.url(str(make_url(database_url).database))


@pytest.fixture
def scene(pooled_url: str, ledger: Ledger, tmp_path: Path) -> Iterator[Scene]:
    """Yield a service that knows nothing but the pooler; the ledger reads past it."""
    service = Service(tmp_path, DATABASE_URL=pooled_url, HOOKONCE_SCRIPTS_DIR=str(tmp_path))
    with sink.listening() as target:
        yield Scene(service, ledger, target, random.Random(random.random()))
    service.remove()


def foreign_state(url: str) -> dict[str, int]:
    """Return what is left in the sessions of the pooler: each transaction is in the next one."""
    counts = dict.fromkeys(FOREIGN, 0)
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        for _ in range(2 * pgbouncer.SESSIONS):
            with connection.transaction():
                for name, query in FOREIGN.items():
                    counts[name] += _number(connection, query)
    return counts


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_receiving_and_running_work_and_leave_no_state_in_a_session(
    scene: Scene, pooled_url: str
) -> None:
    gunicorn, worker = scene.service.gunicorn(**SETTINGS), scene.service.worker(**SETTINGS)
    load = scene.load(gunicorn.port, "pooled")

    with sending(load, CLIENTS):
        load.until_delivered(DELIVERIES)
    scene.ledger.wait_until_done()

    assert found(load, scene.ledger, scene.sink.received).not_kept() == {}
    assert load.answers.keys() == {"200"}
    assert len(worker.lines("listen_unavailable")) == 1
    assert worker.lines("listen_failed") == []
    assert foreign_state(pooled_url) == dict.fromkeys(FOREIGN, 0)
    assert {worker.stop(), gunicorn.stop()} == {0}


@INSTALLED
def test_commands_work_and_leave_no_state_in_a_session(scene: Scene, pooled_url: str) -> None:
    gunicorn, worker = scene.service.gunicorn(workers=1), scene.service.worker()
    assert scene.ledger.sender(gunicorn, "dead", FAILS_ONCE).post_event("dead").acknowledged
    scene.ledger.wait_until_done()

    ran = {command: scene.service.run("hookonce", *command.split()) for command in COMMANDS}

    assert {name: each.stdout for name, each in ran.items() if each.returncode} == {}
    assert "a pooler gives each transaction" in ran["check"].stdout
    assert "no lock_timeout and no statement_timeout" in ran["check"].stdout
    assert len(scene.ledger.executions()) == 2
    assert scene.ledger.executions()[-1].status == "completed"
    assert foreign_state(pooled_url) == dict.fromkeys(FOREIGN, 0)
    assert worker.stop() == 0


def _refused_more(load: Load, before: int) -> bool:
    return load.answers[REFUSED] > before


@pytest.mark.parametrize("pooler", ["installed", "newer-200"], indirect=True)
def test_while_pooler_and_server_are_killed_and_started_again_every_answer_is_a_2xx_or_503(
    scene: Scene, pooler: PgBouncer, databases: Databases
) -> None:
    gunicorn, worker = scene.service.gunicorn(**SETTINGS), scene.service.worker(**SETTINGS)
    load = scene.load(gunicorn.port, "restarted")

    with sending(load, CLIENTS):
        for _ in range(RESTARTS):
            load.until_delivered(load.deliveries + 50)
            refused = load.answers[REFUSED]
            pooler.kill()
            until(partial(_refused_more, load, refused), "a refusal without the pooler")
            pooler.start()
        load.until_delivered(load.deliveries + 50)
        refused = load.answers[REFUSED]
        scene.ledger.database.dispose()
        databases.server.stop("immediate")
        until(partial(_refused_more, load, refused), "a refusal without the server")
        databases.server.start()
        load.until_delivered(load.deliveries + 50)
    scene.ledger.wait_until_done()

    assert found(load, scene.ledger, scene.sink.received).not_kept() == {}
    assert load.answers.keys() == {"200", "503"}
    assert {worker.stop(), gunicorn.stop()} == {0}


@INSTALLED
def test_a_migration_through_the_pooler_is_refused_and_goes_to_the_server_by_the_direct_url(
    pooled_url: str, database_url: str
) -> None:
    pooled = {"DATABASE_URL": pooled_url}
    direct = {"HOOKONCE_DIRECT_DATABASE_URL": database_url}

    refused = run("hookonce", "migrate", **pooled)
    dropped = run("hookonce", "stash", "drop", "--yes", **pooled)
    down = run("hookonce", "migrate", "downgrade", "0028", **pooled, **direct)
    refused_stash = run("hookonce", "stash", "drop", "--yes", **pooled)
    stash = run("hookonce", "stash", "drop", "--yes", **pooled, **direct)
    up = run("hookonce", "migrate", **pooled, **direct)
    checked = run("hookonce", "check", **pooled, **direct)
    unchecked = run("hookonce", "check", **pooled, HOOKONCE_DIRECT_DATABASE_URL=pooled_url)

    assert refused.returncode != 0
    for each in (refused, refused_stash):
        assert each.returncode != 0, each.stdout
        assert "HOOKONCE_DIRECT_DATABASE_URL" in each.stdout
        assert "Traceback" not in each.stdout
    assert (dropped.returncode, down.returncode) == (0, 0), dropped.stdout + down.stdout
    assert (stash.returncode, up.returncode) == (0, 0), stash.stdout + up.stdout
    assert checked.returncode == 0, checked.stdout
    assert "FAILED direct: " in unchecked.stdout
    assert foreign_state(pooled_url) == dict.fromkeys(FOREIGN, 0)


@INSTALLED
def test_a_worker_with_the_direct_url_is_notified_although_the_pooler_is_between(
    scene: Scene, database_url: str
) -> None:
    gunicorn = scene.service.gunicorn()
    worker = scene.service.worker(HOOKONCE_DIRECT_DATABASE_URL=database_url)
    listening = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = '{}'"
    query = listening.format(make_url(database_url).database)
    with psycopg.connect(database_url, autocommit=True) as connection:
        until(lambda: connection.execute(query).fetchone(), "a session that listens")

    assert scene.ledger.sender(gunicorn).post_event("notified").acknowledged
    scene.ledger.wait_until_done()

    assert worker.lines("listen_unavailable") == []


@INSTALLED
def test_a_lock_that_another_holds_is_a_503_and_the_event_gets_in_once_it_is_free(
    scene: Scene, database_url: str
) -> None:
    settings = {"HOOKONCE_DATABASE_TIMEOUT_SECONDS": "0.5"}
    sender = scene.ledger.sender(scene.service.gunicorn(workers=1, **settings))
    assert sender.post_event("before").acknowledged

    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE trigger_executions IN ACCESS EXCLUSIVE MODE")
        answers = [sender.post_event(f"locked-{number}") for number in range(3)]

    assert {each.status for each in answers} == {503}
    until(lambda: sender.post_event("locked-0").acknowledged, "an acknowledgement")
    assert set(scene.ledger.rows_by_key().values()) == {1}


def test_the_pgbouncer_ini_of_deploy_gives_each_session_our_limits_and_plans(
    databases: Databases, database_url: str, tmp_path: Path
) -> None:
    text = (ROOT / "deploy" / "container" / "pgbouncer.ini").read_text()
    connect_query = text.partition("connect_query=")[2].splitlines()[0]
    place = f"connect_query={connect_query}"

    with pgbouncer.running(pgbouncer.installed(), tmp_path, databases.server, place=place) as made:
        url = made.url(str(make_url(database_url).database))
        with psycopg.connect(url, autocommit=True) as connection:
            shown = [connection.execute(f"SHOW {name}").fetchone() for name in LIMITS]
        checked = run("hookonce", "check", DATABASE_URL=url)

    assert dict(zip(LIMITS, shown, strict=True)) == {name: (text,) for name, text in LIMITS.items()}
    assert "no lock_timeout" not in checked.stdout
    assert "pool_mode = transaction" in text


@pytest.mark.parametrize("command", ["check", "migrate", "stats"])
def test_a_pooler_in_statement_mode_is_refused_with_the_setting_to_change(
    command: str, databases: Databases, database_url: str, tmp_path: Path
) -> None:
    place = "pool_mode=statement"

    with pgbouncer.running(pgbouncer.installed(), tmp_path, databases.server, place=place) as made:
        pooled = made.url(str(make_url(database_url).database))
        refused = run("hookonce", command, DATABASE_URL=pooled)

    assert refused.returncode != 0
    assert "set pool_mode = transaction in pgbouncer.ini" in refused.stdout
    assert "Traceback" not in refused.stdout
