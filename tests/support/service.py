"""Run the service as an operator does: real processes in own sessions, with logs in files."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from app.cooperative import BlocksAnsweringThread
from tests.support.databases import ROOT
from tests.support.sink import LOOPBACK

DEADLINE_SECONDS = 120.0
"""Seconds after which a wait fails; nothing here takes nearly as long."""
COMMAND_SECONDS = 240.0
"""Seconds that a command with real work may take, such as migrating under load."""
POLL_SECONDS = 0.02
LOGGED_SECONDS = 0.1
COMMANDS = Path(sys.executable).parent
LISTENING = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")

T = TypeVar("T")


def until(ask: Callable[[], T], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """Poll until `ask` returns a true value, and return it; fail with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)
    return answer


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with only these settings: a developer's own must not affect a test."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    path = f"{COMMANDS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    ours = {"PATH": path, "PYTHONUNBUFFERED": "1", "HOOKONCE_EGRESS_ALLOW": LOOPBACK}
    return {**kept, **ours, **settings}


def run(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; both output streams are captured as one."""
    return subprocess.run(
        [str(COMMANDS / command[0]), *command[1:]],
        cwd=ROOT,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


class Running:
    """A running command; `kill` also ends the processes that it started."""

    def __init__(self, log: Path, *command: str, **settings: str) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(COMMANDS / command[0]), *command[1:]],
                cwd=ROOT,
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def children(self) -> list[int]:
        """Return the ids of its running child processes."""
        return _descendants(self.pid, recursive=False)

    def log(self) -> str:
        """Return what the log has; its thread writes a line a moment after the event."""
        time.sleep(LOGGED_SECONDS)
        return self._log.read_text()

    def lines(self, event: str) -> list[str]:
        """Return the log lines of this event."""
        return [line for line in self.log().splitlines() if f" evt={event} " in f"{line} "]

    def wait_for(self, text: str) -> None:
        """Return once the log contains the text."""
        until(lambda: text in self.log() or not self.alive, f"{text!r} in {self._log.name}")
        assert text in self.log(), f"it ended before it said {text!r}:\n{self.log()}"

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end; return the exit status."""
        return self._process.wait(DEADLINE_SECONDS)

    def stop(self) -> int:
        """Send SIGTERM, as a supervisor does; return the exit status."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """Send SIGKILL to the process and all descendants, such as the scripts of a worker."""
        for pid in tree(self._process.pid) if self.alive else ():
            _kill(pid)
        self._process.wait(DEADLINE_SECONDS)


class Gunicorn(Running):
    """A gunicorn with no arguments but address and number of workers; it serves once created."""

    def __init__(self, log: Path, *, workers: int = 2, **settings: str) -> None:
        super().__init__(log, "gunicorn", "-b", "127.0.0.1:0", "-w", str(workers), **settings)
        try:
            until(lambda: self._serving(workers), f"{workers} workers serving, see {log}")
            self.port = _port(self.log())
            until(self._healthy, "an answer from /healthz")
        except BaseException:
            self.kill()  # the caller has no reference to kill it by
            raise

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _serving(self, workers: int) -> bool:
        assert self.alive, f"gunicorn ended:\n{self.log()}"
        return len(self.lines("serving")) >= workers

    def _healthy(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except ConnectionError:
            return False


def _port(log: str) -> int:
    found = LISTENING.search(log)
    assert found, f"gunicorn does not say where it listens:\n{log}"
    return int(found[1])


def tree(root: int) -> list[int]:
    """Return the ids of the process and all its descendants, parents first."""
    return [root, *_descendants(root, recursive=True)]


def open_files(pid: int) -> list[str]:
    """Return the names of the files that the process has open, for each descriptor."""
    names = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed since they were listed
            names.append(os.readlink(link))
    return names


def runs(pid: int) -> bool:
    """Return True if the process exists and is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _descendants(parent: int, *, recursive: bool) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(parent).children(recursive)]
    except psutil.NoSuchProcess:
        return []


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it may have ended with its parent
        os.kill(pid, signal.SIGKILL)


class Service:
    """The processes of one test: receivers and workers on one database, each with its own log."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self._directory = directory
        self._settings = settings
        self._started: list[Running] = []

    def gunicorn(self, *, workers: int = 2, **settings: str) -> Gunicorn:
        log = self._next_log("gunicorn")
        return self._kept(Gunicorn(log, workers=workers, **(self._settings | settings)))

    def worker(self, **settings: str) -> Running:
        """Start a worker; return once it has checked the schema and begun to claim executions."""
        worker = self.start("hookonce", "worker", **settings)
        worker.wait_for("evt=worker_started")
        return worker

    def start(self, *command: str, **settings: str) -> Running:
        log = self._next_log(Path(command[0]).name)
        return self._kept(Running(log, *command, **(self._settings | settings)))

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return run(*command, **(self._settings | settings))

    def remove(self) -> None:
        """Kill all that was started; fail if a request would have blocked its answering thread.

        So every test that runs the service shows that no real request does.
        """
        for each in self._started:
            each.kill()
        for each in self._started:
            assert BlocksAnsweringThread.__name__ not in each.log(), each.log()

    def _next_log(self, name: str) -> Path:
        return self._directory / f"{name}-{len(self._started)}.log"

    def _kept(self, running: T) -> T:
        assert isinstance(running, Running)
        self._started.append(running)
        return running
