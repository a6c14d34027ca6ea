"""A shortage of this machine uses up no attempt; one that an event provokes ends in the end."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app import actions
from app.actions import absence, http_client, machine
from app.db import Database, utc_now
from app.db.models import trigger_executions
from app.errors import MachineTrouble
from app.settings import Settings, from_environment
from app.worker import run, start_trouble
from app.worker.loop import Worker
from tests.integration.conftest import WriteScript
from tests.support import factories, targets
from tests.support.shortage import free_descriptors

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
AT_ONCE = '{"base_seconds": 0, "max_attempts": 3}'


def make_due(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(trigger_executions).values(next_attempt_at=utc_now(-1)))


def short_of_processes() -> Callable[[], None]:
    """Make every program fail to start as with too few processes; return what ends that."""

    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    ended = pytest.MonkeyPatch()
    ended.setattr("subprocess.Popen", fail)
    return ended.undo


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[Any]:
    return [record for record in caplog.records if getattr(record, "evt", "") == name]


def test_a_worker_without_descriptors_uses_up_no_attempt(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    trigger_id = factories.trigger(database, action_payload=write_script("echo done"))
    for _ in range(6):
        factories.execution(database, trigger_id)
    worker = Worker(database, settings, concurrency=3)
    worker.work_once()  # its connections, and the process beside it, exist from now on
    worker.run_once()
    more = [factories.execution(database, trigger_id) for _ in range(6)]

    with free_descriptors(4):
        worker.run_once()

    rows = [row for row in factories.executions(database) if row.id in more]
    failed = [row for row in rows if row.status == "retrying"]
    assert failed, "every start succeeded"
    assert {(row.attempt_count, row.lease_owner, row.error_reason) for row in failed} == {
        (0, None, "internal")
    }
    assert {each.outcome for each in factories.attempts(database)} == {"succeeded"}

    for _ in range(20):
        make_due(database)
        worker._start_trouble._limits.clear()
        worker.run_once()
    rows = [row for row in factories.executions(database) if row.id in more]
    assert [(row.status, row.attempt_count, row.error) for row in rows] == [
        ("completed", 1, None)
    ] * 6


def test_a_spell_of_trouble_is_logged_at_its_beginning_and_at_its_end(
    database: Database,
    settings: Settings,
    write_script: WriteScript,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(start_trouble, "FIRST_PAUSE_SECONDS", 0.01)
    caplog.set_level(logging.INFO, "hookonce.worker")
    trigger_id = factories.trigger(database, action_payload=write_script("echo done"))
    for _ in range(4):
        factories.execution(database, trigger_id)
    worker = Worker(database, settings, concurrency=2)
    mend = short_of_processes()

    try:
        worker.run_once()
    finally:
        mend()
    until_completed(database, worker, 4)

    assert len(events(caplog, "machine_trouble")) == 1
    detail = events(caplog, "machine_trouble")[0].fields["detail"]
    assert "Resource temporarily unavailable" in detail
    assert len(events(caplog, "machine_trouble_over")) == 1
    assert {row.attempt_count for row in factories.executions(database)} == {1}


def until_completed(database: Database, worker: Worker, count: int) -> None:
    deadline = time.monotonic() + 20
    while [row.status for row in factories.executions(database)] != ["completed"] * count:
        assert time.monotonic() < deadline, factories.executions(database)
        make_due(database)
        worker.run_once()


def test_a_worker_that_can_start_nothing_does_not_claim_without_end(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    trigger_id = factories.trigger(database, action_payload=write_script("echo done"))
    for _ in range(30):
        factories.execution(database, trigger_id)
    worker = Worker(database, settings, concurrency=4)
    mend = short_of_processes()

    try:
        until = time.monotonic() + 0.9
        while time.monotonic() < until:
            worker.work_once()
        started = worker.run_once()
    finally:
        mend()

    claimed = [row for row in factories.executions(database) if row.status != "pending"]
    assert len(claimed) <= 4
    assert started <= 1


def test_what_only_this_event_provokes_counts_as_attempts_in_the_end(
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start_trouble, "FIRST_PAUSE_SECONDS", 0.0)
    program = Path(settings.hookonce_scripts_dir) / "a-program"
    shutil.copy("/bin/true", program)
    trigger = {"action_payload": "a-program", "retry_policy": AT_ONCE}
    factories.execution(database, factories.trigger(database, **trigger))
    worker, rounds = Worker(database, settings, concurrency=2), 0

    with program.open("ab"):  # text file busy, though everything else can be started
        while (row := factories.executions(database)[0]).status in ("pending", "retrying"):
            rounds += worker.run_once()
            assert rounds < 50

    assert (row.status, row.error_category) == ("failed_retryable", "transient")
    assert (row.attempt_count, rounds) == (3, 3 + start_trouble.TAKEN_BACK_AT_MOST)
    assert "busy" in row.error


def test_without_threads_a_claimed_execution_is_given_back(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(actions.ACTIONS, "test", lambda _work: "done")
    factories.execution(database, factories.trigger(database, action_type="test"))
    worker = Worker(database, settings, concurrency=2)

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        worker.run_once()
    (row,) = factories.executions(database)
    assert (row.status, row.attempt_count, row.lease_owner) == ("retrying", 0, None)

    until_completed(database, worker, 1)
    assert [each.number for each in factories.attempts(database)] == [1]


@pytest.mark.parametrize("error", [MemoryError(), OSError(24, "Too many open files")], ids=repr)
def test_an_outcome_that_cannot_be_settled_here_is_kept(
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    monkeypatch.setitem(actions.ACTIONS, "test", lambda _work: "done")
    factories.execution(database, factories.trigger(database, action_type="test"))
    worker = Worker(database, settings, concurrency=1)
    failures = iter([error] * 3)

    def settle(*_: object) -> None:
        for each in failures:
            raise each
        patched.undo()

    patched = pytest.MonkeyPatch()
    patched.setattr("app.worker.settle._values", settle)
    patched.setattr("app.worker.outage.WAIT_SECONDS", 0.01)
    try:
        while not factories.attempts(database) or worker._busy:
            worker.work_once()
            if not next(failures, None):
                patched.undo()
    finally:
        patched.undo()

    assert [row.status for row in factories.executions(database)] == ["completed"]


@pytest.fixture
def port() -> Iterator[int]:
    with targets.answering_elsewhere(OK) as port:
        yield port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("spare", range(4))
def test_a_call_without_descriptors_is_not_started(host: str, spare: int, port: int) -> None:
    allowed = from_environment({"HOOKONCE_EGRESS_ALLOW": "localhost,127.0.0.0/8,::1"})
    http_client.client(allowed.hookonce_egress_allow)
    url = f"http://{host}:{port}/"
    work = factories.work(allowed, action_type="http", action_payload=url)

    with free_descriptors(spare):
        ended = run.action(work)

    assert str(ended).startswith("HTTP 200") or isinstance(ended, MachineTrouble)
    assert spare or isinstance(ended, MachineTrouble)


def test_the_machine_is_short_only_when_it_can_start_nothing() -> None:
    assert not machine.is_short()
    with free_descriptors(3):
        assert machine.is_short()


def test_a_script_that_is_replaced_while_its_event_waits_is_found_a_moment_later(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    name = write_script("echo done", "replaced")
    path = Path(settings.hookonce_scripts_dir) / name
    factories.execution(database, factories.trigger(database, action_payload=name))
    os.rename(path, f"{path}.new")
    timer = threading.Timer(0.1, os.rename, (f"{path}.new", path))

    timer.start()
    Worker(database, settings).run_once()
    timer.join()

    (row,) = factories.executions(database)
    assert (row.status, row.attempt_count) == ("completed", 1)


@pytest.mark.parametrize("absent", ["script", "directory", "interpreter"])
@pytest.mark.usefixtures("longest_waits")
def test_what_worked_before_is_retried_while_it_is_absent(
    database: Database, settings: Settings, tmp_path: Path, absent: str
) -> None:
    directory = tmp_path / "inner"
    directory.mkdir()
    shutil.copy("/bin/sh", tmp_path / "interpreter")
    script = directory / f"without-{absent}"
    script.write_text(f"#!{tmp_path}/interpreter\necho done\n")
    script.chmod(0o700)
    trigger_id = factories.trigger(database, action_payload=f"inner/{script.name}")
    worker = Worker(database, settings)
    path = {"script": script, "directory": directory, "interpreter": tmp_path / "interpreter"}
    factories.execution(database, trigger_id)
    worker.run_once()
    factories.execution(database, trigger_id)

    path[absent].rename(tmp_path / "away")
    worker.run_once()
    during = factories.executions(database)[1]
    (tmp_path / "away").rename(path[absent])
    make_due_waiting(database)
    worker.run_once()

    assert (during.status, during.error_category) == ("retrying", "transient")
    assert [row.status for row in factories.executions(database)] == ["completed"] * 2


def make_due_waiting(database: Database) -> None:
    waiting = trigger_executions.c.status == "retrying"
    update = sa.update(trigger_executions).where(waiting).values(next_attempt_at=utc_now(-1))
    with database.writing() as connection:
        connection.execute(update)


def test_what_stays_away_fails_for_good_in_the_end(
    database: Database,
    settings: Settings,
    write_script: WriteScript,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(absence, "MOMENT_SECONDS", 0.0)
    policy = '{"base_seconds": 0, "max_attempts": 50}'
    name = write_script("echo done", "stays-away")
    trigger_id = factories.trigger(database, action_payload=name, retry_policy=policy)
    worker = Worker(database, settings)
    factories.execution(database, trigger_id)
    worker.run_once()
    (Path(settings.hookonce_scripts_dir) / name).unlink()
    factories.execution(database, trigger_id)

    worker.run_once()

    row = factories.executions(database)[1]
    assert (row.status, row.error_category, row.attempt_count) == ("failed", "permanent", 8)


def test_an_action_of_another_package_is_not_started_without_a_thread(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "named", lambda _name: lambda _work: "done")

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)

    ended = run.action(factories.work(settings, action_type="of another package"))

    assert isinstance(ended, MachineTrouble)
