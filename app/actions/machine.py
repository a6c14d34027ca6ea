"""Find out if this machine can start programs, without any event."""

import socket
import subprocess
import tempfile
import threading

PROBE_BYTES = 64 * 1024
"""Bytes that the probe writes to a temporary file: a full disk takes an empty one."""
PROBE_SECONDS = 10.0
"""Seconds after which a program that does nothing should have ended."""


def is_short() -> bool:
    """Return True if the machine cannot start a program that does nothing.

    An error of the machine may be provoked by one event, such as one too large for its memory.
    Then everything else can still be started.
    """
    try:
        with tempfile.TemporaryFile(buffering=0) as stdin, socket.socket():
            stdin.write(bytes(PROBE_BYTES))
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
