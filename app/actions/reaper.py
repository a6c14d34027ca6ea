"""Kill the scripts of a worker that has died, by SIGKILL too: no script outlives its worker.

A small process, one for each worker, reads the running scripts from a pipe. When the worker ends
in any way, the pipe is closed, and the process kills the scripts that still run, with all that
they started. (Linux's PR_SET_PDEATHSIG reaches the script but not its children, and is bound to
the thread that started it.)
"""

import atexit
import itertools
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.actions import descendants
from app.actions.descendants import Run


class _Reaper:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Run] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, so that it learns of each run at once."""
        with self._lock:
            self._write("")

    def add(self, run: Run) -> None:
        with self._lock:
            self._running[run.tag] = run
            self._write(_line(run))

    def discard(self, run: Run) -> None:
        with self._lock:
            self._running.pop(run.tag, None)
            self._write(f"-{run.tag}\n")

    def end(self) -> None:
        """Close the pipe: the process kills the scripts that still run."""
        with self._lock:
            if self._process is not None:
                self._process.communicate()
                self._process = None

    def _write(self, line: str) -> None:
        with suppress(OSError):  # without the process scripts run all the same; they may outlive us
            if self._process is None or self._process.poll() is not None:
                self._process = _new_process()
                line = "".join(map(_line, self._running.values()))
            if line and self._process.stdin is not None:
                self._process.stdin.write(line.encode())


def _line(run: Run) -> str:
    return f"+{run.tag} {run.leader}\n"


def _new_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", descendants.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd="/",
        env=_environment(),
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    """Return what Python may need to start: a script can read the environment of the process."""
    names = ("PATH", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in names if name in os.environ}


_reaper = _Reaper()
_tags = map(f"{secrets.token_hex(8)}.{{}}".format, itertools.count(1))
atexit.register(_reaper.end)


def end() -> None:
    """Kill the watched scripts and all that they started, as if this process had died."""
    _reaper.end()


def start() -> None:
    """Start the process before the script: the start takes long enough to be killed during it."""
    _reaper.start()


def new_tag() -> str:
    """Return the tag of a new run, for its environment."""
    return next(_tags)


@contextmanager
def watching(run: Run) -> Iterator[None]:
    """Have the run killed if this process ends before the block does."""
    _reaper.add(run)
    try:
        yield
    finally:
        _reaper.discard(run)
