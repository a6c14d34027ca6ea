"""Everything that a script started ends with it, whatever group, session or parent it moved to."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from app.db import Database
from tests.support import factories
from tests.support.service import Service, until

ESCAPES = {
    "timeout": "timeout 47 sleep {0} &",
    "group": "bash -c 'set -m; sleep {0} & wait' &",
    "orphaned group": "bash -c 'set -m; sleep {0} & disown'",
    "nohup": "nohup sleep {0} >/dev/null 2>&1 &",
    "session": "setsid sleep {0} &",
    "daemon": "setsid sh -c 'sleep {0} >/dev/null 2>&1 &'",
    "environment": "env -i timeout 47 sleep {0} &",
    "nested": "setsid sh -c 'env -i setsid sleep {0}; true' &",
}
OWN_SESSIONS = {"session", "daemon", "nested"}


class Sleepers:
    """The sleeping processes of one script, each recognised by its number of seconds."""

    def __init__(self) -> None:
        first = 1_000_000 + 100 * os.getpid()
        self._seconds = {name: str(first + n) for n, name in enumerate(ESCAPES)}

    def lines(self) -> str:
        return "\n".join(text.format(self._seconds[name]) for name, text in ESCAPES.items())

    def living(self) -> set[str]:
        words = [each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])]
        ours = [line[1] for line in words if len(line) == 2 and line[0] == "sleep"]
        return {name for name, seconds in self._seconds.items() if seconds in ours}

    def kill(self) -> None:
        for each in psutil.process_iter(["cmdline"]):
            if set(each.info["cmdline"] or []) & set(self._seconds.values()):
                each.kill()


@pytest.fixture
def kind() -> str:
    return "sqlite"


def script(directory: Path, sleepers: Sleepers, end: str) -> str:
    path = directory / "the-script"
    path.write_text(f"#!/bin/bash\n{sleepers.lines()}\n{end}\n")
    path.chmod(0o700)
    return path.name


@pytest.mark.parametrize("how", ["time-out", signal.SIGTERM, signal.SIGKILL], ids=str)
def test_every_descendant_ends_with_its_script(
    service: Service, database: Database, tmp_path: Path, how: str | signal.Signals
) -> None:
    sleepers = Sleepers()
    payload = script(tmp_path, sleepers, "touch begun; sleep 60")
    limits = {"HOOKONCE_SCRIPT_TIMEOUT_SECONDS": "3", "HOOKONCE_SHUTDOWN_SECONDS": "0"}
    if how != "time-out":
        limits["HOOKONCE_SCRIPT_TIMEOUT_SECONDS"] = "60"
    worker = service.worker(**limits)
    try:
        factories.execution(database, factories.trigger(database, action_payload=payload))
        until(lambda: sleepers.living() == set(ESCAPES), "all of them run")

        if isinstance(how, signal.Signals):
            worker.signal(how)
            worker.ended()

        until(lambda: not sleepers.living(), f"all of them end, but {sleepers.living()}")
    finally:
        sleepers.kill()


def test_a_script_that_ends_leaves_only_what_has_a_session_of_its_own(
    service: Service, database: Database, tmp_path: Path
) -> None:
    sleepers = Sleepers()
    payload = script(tmp_path, sleepers, "sleep 0.3; echo done")
    worker = service.worker()
    try:
        factories.execution(database, factories.trigger(database, action_payload=payload))
        until(lambda: factories.executions(database)[0].status == "completed", "it is completed")

        assert sleepers.living() == OWN_SESSIONS
        assert not [each for each in psutil.Process(worker.pid).children() if ended(each)]

        worker.stop()
        assert sleepers.living() == OWN_SESSIONS
    finally:
        sleepers.kill()


def ended(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_ZOMBIE
