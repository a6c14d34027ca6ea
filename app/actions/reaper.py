"""Kill the scripts of a worker that has died, by SIGKILL too: no script outlives its worker.

A small process, one for each worker, reads the running scripts from a pipe. When the worker ends
in any way, the pipe is closed, and the process kills the scripts that still run, with all that
they started. (Linux's PR_SET_PDEATHSIG reaches the script but not its children, and is bound to
the thread that started it.)
"""

import atexit
import itertools
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from app.actions import descendants
from app.actions.descendants import Run


class _Reaper:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Run] = {}
        self._process: subprocess.Popen[bytes] | None = None

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
        env={},  # ours holds the database's password, and a script can read this process's
        start_new_session=True,
    )


_reaper = _Reaper()
_tags = map(f"{secrets.token_hex(8)}.{{}}".format, itertools.count(1))
atexit.register(_reaper.end)


def end() -> None:
    """Kill the watched scripts and all that they started, as if this process had died."""
    _reaper.end()


@contextmanager
def watching() -> Iterator[tuple[str, Callable[[int], Run]]]:
    """Have a run killed if this process ends before the block does.

    Yields the tag for its environment, known before it starts since the start takes long enough
    to be killed during it, and a function that takes the process id of the started script.
    """
    tag = next(_tags)
    _reaper.add(Run(tag))
    try:
        yield tag, _started(tag)
    finally:
        _reaper.discard(Run(tag))


def _started(tag: str) -> Callable[[int], Run]:
    def started(pid: int) -> Run:
        run = Run(tag, pid)
        _reaper.add(run)
        return run

    return started
