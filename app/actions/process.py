"""Run a program without a shell, with a limited environment, and kill all that it started.

Its output is read while it runs and only the end is kept, so that no amount of it fills memory or
disk, or blocks the program.
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
from app.errors import ActionFailed, is_machine_trouble
from app.lifecycle import CONFIGURATION, INTERNAL, SCRIPT_FAILED, TIMEOUT

OUTPUT_CHARACTERS = SUMMARY_CHARACTERS - 100
"""Characters of the output that are kept, from its end: a program prints its error last."""
_KEPT_BYTES = 4 * OUTPUT_CHARACTERS + 4096
"""Bytes of the output that are kept: a character has at most four, and a secret at its beginning
must be whole to be found."""
_PIPE_BYTES = 1 << 20
"""Bytes that a pipe holds at most on Linux (fs.pipe-max-size): unread output after an exit."""
_LOOK_SECONDS = 0.05
"""Seconds between two checks for the exit while a child of the program keeps its output open."""
EX_TEMPFAIL = 75
"""Exit status of a temporary failure, as in sysexits.h: another attempt follows."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def run(work: Work, command: list[str], input_bytes: bytes, seconds: float) -> str:
    """Run the program with this input and return the end of its output, if its status is 0.

    A program given by its path runs in its own directory, one found in PATH in ours.

    Raises ActionFailed: permanent if it cannot be started, transient if it timed out, ended with
    status 75 or this machine lacked what starting it takes; else its output decides.
    """
    with tempfile.TemporaryFile() as stdin:
        stdin.write(input_bytes)
        stdin.seek(0)
        reaper.start()
        process = _start(work, command, stdin)
        with reaper.watching(process.pid):
            status, output = _wait_until(process, time.monotonic() + seconds)
    text = work.hidden(output.decode("utf-8", "replace").rstrip())
    text = summary(text[-OUTPUT_CHARACTERS:])
    if status is None:
        raise ActionFailed(
            f"timed out after {seconds:g} s" + (f": {text}" if text else ""),
            permanent=False,
            reason=TIMEOUT,
        )
    if status == 0:
        return text
    if status == EX_TEMPFAIL:
        raise ActionFailed(
            f"ended with status 75, try again later: {text}",
            permanent=False,
            reason=SCRIPT_FAILED,
        )
    ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    raise ActionFailed(f"{ended}: {text}", reason=SCRIPT_FAILED)


def _start(work: Work, command: list[str], stdin: IO[bytes]) -> subprocess.Popen[bytes]:
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
        passes = is_machine_trouble(error)
        raise ActionFailed(
            f"{command[0]!r} cannot be started: {error}",
            permanent=not passes,
            reason=INTERNAL if passes else CONFIGURATION,
        ) from error


def _environment(work: Work) -> Mapping[str, str]:
    """Return the program's environment: never our settings, which hold the database's password."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "HOOKONCE_EXECUTION_ID": str(work.execution_id),
        "HOOKONCE_CHAIN_ID": str(work.chain_id),
        "HOOKONCE_ATTEMPT": str(work.attempt_number),
        "HOOKONCE_TRIGGER": work.trigger_slug,
    }


def _wait_until(process: subprocess.Popen[bytes], deadline: float) -> tuple[int | None, bytes]:
    """Return the exit status and the end of the output; None as status if it timed out.

    Everything that the program started in its session is killed in the end.
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
                break  # the output is closed: only the exit is left to wait for
            if process.poll() is not None:
                return process.returncode
    with suppress(subprocess.TimeoutExpired):
        return process.wait(max(0.0, deadline - time.monotonic()))
    return None


def _read(output: IO[bytes], kept: bytearray, at_most: int) -> bool:
    """Read the available output and keep its end in `kept`; return False at the end of output."""
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
