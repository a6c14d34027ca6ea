"""Kill the scripts of a worker that has died, by SIGKILL too: no script outlives its worker.

A small process, one for each worker, reads the running process groups from a pipe. When the
worker ends in any way, the pipe is closed, and the process kills the groups that still run.
(Linux's PR_SET_PDEATHSIG reaches the script but not its children, and is bound to the thread that
started it.)
"""

import atexit
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SOURCE = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
running = set()
for line in sys.stdin:
    group = int(line[1:])
    running.add(group) if line[0] == "+" else running.discard(group)
for group in running:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class _Reaper:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, so that it learns of each group at once."""
        with self._lock:
            self._write("")

    def add(self, group: int) -> None:
        with self._lock:
            self._running.add(group)
            self._write(f"+{group}\n")

    def discard(self, group: int) -> None:
        with self._lock:
            self._running.discard(group)
            self._write(f"-{group}\n")

    def end(self) -> None:
        """Close the pipe: the process kills the groups that still run."""
        with self._lock:
            if self._process is not None:
                self._process.communicate()
                self._process = None

    def _write(self, line: str) -> None:
        with suppress(OSError):  # without the process scripts run all the same; they may outlive us
            if self._process is None or self._process.poll() is not None:
                self._process = _new_process()
                line = "".join(f"+{group}\n" for group in self._running)
            if line and self._process.stdin is not None:
                self._process.stdin.write(line.encode())


def _new_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _SOURCE],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd="/",
        start_new_session=True,
    )


_reaper = _Reaper()
atexit.register(_reaper.end)


def start() -> None:
    """Start the process before the script: the start takes long enough to be killed during it."""
    _reaper.start()


def end() -> None:
    """Kill the watched process groups, as if this process had died."""
    _reaper.end()


@contextmanager
def watching(group: int) -> Iterator[None]:
    """Have the process group killed if this process ends before the block does."""
    _reaper.add(group)
    try:
        yield
    finally:
        _reaper.discard(group)
