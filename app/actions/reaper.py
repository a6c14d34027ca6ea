"""A script outlives no worker: not one that is killed, nor one that gave up waiting.

A small process of its own, one for each worker, reads from a pipe which process groups are
running. When the worker is gone, however it went, the pipe ends, and the groups that are still
running are killed. (PR_SET_PDEATHSIG, which Linux has for this, reaches the script but not what
the script started, and is bound to the thread that started it.)
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
        """It runs, so that a group is known to it as soon as there is one."""
        with self._lock:
            self._tell("")

    def add(self, group: int) -> None:
        with self._lock:
            self._running.add(group)
            self._tell(f"+{group}\n")

    def discard(self, group: int) -> None:
        with self._lock:
            self._running.discard(group)
            self._tell(f"-{group}\n")

    def end(self) -> None:
        """The pipe ends, and what still runs is killed."""
        with self._lock:
            if self._process is not None:
                self._process.communicate()
                self._process = None

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # without it scripts still run; they may only outlive us
            if self._process is None or self._process.poll() is not None:
                self._process = _started()
                line = "".join(f"+{group}\n" for group in self._running)
            if line and self._process.stdin is not None:
                self._process.stdin.write(line.encode())


def _started() -> subprocess.Popen[bytes]:
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
    """Make ready to watch: starting the watcher takes long enough for a worker to be killed in."""
    _reaper.start()


def end() -> None:
    """What is watched now is killed, as though this process were gone."""
    _reaper.end()


@contextmanager
def watching(group: int) -> Iterator[None]:
    """While this holds, the process group is killed should this process end."""
    _reaper.add(group)
    try:
        yield
    finally:
        _reaper.discard(group)
