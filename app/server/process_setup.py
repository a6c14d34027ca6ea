"""Set up a server process: time-outs of its sockets, and its garbage collector."""

import ctypes
import gc
import os
import socket
import struct
from collections.abc import Iterable
from typing import Any

MALLOC_ARENAS = 2
"""Heaps among which malloc divides the threads of a process; its default is 8 for each core."""
MAPPED_BYTES = 1_048_576
"""Size from which malloc maps a block by itself, so that freeing the block returns its memory.

With 128 KiB, glibc's first value, bodies of 800 KB took 28 % more CPU time; with 1 MiB no more.
Without it bodies of 1 to 9 MB left a process with 53 MB instead of 27.
"""
FREE_TOP_BYTES = 4_194_304
"""Free memory that the end of a heap keeps for the next blocks."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def limit_silence(listeners: Iterable[Any], seconds: float) -> None:
    """Cut off a sender that sends nothing, or reads no response, for so long.

    Accepted sockets inherit the time-outs. Without them a few dozen such senders would hold every
    thread for as long as they like.
    """
    whole, part = divmod(seconds, 1)
    timeout = struct.pack("ll", int(whole), int(part * 1_000_000))
    for listener in listeners:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)


def limit_malloc() -> None:
    """Have the threads of this process and its forks share heaps without large bodies.

    Each of forty threads would leave the holes of its large bodies in a heap of its own: a process
    took 50 % more memory, and went on growing. glibc also raises the size from which it maps a
    block by itself, up to 32 MB, with every such block that is freed: large bodies would then leave
    holes in the shared heaps. A variable MALLOC_* of the environment has precedence.
    https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # only glibc has it
    if mallopt is None:
        return
    for variable, parameter, value in (
        ("MALLOC_ARENA_MAX", _M_ARENA_MAX, MALLOC_ARENAS),
        ("MALLOC_MMAP_THRESHOLD_", _M_MMAP_THRESHOLD, MAPPED_BYTES),
        ("MALLOC_TRIM_THRESHOLD_", _M_TRIM_THRESHOLD, FREE_TOP_BYTES),
    ):
        if variable not in os.environ:
            mallopt(parameter, value)


def freeze_modules() -> None:
    """Keep the collector from the loaded modules before the master forks its workers.

    The workers share that memory. A collection writes into every object that it visits, so each
    worker would get a copy of its own.
    """
    gc.freeze()


def freeze_application() -> None:
    """Keep the collector from the application once a worker has made it, and have it run rarely.

    A request makes few objects that refer to each other; looking for them after every 700 new
    objects took a tenth of the time. The oldest generation is not much rarer: garbage that once
    survived a collection stays until then.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 5)
