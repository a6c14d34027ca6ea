"""A command that waits for a lock of SQLite ends soon after Ctrl-C or SIGTERM."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.cli.signals import INTERRUPTED
from tests.support.databases import ROOT, Databases, migrate
from tests.support.schema_dump import data, schema
from tests.support.service import COMMANDS, DEADLINE_SECONDS, open_files, until

LOCK_SECONDS = 5 * DEADLINE_SECONDS
"""Seconds that a command waits for the lock unless a signal ends it; no test takes as long."""
WAITS = 30
"""Switches of context after which a process that has the file open counts as waiting."""
UPGRADE = ("alembic upgrade head", signal.SIGINT, 255)
ADD = ("hookonce trigger add n --action script --payload x", signal.SIGINT, 1)
PRUNE = ("hookonce prune", signal.SIGTERM, INTERRUPTED)
DROP = ("hookonce stash drop --yes", signal.SIGTERM, INTERRUPTED)


@pytest.fixture
def path(databases: Databases) -> Iterator[Path]:
    """Yield a SQLite file in which a downgrade stashed something."""
    with databases.copied("sqlite", stepped_down) as url:
        yield Path(url.removeprefix("sqlite:///"))


def stepped_down(url: str) -> None:
    migrate(url)
    migrate(url, to="0031", down=True)


@contextmanager
def locked(path: Path, *statements: str) -> Iterator[None]:
    """Hold a lock of the file from another connection."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    try:
        yield
    finally:
        connection.close()


def interrupted(path: Path, command: str, number: int) -> int:
    """Run the command, send it the signal once it waits for the file, return its exit status."""
    name, *arguments = command.split()
    process = subprocess.Popen(
        [str(COMMANDS / name), *arguments],
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_URL": f"sqlite:///{path}",
            "HOOKONCE_DATABASE_TIMEOUT_SECONDS": str(LOCK_SECONDS),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: str(path) in open_files(process.pid), "the command opens the file")
        least = switches(process.pid) + WAITS
        until(lambda: switches(process.pid) > least, "the command waits")
        if number == signal.SIGTERM:
            until(lambda: catches(process.pid, number), "the command hears the signal")
        process.send_signal(number)
        return process.wait(DEADLINE_SECONDS)
    finally:
        process.kill()
        process.wait()


def switches(pid: int) -> int:
    return int(status(pid)["voluntary_ctxt_switches"])


def catches(pid: int, number: int) -> bool:
    return bool(int(status(pid)["SigCgt"], 16) >> (number - 1) & 1)


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.parametrize(("command", "number", "ends"), [UPGRADE, ADD, PRUNE, DROP])
def test_a_wait_for_the_write_lock_ends_with_the_signal(
    path: Path, command: str, number: int, ends: int
) -> None:
    url = f"sqlite:///{path}"
    if command == PRUNE[0]:
        migrate(url)  # it needs the schema of its code
    before = schema(url, whole=True), data(url, whole=True)

    with locked(path, "BEGIN IMMEDIATE"):
        assert interrupted(path, command, number) == ends

    assert (schema(url, whole=True), data(url, whole=True)) == before


@pytest.mark.parametrize(("command", "number", "ends"), [UPGRADE, ADD])
def test_a_wait_for_the_whole_file_ends_with_the_signal(
    path: Path, command: str, number: int, ends: int
) -> None:
    with locked(path, "PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"):
        assert interrupted(path, command, number) == ends


def test_a_migration_waits_for_a_writer_of_a_file_without_a_write_ahead_log(path: Path) -> None:
    with locked(path, "PRAGMA journal_mode = DELETE", "BEGIN IMMEDIATE"):
        assert interrupted(path, *UPGRADE[:2]) == UPGRADE[2]
