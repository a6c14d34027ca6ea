"""Signals stop a worker in order or do nothing, and its scripts begin with the defaults of all."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db import Database
from tests.support import factories
from tests.support.service import COMMANDS, Service, environment, until

IGNORED = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE]
MASKS = "awk '/^Sig(Blk|Ign)/ { print $2 }' /proc/self/status"
OF_THE_C_LIBRARY = 1 << 31 | 1 << 32
"""Signals 32 and 33 in such a mask, which the C library keeps: no program can set them."""


@pytest.fixture
def kind() -> str:
    return "sqlite"


@pytest.fixture(autouse=True)
def hangups() -> Iterator[None]:
    """Let a worker take SIGHUP, which it ignores if it was started by nohup, as these tests may."""
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, inherited)


def script(directory: Path, text: str) -> str:
    path = directory / "the-script"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path.name


def test_a_closed_terminal_stops_a_worker_in_order_and_other_signals_do_nothing(
    service: Service, database: Database, tmp_path: Path
) -> None:
    payload = script(tmp_path, "touch begun; sleep 1; echo done")
    worker = service.worker()
    factories.execution(database, factories.trigger(database, action_payload=payload))
    until((tmp_path / "begun").exists, "the script runs")

    for number in IGNORED:
        worker.signal(number)
    worker.signal(signal.SIGHUP)

    assert worker.ended() == 0
    (row,) = factories.executions(database)
    assert (row.status, row.attempt_count) == ("completed", 1)


@pytest.mark.parametrize("first", [signal.SIGQUIT, signal.SIGTERM])
def test_quit_stops_a_worker_without_its_grace_period(
    service: Service, database: Database, tmp_path: Path, first: signal.Signals
) -> None:
    payload = script(tmp_path, "touch begun; sleep 60")
    worker = service.worker(HOOKONCE_SHUTDOWN_SECONDS="60")
    factories.execution(database, factories.trigger(database, action_payload=payload))
    until((tmp_path / "begun").exists, "the script runs")

    worker.signal(first)
    worker.signal(signal.SIGQUIT)
    worker.ended()

    (row,) = factories.executions(database)
    assert (row.status, row.lease_owner) == ("retrying", None)


def test_a_script_begins_with_the_defaults_whatever_its_worker_inherited(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    payload = script(tmp_path, MASKS)
    factories.execution(database, factories.trigger(database, action_payload=payload))

    def ignore() -> None:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGWINCH})

    settings = {"DATABASE_URL": database_url, "HOOKONCE_SCRIPTS_DIR": str(tmp_path)}
    subprocess.run(
        [COMMANDS / "hookonce", "worker", "--once"],
        env=environment(settings),
        preexec_fn=ignore,
        check=True,
        timeout=120,
    )

    (row,) = factories.executions(database)
    blocked, ignored = (int(mask, 16) for mask in row.result_summary.split())
    assert (blocked, ignored & ~OF_THE_C_LIBRARY) == (0, 0)


def test_nohup_keeps_a_worker_when_its_terminal_is_closed(
    service: Service, database: Database, tmp_path: Path
) -> None:
    worker = service.start(str(shutil.which("nohup")), "hookonce", "worker")
    worker.wait_for("evt=worker_started")

    worker.signal(signal.SIGHUP)
    payload = script(tmp_path, "echo done")
    factories.execution(database, factories.trigger(database, action_payload=payload))

    until(lambda: factories.executions(database)[0].status == "completed", "it still works")
    assert worker.stop() == 0


def test_a_worker_with_once_is_stopped_in_order_too(
    service: Service, database: Database, tmp_path: Path
) -> None:
    payload = script(tmp_path, "touch begun; sleep 1; echo done")
    trigger_id = factories.trigger(database, action_payload=payload, max_concurrency=1)
    for _ in range(3):
        factories.execution(database, trigger_id)
    once = service.start("hookonce", "worker", "--once")
    until((tmp_path / "begun").exists, "the script runs")

    once.signal(signal.SIGHUP)

    assert once.ended() == 130
    assert [row.status for row in factories.executions(database)] == [
        "completed",
        "pending",
        "pending",
    ]
