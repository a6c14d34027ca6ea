"""Find and kill all that a script started, wherever it moved: group, session or parent.

A process of a script keeps its parent, its session or its environment; one that gave up all three
is not found. This file is also a program (see `app/actions/reaper.py`), so it imports the standard
library only.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple

TAG_NAME = "HOOKONCE_RUN_ID"
"""Variable in a script's environment by which its descendants are recognised."""
KILL_SECONDS = 5.0
"""Seconds after which processes that keep starting others are no longer searched for."""
_PASS_SECONDS = 0.01
_WAIT_SECONDS = 0.001
_PR_SET_CHILD_SUBREAPER = 36

_adopting = False
"""True if this process is the parent of every descendant whose own parent has ended."""


class Run(NamedTuple):
    """One run of a script: its tag, and its process id once it has started."""

    tag: str
    leader: int = 0


class _Process(NamedTuple):
    pid: int
    parent: int
    session: int
    ended: bool


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Make this process the parent of every descendant whose parent ends, where Linux permits it.

    Otherwise another process becomes the parent, and the rest of a script's session is not found
    when the script has ended by itself.
    """
    global _adopting
    _adopting = _adopt(True)
    try:
        yield
    finally:
        _adopting = False
        _adopt(False)


def _adopt(wanted: bool) -> bool:
    import ctypes  # here, since the program below must start fast

    with suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0) == 0)
    return False


def kill_all(runs: Iterable[Run]) -> None:
    """Kill every process of these runs, again until none is left: they may be starting others."""
    runs = list(runs)
    for run in runs:
        kill_group(run)
    deadline = time.monotonic() + KILL_SECONDS
    while (found := _of(runs)) and time.monotonic() < deadline:
        for pid in found:
            _kill(pid)
        time.sleep(_PASS_SECONDS)


def kill_group(run: Run) -> None:
    """Kill the process group of the script; that is all on a system without /proc."""
    if run.leader:
        with suppress(OSError):
            os.killpg(run.leader, signal.SIGKILL)


def kill_session(run: Run) -> None:
    """Kill the rest of an ended script's session, whose processes this one has adopted.

    A process in a session of its own was meant to stay. Adopted processes that have ended are
    removed from the process table.
    """
    deadline = time.monotonic() + KILL_SECONDS
    while _adopting and (living := _living_of_session(run.leader)):
        for pid in living:
            _kill(pid)  # its children are adopted too, and found next time
        if time.monotonic() >= deadline:
            return
        time.sleep(_WAIT_SECONDS)


def _living_of_session(leader: int) -> list[int]:
    """Return the adopted processes of this session that run; forget all that have ended."""
    living = []
    for process in filter(None, map(_process, _adopted())):
        if process.session == os.getsid(0):
            continue  # a child of a plug-in, which waits for its end itself
        if process.ended:
            with suppress(OSError):
                os.waitpid(process.pid, os.WNOHANG)
        elif process.session == leader:
            living.append(process.pid)
    return living


def _of(runs: Iterable[Run]) -> list[int]:
    """Return the living processes of these runs and their descendants."""
    processes = {each.pid: each for each in _processes()}
    leaders = {run.leader for run in runs if run.leader}
    tags = {f"{TAG_NAME}={run.tag}".encode() for run in runs if run.tag}
    found = {
        each.pid
        for each in processes.values()
        if each.pid in leaders or each.session in leaders or _tagged(each.pid, tags)
    }
    found |= {pid for pid in processes if _descends(pid, found, processes)}
    return [pid for pid in found if not processes[pid].ended and pid != os.getpid()]


def _descends(pid: int, ancestors: set[int], processes: Mapping[int, _Process]) -> bool:
    seen: set[int] = set()
    while pid in processes and pid not in seen:
        if pid in ancestors:
            return True
        seen.add(pid)
        pid = processes[pid].parent
    return False


def _processes() -> Iterator[_Process]:
    with suppress(OSError):
        names = os.listdir("/proc")
        yield from filter(None, (_process(int(name)) for name in names if name.isdigit()))


def _process(pid: int) -> _Process | None:
    """Return the process as /proc/<pid>/stat describes it; its name may hold any character."""
    text = _read(f"/proc/{pid}/stat")
    fields = text[text.rfind(b")") + 1 :].split()
    if len(fields) < 4:
        return None
    return _Process(pid, int(fields[1]), int(fields[3]), fields[0] in (b"Z", b"X"))


def _tagged(pid: int, tags: set[bytes]) -> bool:
    return bool(tags) and not tags.isdisjoint(_read(f"/proc/{pid}/environ").split(b"\0"))


def _adopted() -> list[int]:
    """Return the children of the main thread: the kernel gives it every orphan."""
    own = os.getpid()
    return [int(pid) for pid in _read(f"/proc/{own}/task/{own}/children").split()]


def _read(path: str) -> bytes:
    content = b""
    with suppress(OSError):  # the process has ended, or is another user's
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while part := os.read(descriptor, 64 * 1024):
                content += part
        finally:
            os.close(descriptor)
    return content


def _kill(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Read `+<tag> <leader>` and `-<tag>` lines to the end, then kill the runs that are left."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    running: dict[str, Run] = {}
    for line in sys.stdin:
        tag, _, leader = line[1:].strip().partition(" ")
        if line[0] == "+":
            running[tag] = Run(tag, int(leader or 0))
        else:
            running.pop(tag, None)
    kill_all(running.values())


if __name__ == "__main__":
    main()
