"""Make files for the input of programs, and find out if this machine can start a program at all."""

import os
import socket
import subprocess
import tempfile
import threading

PROBE_BYTES = 64 * 1024
"""Bytes of the probe's input: a machine without memory can still make an empty file."""
PROBE_SECONDS = 10.0
"""Seconds after which a program that does nothing should have ended."""


def file_with(content: bytes) -> int:
    """Return the descriptor of a file with this content, in memory where the system permits it.

    A pipe in its place would block on a program that does not read it.
    """
    descriptor = _new_file()
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _new_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("event")
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return descriptor


def is_short() -> bool:
    """Return True if the machine cannot start a program that does nothing.

    An error of the machine may be provoked by one event, such as one too large for its memory.
    Then everything else can still be started.
    """
    try:
        with open(file_with(bytes(PROBE_BYTES)), "rb") as stdin, socket.socket():
            thread = threading.Thread(target=int, name="probe")
            thread.start()
            thread.join()
            _start_a_program(stdin.fileno())
    except (OSError, RuntimeError, MemoryError, subprocess.TimeoutExpired):
        return True
    return False


def _start_a_program(stdin: int) -> None:
    subprocess.run(
        ["/bin/sh", "-c", ":"],
        stdin=stdin,
        capture_output=True,
        check=False,
        timeout=PROBE_SECONDS,
        env={},
    )
