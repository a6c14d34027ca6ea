"""Hide the secrets of this process from the other processes of its user, scripts above all.

The environment of a process can be read in /proc/<pid>/environ, and its memory in /proc/<pid>/mem.
"""

import ctypes
import os
from contextlib import suppress

_SHOWN = frozenset({"HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "PWD", "SHELL", "TZ", "USER"})
"""Variables that stay readable in /proc; any other may hold a secret."""
_ADDRESSES_AT = 47
"""Index of env_start in the fields of /proc/self/stat after the name; env_end follows.

https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""
_PR_SET_DUMPABLE = 4


def hide() -> None:
    """Deny this process's memory to others than root, and erase its variables from /proc.

    Programs that it starts itself, and `os.environ`, still have them. Does nothing where the system
    has no such means. It also means that the process leaves no core dump.
    """
    with suppress(OSError, ValueError, AttributeError, IndexError):
        _erase_environment()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _erase_environment() -> None:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = map(int, fields[_ADDRESSES_AT : _ADDRESSES_AT + 2])
    for name, value in os.environ.items():
        if name not in _SHOWN:
            os.environ[name] = value  # the C library gets a copy: it reads the erased one otherwise
    offset = start
    for entry in ctypes.string_at(start, end - start).split(b"\0"):
        variable, separator, content = entry.partition(b"=")
        if separator and os.fsdecode(variable) not in _SHOWN:
            ctypes.memset(offset + len(variable) + 1, 0, len(content))
        offset += len(entry) + 1
