"""Backups under traffic, and the commands of docs/backup.md on a real PostgreSQL."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.db import Database
from app.db.backup import SKIPPED_IDS
from app.settings import from_environment
from tests.support import factories
from tests.support.databases import ROOT, Databases, PostgresServer, migrate
from tests.support.ledger import Ledger
from tests.support.load import Load, sending
from tests.support.service import COMMANDS, Service, environment, run
from tests.support.thorough import THOROUGH

PAGE = (ROOT / "docs" / "backup.md").read_text()
RESTORED = "hookonce_restored"


def commands(heading: str) -> list[str]:
    """Return the shell commands of a section of the page, as they are printed there."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_backup_under_traffic_has_every_event_acknowledged_before_it(
    service: Service, ledger: Ledger, tmp_path: Path
) -> None:
    gunicorn = service.gunicorn(workers=2)
    load = Load(ledger.sender(gunicorn))

    with sending(load, 4):
        load.until_delivered(60)
        before = set(load.acknowledged)
        made = service.run("hookonce", "backup", str(tmp_path / "backup.db"))
        at_the_end = load.deliveries
        load.until_delivered(at_the_end + 20)
    url = f"sqlite:///{tmp_path}/restored.db"
    restored = run("hookonce", "restore", str(tmp_path / "backup.db"), DATABASE_URL=url)

    assert (made.returncode, restored.returncode) == (0, 0), made.stdout + restored.stdout
    assert load.answers.keys() == {"200"}
    copied = _ledger(url, tmp_path)
    known = copied.rows_by_key()
    assert before <= set(known)
    assert set(known.values()) == {1}
    _require_duplicates(service, load, copied, url)


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("command", ["gunicorn", "worker"] if THOROUGH else ["worker"])
def test_a_restore_is_refused_while_a_service_runs(
    command: str, service: Service, database: Database, tmp_path: Path
) -> None:
    database.dispose()
    backup = tmp_path / "backup.db"
    assert service.run("hookonce", "backup", str(backup)).returncode == 0
    running = service.gunicorn(workers=1) if command == "gunicorn" else service.worker()

    refused = service.run("hookonce", "restore", str(backup))
    assert running.stop() == 0
    restored = service.run("hookonce", "restore", str(backup))

    assert refused.returncode == 1
    assert "a process has" in refused.stdout
    assert restored.returncode == 0, restored.stdout


@pytest.mark.parametrize("kind", ["postgresql"])
def test_the_commands_with_pg_dump_keep_every_key(
    service: Service, ledger: Ledger, databases: Databases, database_url: str
) -> None:
    gunicorn = service.gunicorn(workers=1)
    load = Load(ledger.sender(gunicorn))
    restored = databases.server.uri_of(RESTORED)
    named = {"DATABASE_URL": database_url, "RESTORED_URL": restored}
    with tempfile.TemporaryDirectory() as backups, sending(load, 2):
        load.until_delivered(20)
        before = set(load.acknowledged)
        for block in commands("PostgreSQL with pg_dump"):
            _shell(databases.server, block, **named, BACKUPS=backups)
    try:
        for block in commands("What a restore loses, and how to get it back"):
            _shell(databases.server, block, **named)
        copied = _ledger(restored, Path(ledger.directory))
        trigger_id = copied.executions()[0].trigger_id
        assert factories.execution(copied.database, trigger_id) > SKIPPED_IDS
        assert before <= set(copied.rows_by_key())
        _require_duplicates(service, load, copied, restored)
    finally:
        service.remove()
        databases.server.drop(RESTORED)


def test_postgresql_is_not_copied_as_a_file() -> None:
    for command in ("backup", "restore"):
        refused = run("hookonce", command, "x", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

        assert refused.returncode == 1
        assert "docs/backup.md" in refused.stdout


@pytest.fixture
def archiving() -> Iterator[tuple[PostgresServer, Path]]:
    """Yield a PostgreSQL server that archives as the page says, and the directory of backups."""
    server = PostgresServer()
    backups = Path(tempfile.mkdtemp(prefix="hookonce-backups-"))
    (backups / "wal").mkdir()
    if server.system_user:
        for path in (backups, backups / "wal"):
            shutil.chown(path, server.system_user)
    configured = re.search(r"```conf\n(.*?)```", PAGE, re.DOTALL)
    assert configured
    for line in configured[1].replace("$BACKUPS", str(backups)).splitlines():
        name, value = line.split(" = ", 1)
        quoted = value if value.startswith("'") else f"'{value}'"
        server.execute(f"ALTER SYSTEM SET {name} = {quoted}")
    # of the restored server: options of its command line give the first one a socket of its own
    server.execute("ALTER SYSTEM SET listen_addresses = ''")
    server.execute(f"ALTER SYSTEM SET unix_socket_directories = '{backups}'")
    server.restart()
    yield server, backups
    server.remove()
    shutil.rmtree(backups, ignore_errors=True)


@pytest.mark.skipif(not THOROUGH, reason="starts two more servers; TESTS_THOROUGH=1 runs it")
def test_the_commands_for_any_moment_restore_what_was_deleted_afterwards(
    archiving: tuple[PostgresServer, Path], tmp_path: Path
) -> None:
    server, backups = archiving
    url = server.create("hookonce")
    migrate(url)
    base, restore = commands("PostgreSQL to any moment")
    named = {"DATABASE_URL": url, "BACKUPS": str(backups), "RESTORED": str(backups / "restored")}
    take, verify = base.splitlines()
    assert verify.startswith("pg_verifybackup")  # the one that comes with the server crashes
    _shell(server, take, user=server.system_user, **named)
    ledger = _ledger(url, tmp_path)
    ledger.trigger()
    with psycopg.connect(url, autocommit=True) as connection:
        until = connection.execute("SELECT clock_timestamp()::text").fetchone()
        assert until
        connection.execute("DELETE FROM triggers")
        connection.execute("SELECT pg_switch_wal()")
    ledger.database.dispose()
    server.stop()  # it archives the rest of its log before it ends

    _shell(server, restore, user=server.system_user, UNTIL=until[0], **named)

    try:
        with psycopg.connect(url, host=str(backups)) as connection:
            names = connection.execute("SELECT name FROM triggers").fetchall()
        assert names == [("orders",)]
    finally:
        stop = 'pg_ctl --pgdata="$RESTORED" --mode=immediate stop'
        _shell(server, stop, user=server.system_user, **named)


def _ledger(url: str, directory: Path) -> Ledger:
    return Ledger(Database(from_environment({"DATABASE_URL": url})), directory)


def _require_duplicates(service: Service, load: Load, copied: Ledger, url: str) -> None:
    """Send a key of the backup to a receiver on the restored database: nothing is admitted."""
    count = copied.count()
    gunicorn = service.gunicorn(workers=1, DATABASE_URL=url)
    load.send_to(gunicorn.port)
    key = next(iter(copied.rows_by_key()))

    answer = load.sender.post_event(key)
    gunicorn.stop()

    assert answer.acknowledged
    assert copied.count() == count
    copied.database.dispose()


def _shell(server: PostgresServer, block: str, user: str | None = None, **variables: str) -> None:
    """Run commands of the page with the PostgreSQL programs that the tests bring."""
    path = os.pathsep.join(map(str, (server.programs, COMMANDS, os.environ["PATH"])))
    with tempfile.TemporaryFile("w+") as said:  # a started server keeps a pipe open
        ended = subprocess.run(
            ["bash", "-euc", block],
            env=environment(variables) | {"PATH": path},
            cwd=tempfile.gettempdir(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            user=user,
            timeout=240,
            check=False,
        )
        said.seek(0)
        assert ended.returncode == 0, f"{block}\n{said.read()}"
