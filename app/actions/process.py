"""Run a program: no shell, a limited environment, bounded output, and nothing left behind.

Its output is read as it comes and all but the end thrown away, so that no amount of it fills our
memory or the disk, or keeps the program waiting.
"""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from app.actions import reaper
from app.actions.work import SUMMARY_CHARACTERS, Work, summary
from app.errors import ActionFailed
from app.lifecycle import CONFIGURATION, SCRIPT_FAILED, TIMEOUT

SAID_CHARACTERS = SUMMARY_CHARACTERS - 100
"""How much of the end of the output is kept: why it failed is what a program says last."""
_KEPT_BYTES = 4 * SAID_CHARACTERS  # a character has at most four bytes
_PIPE_BYTES = 1 << 20
"""The most that a pipe holds on Linux (fs.pipe-max-size): what is left in it after an exit."""
_LOOK_SECONDS = 0.05
"""How soon an exit is noticed while something that the program started holds its output open."""
EX_TEMPFAIL = 75
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def run(work: Work, command: list[str], given: bytes, seconds: float) -> str:
    """What the program said at its end, after it ended with status 0; `given` was its input.

    A path is run where it stands, a name of PATH where we are.

    Raises ActionFailed: permanent if it cannot be started, transient if it ran out of time or
    ended with status 75, else as its output suggests.
    """
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given)
        stdin.seek(0)
        reaper.start()
        process = _started(work, command, stdin)
        with reaper.watching(process.pid):
            status, output = _watched(process, time.monotonic() + seconds)
    said = summary(output.decode("utf-8", "replace").rstrip()[-SAID_CHARACTERS:])
    if status is None:
        raise ActionFailed(
            f"timed out after {seconds:g} s" + (f": {said}" if said else ""),
            permanent=False,
            reason=TIMEOUT,
        )
    if status == 0:
        return said
    if status == EX_TEMPFAIL:
        raise ActionFailed(
            f"ended with status 75, try again later: {said}",
            permanent=False,
            reason=SCRIPT_FAILED,
        )
    ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    raise ActionFailed(f"{ended}: {said}", reason=SCRIPT_FAILED)


def _started(work: Work, command: list[str], stdin: IO[bytes]) -> subprocess.Popen[bytes]:
    path = Path(command[0])
    try:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            cwd=path.parent if path.is_absolute() else None,
            env=_environment(work),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ActionFailed(
            f"{command[0]!r} cannot be started: {error}", permanent=True, reason=CONFIGURATION
        ) from error


def _environment(work: Work) -> Mapping[str, str]:
    """Enough to work with; never our own settings, which hold the database's password."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "HOOKONCE_EXECUTION_ID": str(work.execution_id),
        "HOOKONCE_CHAIN_ID": str(work.chain_id),
        "HOOKONCE_ATTEMPT": str(work.attempt_number),
        "HOOKONCE_TRIGGER": work.trigger_slug,
    }


def _watched(process: subprocess.Popen[bytes], deadline: float) -> tuple[int | None, bytes]:
    """Exit status and the end of the output; None as status if it was killed at the deadline.

    All that the program started in its session is gone with it.
    """
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    output = process.stdout
    os.set_blocking(output.fileno(), False)
    kept = bytearray()
    try:
        status = _until_ended(process, output, kept, deadline)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _read(output, kept, _PIPE_BYTES)
        output.close()
    return status, bytes(kept)


def _until_ended(
    process: subprocess.Popen[bytes], output: IO[bytes], kept: bytearray, deadline: float
) -> int | None:
    with selectors.DefaultSelector() as waiting:
        waiting.register(output, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if waiting.select(min(left, _LOOK_SECONDS)) and not _read(output, kept, _PIPE_BYTES):
                break  # nothing can be said any more: the exit is all that is left
            if process.poll() is not None:
                return process.returncode
    with suppress(subprocess.TimeoutExpired):
        return process.wait(max(0.0, deadline - time.monotonic()))
    return None


def _read(output: IO[bytes], kept: bytearray, at_most: int) -> bool:
    """Whether there may be more; what there is now was read, and its end is in `kept`."""
    while at_most > 0:
        chunk = output.read(64 * 1024)
        if chunk is None:
            return True
        if not chunk:
            return False
        at_most -= len(chunk)
        kept += chunk
        del kept[:-_KEPT_BYTES]
    return True
