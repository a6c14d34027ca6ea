"""Keep what tests write in memory where the machine has room for it: commits wait for no disk."""

import os
import tempfile

IN_MEMORY = "/dev/shm"
ROOM = 6 << 30
"""Bytes that must be free: a bare Debian has about one GB, and two may stand at once."""


def use() -> None:
    """Let this process and those that it starts make temporary files in memory.

    A TMPDIR that somebody set is kept.
    """
    found = directory()
    if found and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = found
        tempfile.tempdir = None  # it is looked up anew


def directory() -> str | None:
    """Return a directory in memory in which programs and devices may be used; None without one."""
    try:
        memory = os.statvfs(IN_MEMORY)
    except FileNotFoundError:
        return None
    is_limited = memory.f_flag & (os.ST_NOEXEC | os.ST_NODEV | os.ST_NOSUID)
    is_large = memory.f_bavail * memory.f_frsize > ROOM
    return IN_MEMORY if is_large and not is_limited else None
