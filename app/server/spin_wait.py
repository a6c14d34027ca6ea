"""A wait at a socket that does not fall asleep at once, where that pays.

Who waits for another process on the same machine is often asleep for less time than it takes to
fall asleep and wake up. So it looks again and again for a moment, and lets anybody else go first
who wants the core.
"""

import os
import select
import time
from collections.abc import Iterator
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE

AWAKE_SECONDS = 0.0008
"""How long at most: a commit takes about half of it."""
RESTS = 10
"""How many waits begin asleep after one that was awake in vain: the disk is a slow one."""
CONTROL_GROUPS = Path("/sys/fs/cgroup")
OURS = Path("/proc/self/cgroup")
QUOTAS = ("cpu.max", "cpu.cfs_quota_us")
"""https://docs.kernel.org/admin-guide/cgroup-v2.html, and as it was before."""
NO_QUOTA = frozenset({"max", "-1"})

_POLLED = {
    EVENT_READ: select.POLLIN,
    EVENT_WRITE: select.POLLOUT,
    EVENT_READ | EVENT_WRITE: select.POLLIN | select.POLLOUT,
}


class SpinWaiter:
    """What one thread waits with."""

    def __init__(self, *, awake: bool | None = None) -> None:
        """None: where there is something to spare."""
        self._awake = spinning_pays() if awake is None else awake
        self._rests = 0

    def there(self, fileno: int, events: int, seconds: float) -> bool:
        """Whether one of these events (of `selectors`) is there, or comes about that soon."""
        at = select.poll()
        at.register(fileno, _POLLED[events])
        return (self._awake and self._comes(at)) or bool(at.poll(1000 * seconds))

    def _comes(self, at: select.poll) -> bool:
        if self._rests:
            self._rests -= 1
            return False
        until = time.monotonic() + AWAKE_SECONDS
        while time.monotonic() < until:
            if at.poll(0):
                return True
            os.sched_yield()
        self._rests = RESTS
        return False


def spinning_pays() -> bool:
    """Whether another core does what is waited for, and no quota is used up by staying awake."""
    try:
        return _cores() > 1 and not any(map(_rationed, _control_groups()))
    except (OSError, ValueError, IndexError):  # what cannot be told is not to spare
        return False


def _cores() -> int:
    """How many this process may use; one where the system does not tell."""
    told = getattr(os, "sched_getaffinity", None)
    return len(told(0)) if told else 1


def _control_groups() -> Iterator[Path]:
    """Those that count processor time, of either version of them, and those around them."""
    lines = OURS.read_text().splitlines() if OURS.exists() else []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if not controllers or "cpu" in controllers.split(","):
            group = CONTROL_GROUPS / ("cpu" if controllers else "") / path.lstrip("/")
            yield from (group, *group.parents)


def _rationed(group: Path) -> bool:
    """Whether it may use only so much of a processor."""
    told = [group / name for name in QUOTAS if (group / name).exists()]
    return any(each.read_text().split()[0] not in NO_QUOTA for each in told)
