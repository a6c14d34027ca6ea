"""Run an executable of the operator's, with the event on its standard input. No shell."""

import os
import shlex
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from app.actions.work import SUMMARY_CHARACTERS, Work, summary
from app.errors import ActionFailed

SAID_CHARACTERS = SUMMARY_CHARACTERS - 100
"""How much of the end of a script's output is kept: why it failed is what it says last."""
EX_TEMPFAIL = 75
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def run(work: Work) -> str:
    """What the script printed, after it ended with status 0.

    Raises ActionFailed: permanent if there is no such script, transient if it ran out of time
    or ended with status 75, else as its output suggests.
    """
    command = _command(work)
    with tempfile.TemporaryFile() as event, tempfile.TemporaryFile() as output:
        event.write(work.event_data.encode())
        event.seek(0)
        status = _run(command, work, event, output)
        said = _end(output)
    if status == 0:
        return said
    if status == EX_TEMPFAIL:
        raise ActionFailed(f"ended with status 75, try again later: {said}", permanent=False)
    ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    raise ActionFailed(f"{ended}: {said}")


def _command(work: Work) -> list[str]:
    """The script and its arguments, the script proven to lie inside the scripts directory."""
    try:
        words = shlex.split(work.action_payload)
    except ValueError as error:
        raise ActionFailed(f"the command line cannot be read: {error}", permanent=True) from error
    if not words:
        raise ActionFailed("the trigger names no script", permanent=True)
    directory = work.settings.hookonce_scripts_dir.resolve()
    try:
        path = (directory / words[0]).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ActionFailed(f"{words[0]!r} is no path: {error}", permanent=True) from error
    if not path.is_relative_to(directory):
        raise ActionFailed(f"{words[0]!r} lies outside the scripts directory", permanent=True)
    if not path.is_file():
        raise ActionFailed(f"there is no script {words[0]!r}", permanent=True)
    if not os.access(path, os.X_OK):
        raise ActionFailed(f"the script {words[0]!r} is not executable", permanent=True)
    return [str(path), *words[1:]]


def _run(command: list[str], work: Work, event: IO[bytes], output: IO[bytes]) -> int:
    """The exit status; beyond its time, the script is killed with all that it started."""
    limit = work.settings.hookonce_script_timeout_seconds
    try:
        process = subprocess.Popen(
            command,
            stdin=event,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=Path(command[0]).parent,
            env=_environment(work),
            start_new_session=True,
        )
    except OSError as error:
        raise ActionFailed(f"the script cannot be started: {error}", permanent=True) from error
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        raise ActionFailed(f"timed out after {limit:g} s", permanent=False) from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment(work: Work) -> dict[str, str]:
    """Enough to work with; never our own settings, which hold the database's password."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "HOOKONCE_EXECUTION_ID": str(work.execution_id),
        "HOOKONCE_ATTEMPT": str(work.attempt_number),
        "HOOKONCE_TRIGGER": work.trigger_slug,
    }


def _end(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 4 * SAID_CHARACTERS))  # a character has at most four bytes
    return summary(output.read().decode("utf-8", "replace").rstrip()[-SAID_CHARACTERS:])
