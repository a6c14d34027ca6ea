"""Run a program without a shell, with a limited environment, and kill all that it started."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from app.actions import absence, descendants, machine, reaper
from app.actions.descendants import Run
from app.actions.exchange import ProgramExit, StartedProgram
from app.actions.output import Output
from app.actions.work import Work
from app.errors import Absent, ActionFailed, MachineTrouble, is_machine_trouble
from app.lifecycle import CONFIGURATION, INTERNAL, SCRIPT_FAILED, TIMEOUT

_LOOK_SECONDS = 0.05
"""Seconds between two checks for the exit while a child of the program keeps its output open."""
EX_TEMPFAIL = 75
"""Exit status of a temporary failure, as in sysexits.h: another attempt follows."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


class Program(NamedTuple):
    """A program to start: its path or name with its arguments, and its directory.

    Without a directory a program given by its path runs in its own, one found in PATH in ours.
    """

    words: list[str]
    directory: Path | None = None


Command = Callable[[], Program]
"""A function that returns the program; it raises Absent if that is missing."""


def run(work: Work, command: Command, input_bytes: bytes, seconds: float) -> str:
    """Run the program with this input and return the end of its output, if its status is 0.

    Raises MachineTrouble if this machine lacked what starting it takes, Absent if it is missing,
    ActionFailed else: permanent if it cannot be started, transient if it timed out or ended with
    status 75; otherwise its output decides.
    """
    stdin = _standard_input(input_bytes)
    try:
        reaper.start()
        tag = reaper.new_tag()
        process = absence.within_a_moment(
            work.action_payload, lambda: _start(work, command(), stdin, tag)
        )
        words: Any = process.args
        work.exchange.sent = StartedProgram(words, input_bytes, str(work.chain_id))
        run = Run(tag, process.pid)
        with reaper.watching(run):
            output = Output(process.stdout, process.stderr, work.hidden)
            status = _wait_until(process, run, output, time.monotonic() + seconds)
    finally:
        os.close(stdin)
    if status is not None:
        work.exchange.received = ProgramExit(status)
    if status == 0:
        return output.everything()
    raise _failure(status, output, seconds)


def _failure(status: int | None, output: Output, seconds: float) -> ActionFailed:
    """Return the failure with its reason first; the standard output is the result."""
    permanent, reason = None, SCRIPT_FAILED
    if status is None:
        ended, permanent, reason = f"timed out after {seconds:g} s", False, TIMEOUT
    elif status == EX_TEMPFAIL:
        ended, permanent = "ended with status 75, try again later", False
    elif status < 0:
        ended = f"was killed by signal {-status}"
    else:
        ended = f"ended with status {status}"
    error_text = output.reason()
    sentence = f"{ended}: {error_text}" if error_text else ended
    return ActionFailed(sentence, permanent=permanent, reason=reason, output=output.result())


def _standard_input(content: bytes) -> int:
    try:
        return machine.file_with(content)
    except (OSError, MemoryError) as error:
        raise MachineTrouble(f"no file can be made for the event: {error}") from error


def _start(work: Work, program: Program, stdin: int, tag: str) -> subprocess.Popen[bytes]:
    path = Path(program.words[0])
    try:
        return subprocess.Popen(
            program.words,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=program.directory or (path.parent if path.is_absolute() else None),
            env=_environment(work, tag),
            start_new_session=True,
        )
    except (OSError, ValueError, MemoryError) as error:
        sentence = f"{program.words[0]!r} cannot be started: {error}"
        if is_machine_trouble(error):
            raise MachineTrouble(sentence, reason=INTERNAL) from error
        if isinstance(error, FileNotFoundError):
            raise Absent(sentence, reason=CONFIGURATION) from error
        raise ActionFailed(sentence, permanent=True, reason=CONFIGURATION) from error


def _environment(work: Work, tag: str) -> Mapping[str, str]:
    """Return the program's environment: never our settings, which hold the database's password."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "HOOKONCE_EXECUTION_ID": str(work.execution_id),
        "HOOKONCE_CHAIN_ID": str(work.chain_id),
        "HOOKONCE_ATTEMPT": str(work.attempt_number),
        "HOOKONCE_TRIGGER": work.trigger_slug,
        descendants.TAG_NAME: tag,
    }


def _wait_until(
    process: subprocess.Popen[bytes], run: Run, output: Output, deadline: float
) -> int | None:
    """Return the exit status; None if it timed out.

    If the program has ended by itself the rest of its session is killed, else all that it started.
    """
    status = None
    try:
        status = _until_ended(process, output, deadline)
    finally:
        if status is None:
            descendants.kill_all([run])
            process.wait()
        else:
            descendants.kill_group(run)
        descendants.kill_session(run)
        output.close()
    return status


def _until_ended(process: subprocess.Popen[bytes], output: Output, deadline: float) -> int | None:
    while (left := deadline - time.monotonic()) > 0:
        if not output.wait(min(left, _LOOK_SECONDS)):
            break  # both streams are at their end: only the exit is left to wait for
        if process.poll() is not None:
            return process.returncode
    with suppress(subprocess.TimeoutExpired):
        return process.wait(max(0.0, deadline - time.monotonic()))
    return None
