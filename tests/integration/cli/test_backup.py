"""`hookonce backup` and `hookonce restore` on files that are sound, damaged, in use or full."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app import cli
from app.db import Database
from app.db import backup as db_backup
from app.db.backup import PARTIAL, SKIPPED_IDS
from app.errors import HookonceError
from app.settings import from_environment
from tests.support import factories
from tests.support.databases import ROOT

Hookonce = Callable[..., Result]
pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


@pytest.fixture
def hookonce(database_url: str) -> Hookonce:
    """Return a function that runs the command on this test's database, or on another file."""

    def run(*arguments: object, file: Path | None = None) -> Result:
        url = f"sqlite:///{file}" if file else database_url
        return CliRunner().invoke(cli.main, [*map(str, arguments)], env={"DATABASE_URL": url})

    return run


@pytest.fixture
def backup(hookonce: Hookonce, database: Database, tmp_path: Path) -> Path:
    """Return a backup of this test's database, which has one execution."""
    factories.execution(database, factories.trigger(database))
    file = tmp_path / "backup.db"
    made = hookonce("backup", file, "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["executions"] == 1
    return file


def rows(file: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT * FROM trigger_executions ORDER BY id").fetchall()


def test_a_backup_is_one_private_file_and_is_never_overwritten(
    hookonce: Hookonce, backup: Path
) -> None:
    again = hookonce("backup", backup)

    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in backup.parent.glob("backup*")] == ["backup.db"]


@pytest.fixture(params=["absent", "without rows"])
def target(hookonce: Hookonce, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return the path of a database that a restore may fill."""
    path = tmp_path / "target.db"
    if request.param == "without rows":
        assert hookonce("migrate", file=path).exit_code == 0
    return path


def test_a_restore_fills_a_database_that_is_absent_or_has_no_rows(
    hookonce: Hookonce, backup: Path, tmp_path: Path, target: Path
) -> None:
    restored = hookonce("restore", backup, file=target)

    assert restored.exit_code == 0, restored.output
    assert "Events acknowledged after the backup are lost" in restored.stderr
    assert rows(target) == rows(backup)
    assert hookonce("check", file=target).exit_code == 0
    assert not list(tmp_path.glob(f"*{PARTIAL}"))


def test_a_restore_fills_the_file_that_a_symbolic_link_leads_to(
    hookonce: Hookonce, backup: Path, tmp_path: Path, target: Path
) -> None:
    """As on a disk of its own; a log that was left there is found, too."""
    link = tmp_path / "link" / "linked.db"
    link.parent.mkdir()
    link.symlink_to(target)
    log = tmp_path / "target.db-wal"
    if not target.exists():
        log.write_bytes(b"log")
        assert f"there is {log}" in hookonce("restore", backup, file=link).stderr
        log.unlink()

    restored = hookonce("restore", backup, file=link)

    assert restored.exit_code == 0, restored.output
    assert link.is_symlink()
    assert rows(target) == rows(backup)


def _write(file: Path) -> None:
    file.write_text("theirs")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_file_that_another_process_creates_during_the_copy_is_kept(
    backup: Path, tmp_path: Path, command: str
) -> None:
    target = tmp_path / "target.db"
    copy = db_backup.back_up if command == "backup" else db_backup.restore

    with pytest.raises(HookonceError, match="was created by another process meanwhile"):
        copy(str(backup), str(target), lambda *_left: _write(target))

    assert target.read_text() == "theirs"
    assert not list(tmp_path.glob(f"*{PARTIAL}"))


def test_no_execution_gets_the_id_of_a_lost_one(
    hookonce: Hookonce, backup: Path, target: Path
) -> None:
    newest_id = rows(backup)[-1][0]

    restored = hookonce("restore", backup, "--json", file=target)
    with opened(target) as database:
        new_id = factories.execution(database, factories.trigger(database, name="since"))

    assert new_id == json.loads(restored.stdout)["next_id"] == newest_id + SKIPPED_IDS + 1
    assert f"New executions have ids from {new_id} on" in restored.stderr


KILLED = """
import os, signal, sys
from app.db import backup

name, calls = sys.argv[3], int(sys.argv[4])
original = getattr(backup, name)

def killed(*arguments):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)

setattr(backup, name, killed)
backup.restore(sys.argv[1], sys.argv[2], lambda *left: None)
"""
"""Program that restores a backup, and is killed at the nth call of a function of it."""


@pytest.mark.parametrize(
    "place",
    [("_with_new_ids", 1), ("_copy_snapshot", 2), ("_checked", 2)],
    ids=["before the ids", "before the rows", "after the rows"],
)
def test_a_killed_restore_leaves_all_of_it_or_nothing(
    hookonce: Hookonce, backup: Path, tmp_path: Path, place: tuple[str, int]
) -> None:
    target = tmp_path / "target.db"
    assert hookonce("migrate", file=target).exit_code == 0

    arguments = [sys.executable, "-c", KILLED, str(backup), str(target), place[0], str(place[1])]
    killed = subprocess.run(arguments, cwd=ROOT, check=False)

    assert killed.returncode == -signal.SIGKILL
    if not rows(target):
        (tmp_path / f"target.db{PARTIAL}").unlink()
        assert hookonce("restore", backup, file=target).exit_code == 0
    assert rows(target) == rows(backup)
    with opened(target) as database:
        new_id = factories.execution(database, factories.trigger(database, name="since"))
    assert new_id > SKIPPED_IDS


def test_a_backup_that_counts_no_ids_yet_is_restored_as_it_is(
    hookonce: Hookonce, backup: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.executescript(
            "CREATE TABLE found AS SELECT * FROM trigger_executions; "
            "DROP TABLE trigger_executions; ALTER TABLE found RENAME TO trigger_executions; "
            "DELETE FROM sqlite_sequence"
        )

    restored = hookonce("restore", backup, "--json", file=tmp_path / "target.db")

    assert restored.exit_code == 0, restored.stderr
    assert "next_id" not in json.loads(restored.stdout)
    with closing(sqlite3.connect(tmp_path / "target.db")) as connection:
        assert connection.execute("SELECT * FROM sqlite_sequence").fetchall() == []


@contextmanager
def opened(file: Path) -> Iterator[Database]:
    database = Database(from_environment({"DATABASE_URL": f"sqlite:///{file}"}))
    yield database
    database.dispose()


def test_rows_are_never_replaced(hookonce: Hookonce, backup: Path, database: Database) -> None:
    factories.execution(database, factories.trigger(database, name="since"))
    database.dispose()

    refused = hookonce("restore", backup)

    assert refused.exit_code == 1
    assert "has rows in the table" in refused.stderr
    with database.reading() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM trigger_executions").scalar()
    assert found == 2


def test_an_idle_connection_of_another_process_refuses_the_restore(
    hookonce: Hookonce, backup: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target.db"
    assert hookonce("migrate", file=target).exit_code == 0
    with closing(sqlite3.connect(target)) as idle:
        idle.execute("PRAGMA journal_mode = WAL")
        idle.execute("SELECT count(*) FROM triggers").fetchone()

        refused = hookonce("restore", backup, file=target)

    assert refused.exit_code == 1
    assert "a process has" in refused.stderr
    assert rows(target) == []


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 6_000)


def _scribbled(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[8_192:20_480] = os.urandom(12_288)
    file.write_bytes(content)


def _text(file: Path) -> None:
    file.write_text("no database\n" * 1_000)


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _of_another_program(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE t (a)")


def _newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE hookonce_alembic_version SET version_num = '9999'")
        connection.commit()


@pytest.mark.parametrize("migrated", [False, True], ids=["absent", "without rows"])
@pytest.mark.parametrize("spoil", [_cut, _scribbled, _text, _empty, _of_another_program, _newer])
def test_a_backup_that_is_not_sound_changes_nothing(
    hookonce: Hookonce,
    backup: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    migrated: bool,
) -> None:
    target = tmp_path / "target.db"
    if migrated:
        assert hookonce("migrate", file=target).exit_code == 0
    spoil(backup)

    refused = hookonce("restore", backup, file=target)

    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-1].startswith("Error: ")
    assert target.exists() is migrated
    assert not list(tmp_path.glob(f"*{PARTIAL}"))
    if migrated:
        assert hookonce("check", file=target).exit_code == 0


def test_the_log_of_a_removed_database_is_never_written_into_the_restored_one(
    hookonce: Hookonce, backup: Path, tmp_path: Path
) -> None:
    left = tmp_path / "target.db-wal"
    left.write_bytes(b"log")

    refused = hookonce("restore", backup, file=tmp_path / "target.db")

    assert refused.exit_code == 1
    assert "target.db-wal" in refused.stderr
    assert left.read_bytes() == b"log"


@contextmanager
def small_disk() -> Iterator[None]:
    """Let no file of this process grow beyond 64 KiB, which fails as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_no_backup(
    hookonce: Hookonce, database: Database, tmp_path: Path
) -> None:
    factories.trigger(database)

    with small_disk():
        failed = hookonce("backup", tmp_path / "backup.db")

    assert failed.exit_code == 1
    assert "could not be copied" in failed.stderr
    assert list(tmp_path.glob("backup*")) == []


def test_a_copy_with_a_log_beside_it_is_restored_with_the_rows_of_the_log(
    hookonce: Hookonce, database: Database, tmp_path: Path, database_url: str
) -> None:
    path = database_url.removeprefix("sqlite:///")
    copied = tmp_path / "copied.db"
    factories.execution(database, factories.trigger(database))
    for end in ("", "-wal"):
        shutil.copy(path + end, f"{copied}{end}")

    restored = hookonce("restore", copied, file=tmp_path / "target.db")

    assert restored.exit_code == 0, restored.output
    assert len(rows(tmp_path / "target.db")) == 1
